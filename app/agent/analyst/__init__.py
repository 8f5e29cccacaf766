"""The offline analyst: understands what people ask of a cluster, and answers from the same looks, without a model."""
