"""A small cluster's names, for tests of how questions are understood."""

from __future__ import annotations

from app.agent.analyst.known import Known
from app.agent.analyst.reading import Reading, read
from app.agent.brain import Asked
from app.domain.chat import Chip, Exchange

NOW = 1_764_003_600.0
"""Epoch seconds: 2025-11-24 17:00 in UTC."""
NODES = tuple(f"gpu-0{number}" for number in range(1, 5))
KNOWN = Known(
    nodes={name: name for name in NODES},
    gpus={name: tuple(range(8)) for name in NODES},
    jobs={key: key for key in ("790", "812", "815", "820", "820_3")},
    job_names={"llama-ft": ("812",), "train": ("815",), "cancel job 812": ("790",)},
    users={"ana": "ana", "ben": "ben"},
    partitions={"gpu": "gpu", "debug": "debug"},
    models=("H100 80GB HBM3",),
    services={"meta/llama-70b": "meta/llama-70b", "llama-70b": "meta/llama-70b"},
    rules={"gpuhot": "GpuHot", "a-17": "a-17"},
    has_slurm=True,
    user="ana",
)


def understood(question: str, *before: str, chips: tuple[Chip, ...] = (), known: Known = KNOWN) -> Reading:
    """What a question is taken for, after others."""
    exchanges = tuple(Exchange(str(number), NOW - 60.0, one) for number, one in enumerate(before))
    return read(Asked(question, chips, exchanges), known, NOW)


def intent(question: str, *before: str, chips: tuple[Chip, ...] = ()) -> str | None:
    """The key of what it is taken for."""
    found = understood(question, *before, chips=chips).intent
    return None if found is None else found.key
