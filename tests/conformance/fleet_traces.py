"""Recorded traces of real fleets as the pages their exporters would have answered, moment by moment.

A trace tells one or two values of each machine; nothing is added that would tell the doctor how these machines were.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = "traces-fleet"
CARD_MIB = 49140
"""Of the cards in the serving trace, whose fullest held 47,624 MiB."""
GPUS_A_NODE, SHARE = 8, 10.5
"""A training node's GPUs, and its power in units of one GPU's: 700 W of 7,350 W."""
EVERY = 3
"""Of the training trace's readings, 2 s apart, one in so many is a look."""

Moment = tuple[float, Mapping[str, str]]
"""Epoch seconds, and each node's page; a node that is not in it is gone."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One recorded trace."""

    name: str
    interval_s: float
    moments: Iterator[Moment]


def traces(folder: Path) -> Iterator[Trace]:
    """Every trace that tells of GPUs or of a queue in front of them."""
    root = folder / FOLDER
    yield Trace("serving: utilization and memory of 96 pods", 57.0, _pods(root))
    yield Trace("serving: a gateway's queue", 57.0, _queue(root))
    for name in ("gpt3-64node", "llama2lora-64node", "unet3d-9node"):
        yield Trace(f"training: power, {name}", 2.005 * EVERY, _powers(root / f"mlperf-{name}-dc-run1.csv.gz"))


def _pods(root: Path) -> Iterator[Moment]:
    busy = _values(root / "alibaba-genai-pod_gpu_duty_cycle_anon.csv.gz")
    used = _values(root / "alibaba-genai-pod_gpu_memory_used_bytes_anon.csv.gz")
    filled = _values(root / "alibaba-genai-pod_memory_util_anon.csv.gz")
    for at in sorted(busy):
        yield at, {pod: _pod_page(pod, busy[at], used[at], filled[at]) for pod in busy[at].keys() | used[at].keys()}


def _pod_page(pod: str, busy: Mapping[str, float], used: Mapping[str, float], filled: Mapping[str, float]) -> str:
    labels = f'{{gpu="0",UUID="GPU-{pod}",modelName="NVIDIA A40",Hostname="{pod}"}}'
    lines = []
    if pod in busy:
        lines.append(f"DCGM_FI_DEV_GPU_UTIL{labels} {busy[pod]}")
    if pod in used:
        mib = used[pod] / 2**20
        lines += [f"DCGM_FI_DEV_FB_USED{labels} {mib}", f"DCGM_FI_DEV_FB_FREE{labels} {CARD_MIB - mib}"]
    if pod in filled:
        lines += ["node_memory_MemTotal_bytes 1e11", f"node_memory_MemAvailable_bytes {1e11 * (1 - filled[pod])}"]
    return "\n".join([*lines, ""])


def _queue(root: Path) -> Iterator[Moment]:
    labels = '{engine="0",model_name="served"}'
    for number, (at, row) in enumerate(sorted(_values(root / "alibaba-genai-queue_size.csv.gz").items())):
        lines = [
            f"vllm:num_requests_waiting{labels} {sum(row.values())}",
            f"vllm:num_requests_running{labels} 1",
            f"vllm:generation_tokens_total{labels} {number * 1000}",
        ]
        yield at, {"gateway": "\n".join([*lines, ""])}


def _powers(file: Path) -> Iterator[Moment]:
    with gzip.open(file, "rt") as text:
        for number, row in enumerate(csv.DictReader(text)):
            if number % EVERY == 0:
                at = 1_715_960_307.0 + float(row.pop("t_s"))
                yield at, {node: _power_page(node, float(watts)) for node, watts in row.items() if watts}


def _power_page(node: str, watts: float) -> str:
    one = watts / SHARE
    return "".join(
        f'DCGM_FI_DEV_POWER_USAGE{{gpu="{gpu}",UUID="GPU-{node}-{gpu}",modelName="NVIDIA H100 80GB HBM3",'
        f'Hostname="{node}"}} {one}\n'
        for gpu in range(GPUS_A_NODE)
    )


def _values(file: Path) -> dict[float, dict[str, float]]:
    """Epoch seconds → machine → value."""
    found: dict[float, dict[str, float]] = defaultdict(dict)
    with gzip.open(file, "rt") as text:
        for row in csv.DictReader(text):
            found[float(row["timestamp_anon"])][row["container_ip"]] = float(row["value"])
    return found
