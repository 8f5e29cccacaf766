"""The fleet's folds as a Prometheus server reckons them: one question over all GPUs, whatever their number. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.metric import Metric, Name
from app.domain.metrics import by_key

_FOLDS = {"mean": "avg", "sum": "sum", "max": "max", "min": "min", "last": "sum"}
_COUNTED: Mapping[str, str] = {"fleet.gpus": "count({})", "fleet.gpus_busy": "count({} >= 5) or vector(0)"}
"""Metrics of the fleet that are counts over the GPUs' utilization."""


def fleet_queries(metric: Metric, counts: Mapping[str, int], only: str, step_s: float) -> str:
    """The question for a metric's fold over the fleet; `counts`: series of each name that there is.

    Raises LookupError where no expression gives it.
    """
    if metric.key in _COUNTED:
        return _COUNTED[metric.key].format(_expression(by_key()["gpu.utilization"], counts, only, step_s))
    if metric.scope == "fleet":
        raise LookupError(
            f"{metric.key} cannot be reckoned from a Prometheus server; this program's own history has it"
        )
    return f"{_FOLDS[metric.fold]}({_expression(metric, counts, only, step_s)})"


def _expression(metric: Metric, counts: Mapping[str, int], only: str, step_s: float) -> str:
    """One value for each subject, in the metric's unit, from the name that most of them have."""
    if metric.key == "gpu.memory_percent" and not _best(metric, counts):
        used = _expression(by_key()["gpu.memory_used"], counts, only, step_s)
        return f"100 * {used} / {_expression(by_key()['gpu.memory_total'], counts, only, step_s)}"
    if metric.key == "gpu.memory_total" and not _best(metric, counts):
        parts = [by_key()[f"gpu.memory_{part}"] for part in ("used", "free", "reserved")]
        known = [one for one in parts if _best(one, counts)]
        if len(known) >= 2:
            return "(" + " + ".join(_expression(one, counts, only, step_s) for one in known) + ")"
    if metric.rate_of is not None and not _best(metric, counts):
        inner = _expression(by_key()[metric.rate_of], counts, only, step_s)
        return f"rate({inner}[{max(60, round(step_s))}s])" if "(" not in inner else _no(metric)
    name = _best(metric, counts)
    if name is None or name.ratio or name.over or name.equals is not None:
        return _no(metric)
    conditions = [f'{label}="{value}"' for label, value in name.where]
    selector = f"{name.wire}{{{', '.join([*conditions, *([only] if only else [])])}}}"
    folded = selector if step_s < 60 or metric.kind == "counter" else f"avg_over_time({selector}[{round(step_s)}s])"
    return folded if name.scale == 1.0 else f"({folded} * {name.scale!r})"


def _best(metric: Metric, counts: Mapping[str, int]) -> Name | None:
    """The name that most series have; of equals the catalogue's first."""
    there = [name for name in metric.names if counts.get(name.wire)]
    return max(there, key=lambda name: counts[name.wire]) if there else None


def _no(metric: Metric) -> str:
    raise LookupError(f"the fleet's {metric.key} cannot be reckoned by a Prometheus server: ask for a node or a GPU")
