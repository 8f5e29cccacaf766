"""Local GPUs through the pod package: the one reader of NVML, for this machine and for the exporter."""
