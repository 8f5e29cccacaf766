"""Serves a model with vLLM on a pod or any box: `python3 -m pod.vllm --help`. Standard library, pynvml where it is."""
