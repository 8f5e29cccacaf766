"""The offline analyst: understands what people ask of a cluster, and answers from the same looks, without a model."""

from app.agent.analyst.analyst import Analyst

__all__ = ["Analyst"]
