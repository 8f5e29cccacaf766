"""What is looked at for a model that calls no tools: diagnosis, cluster, and what the question is about. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.agent.brain import Asked
from app.domain.chat import Chip

Look = tuple[str, dict[str, Any]]
"""A tool and its arguments."""
MOST = 5
_JOB = re.compile(r"\bjobs?\s*#?\s*(\d+(?:_\d+)?)", re.IGNORECASE)
_GPU = re.compile(r"\b([A-Za-z][\w.-]*/\d{1,2})\b")
_ABOUT: tuple[tuple[re.Pattern[str], Look], ...] = (
    (re.compile(r"\balerts?\b|\balarm", re.IGNORECASE), ("alerts", {})),
    (re.compile(r"\bchang|\bhappen|since|what.s new", re.IGNORECASE), ("what_changed", {"since": "1h"})),
    (re.compile(r"\bvllm|\bmodel|token|latency|ttft", re.IGNORECASE), ("vllm_status", {})),
    (re.compile(r"\bcost|\bwast|\bidle|\bprice|expens", re.IGNORECASE), ("cost", {})),
    (re.compile(r"\bqueue|pending|slurm|partition|\bjobs?\b", re.IGNORECASE), ("slurm_status", {})),
    (re.compile(r"\blogs?\b|\bxid|kernel|dmesg", re.IGNORECASE), ("logs", {"source": "kernel"})),
    (re.compile(r"hot|temperature|util|power|memory|clock", re.IGNORECASE), ("current_metrics", {})),
)
_CHIPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gpu": (("gpu_details", "gpu"),),
    "node": (("node_details", "node"),),
    "job": (("job_details", "job"),),
    "incident": (("diagnose", "about"),),
}


def looks(asked: Asked, known: frozenset[str]) -> tuple[Look, ...]:
    """What to look at, in order; `known` are the tools there are."""
    found: list[Look] = [("diagnose", {}), ("cluster_status", {})]
    for chip in asked.chips:
        found += _for_chip(chip)
    text = asked.question
    job = _JOB.search(text)
    if job is not None:
        found.append(
            (
                "why_pending" if re.search(r"pend|wait|start", text, re.IGNORECASE) else "job_details",
                {"job": job.group(1)},
            )
        )
    gpu = _GPU.search(text)
    if gpu is not None:
        found.append(("gpu_details", {"gpu": gpu.group(1)}))
    found += [look for pattern, look in _ABOUT if pattern.search(text)]
    kept: list[Look] = []
    for one in found:
        if one[0] in known and one not in kept:
            kept.append(one)
    return tuple(kept[:MOST])


def _for_chip(chip: Chip) -> list[Look]:
    if chip.kind == "alert":
        return [("alerts", {})]
    return [(tool, {argument: chip.key}) for tool, argument in _CHIPS.get(chip.kind, ())]
