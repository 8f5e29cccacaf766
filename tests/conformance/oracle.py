"""What a page ought to give, worked out the slow and simple way and without the program's reader.

A regular expression splits lines, every sample is held against every name of the catalogue, and a GPU is whoever
carries the UUID (or the index). Only the catalogue is shared with the program: what it knows must be found.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from app.domain.metric import Metric, Name
from app.domain.metrics import METRICS

_LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_UUIDS = ("UUID", "uuid", "gpu_uuid", "GPU_UUID", "device_uuid")
_INDEXES = ("gpu", "gpu_index", "gpu_id", "index")
_SLICES = ("GPU_I_ID", "gpu_instance_id", "mig_instance")

Subject = tuple[str, str, str]
"""(scope, GPU or model, MIG slice); empty where it has none."""


@dataclass(frozen=True)
class Sample:
    """One line."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass
class Expected:
    """What a page holds that the catalogue knows."""

    values: dict[tuple[Subject, str], float] = field(default_factory=dict)
    """(subject, catalogue key) → value in the catalogue's unit."""
    nobodys: Counter[str] = field(default_factory=Counter)
    """Samples with a known name and no subject."""

    @property
    def gpus(self) -> set[str]:
        """Every GPU with at least one value, slices aside."""
        return {who for (scope, who, _), _ in self.values if scope == "gpu"}


def samples_of(text: str) -> Iterator[Sample]:
    """Every sample line."""
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if found and not line.startswith("#"):
            yield Sample(found[1], dict(_LABEL.findall(found[2] or "")), float(found[3]))


def expect(path: Path, text: str) -> Expected:
    """What the page holds. `path` tells only whether a sentinel is one (DCGM's pages)."""
    every = list(samples_of(text))
    models = {m for s in every if s.name.startswith(("vllm:", "nv_inference")) and (m := _model(s)) is not None}
    found: dict[tuple[Subject, str], dict[int, dict[tuple[str, ...], float]]] = {}
    metrics: dict[str, Metric] = {}
    expected = Expected()
    for sample in every:
        pairs = [pair for pair in _pairs() if pair[2].wire == sample.name]
        for metric, rank, name in pairs:
            if not _fits(name, sample):
                continue
            subject = _subject(metric, sample, models)
            if subject is None:
                expected.nobodys[sample.name] += 1
            elif _says_something(metric, sample, is_dcgm=path.name.startswith("dcgm")):
                part = tuple(sample.labels.get(label, "") for label in name.parts)
                value = _value(name, sample, part, every)
                if value is None:
                    continue
                ways = found.setdefault((subject, metric.key), {}).setdefault(rank, {})
                ways.setdefault(part if any(part) else (), value)
                metrics[metric.key] = metric
    for (subject, key), by_rank in found.items():
        parts = by_rank[min(by_rank)]
        expected.values[subject, key] = parts[()] if () in parts else _merge(metrics[key], list(parts.values()))
    return expected


def _value(name: Name, sample: Sample, part: tuple[str, ...], every: list[Sample]) -> float | None:
    """The sample in the catalogue's unit: as it is scaled, as 1 or 0, or as the share of its whole on the page."""
    if name.equals is not None:
        return float(sample.value == name.equals)
    if not name.over:
        return sample.value * name.scale
    wholes = (one for one in every if one.name == name.over and _fits(name, one))
    same = (one.value for one in wholes if part == tuple(one.labels.get(label, "") for label in name.parts))
    whole = next(same, 0.0)
    return sample.value / whole * name.scale if 0 < whole < 0x7FFFFFFFFFFFFFF0 else None


def _pairs() -> Iterator[tuple[Metric, int, Name]]:
    for metric in METRICS:
        wires = [name.wire for name in metric.names]
        for name in metric.names:
            yield metric, wires.index(name.wire), name


def _fits(name: Name, sample: Sample) -> bool:
    wanted = all(sample.labels.get(label) == value for label, value in name.where)
    return wanted and not any(fnmatch(sample.labels.get(label, ""), pattern) for label, pattern in name.unless)


def _model(sample: Sample) -> str | None:
    return sample.labels.get("model_name") or sample.labels.get("model")


def _subject(metric: Metric, sample: Sample, models: set[str]) -> Subject | None:
    labels = sample.labels
    if metric.scope == "node":
        return ("node", "", "")
    if metric.scope == "service":
        model = _model(sample) or (next(iter(models)) if len(models) == 1 else None)
        return ("service", model, "") if model is not None else None
    uuid = next((labels[name] for name in _UUIDS if labels.get(name)), None)
    index = next((labels[name] for name in _INDEXES if labels.get(name, "").isdigit()), None)
    who = uuid.lower().removeprefix("gpu-") if uuid else index
    return ("gpu", who, next((labels[name] for name in _SLICES if labels.get(name)), "")) if who is not None else None


def _says_something(metric: Metric, sample: Sample, *, is_dcgm: bool) -> bool:
    value = sample.value
    if not math.isfinite(value) or value >= 0x7FFFFFFFFFFFFFF0:
        return False
    if is_dcgm and (2147483632 <= value <= 2147483635 or 140737488355328 <= value <= 140737488355331):
        return False
    return not (metric.key == "gpu.memory_temperature" and value == 0)


def _merge(metric: Metric, parts: list[float]) -> float:
    match metric.merge:
        case "sum":
            return sum(parts)
        case "max":
            return max(parts)
        case "min":
            return min(parts)
        case "last":
            return parts[0]
