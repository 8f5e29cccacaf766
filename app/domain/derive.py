"""Values that follow from other values: every rule in one place, as rows.

A published value is never replaced; a rule fills in what a source leaves out. `DERIVED` follows from one look, growth
(`rate_of` and `quotient` of the catalogue, and `GROWN`) from two. Nothing is derived from a counter that fell: its
source was restarted in between, and how far it grew is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from app.domain.frozen import frozen
from app.domain.metric import Metric, Scope
from app.domain.metrics import METRICS

Values = Mapping[str, float]


@frozen
class Derived:
    """A value that follows from others of the same subject."""

    key: str
    needs: frozenset[str]
    """Keys that must be known."""
    formula: Callable[[Values], float | None]
    text: str
    """The formula for a person."""


def _share(part: float, whole: float) -> float | None:
    """Percent of a whole; None where there is no whole."""
    return 100.0 * part / whole if whole > 0 else None


DERIVED: tuple[Derived, ...] = (
    Derived(
        "gpu.memory_total",
        frozenset(("gpu.memory_used", "gpu.memory_free")),
        lambda v: v["gpu.memory_used"] + v["gpu.memory_free"] + v.get("gpu.memory_reserved", 0.0),
        "used + free + reserved",
    ),
    Derived(
        "gpu.memory_percent",
        frozenset(("gpu.memory_used", "gpu.memory_total")),
        lambda v: _share(v["gpu.memory_used"], v["gpu.memory_total"]),
        "used / total",
    ),
    Derived(
        "node.memory_used",
        frozenset(("node.memory_total", "node.memory_available")),
        lambda v: max(0.0, v["node.memory_total"] - v["node.memory_available"]),
        "total - available",
    ),
    Derived(
        "node.memory_percent",
        frozenset(("node.memory_used", "node.memory_total")),
        lambda v: _share(v["node.memory_used"], v["node.memory_total"]),
        "used / total",
    ),
    Derived(
        "node.swap_used",
        frozenset(("node.swap_total", "node.swap_free")),
        lambda v: max(0.0, v["node.swap_total"] - v["node.swap_free"]),
        "total - free",
    ),
)
"""In the order they are applied: a later rule may need what an earlier one gave."""

GROWN: tuple[Derived, ...] = (
    Derived(
        "node.cpu_utilization",
        frozenset(("node.cpu_seconds", "node.cpu_idle_seconds")),
        lambda v: _share(v["node.cpu_seconds"] - v["node.cpu_idle_seconds"], v["node.cpu_seconds"]),
        "growth of CPU time not idle / growth of CPU time",
    ),
)
"""Rules whose values are the growth of the needed counters from one look to the next."""


def derive_gpu(values: Values) -> dict[str, float]:
    """A GPU's or MIG slice's values with what follows from them."""
    return fill_in(dict(values), "gpu")


def derive_node(values: Values) -> dict[str, float]:
    """A node's values with what follows from them."""
    return fill_in(dict(values), "node")


def fill_in(found: dict[str, float], scope: Scope) -> dict[str, float]:
    """Values that nobody else has, with what follows from them put in; copies cost a large fleet dear."""
    for rule in _rules(scope):
        if rule.key not in found and found.keys() >= rule.needs:
            value = rule.formula(found)
            if value is not None:
                found[rule.key] = value
    return found


def grow(before: Values, after: Values, seconds: float, scope: Scope) -> dict[str, float]:
    """What follows from two looks at one subject, `seconds` apart: rates, means over the interval, shares of time.

    Empty for the same look twice. A mean over an interval in which nothing happened is absent.
    """
    found: dict[str, float] = {}
    if seconds <= 0:
        return found
    growth = {
        key: after[key] - before[key]
        for key in _counters(scope)
        if key in after and key in before and after[key] >= before[key]
    }
    if not growth:
        return found
    for metric in _growing(scope):
        value = _growth_of(metric, growth, seconds)
        if value is not None and metric.key not in after:
            found[metric.key] = value
    for rule in GROWN:
        if rule.key not in after and growth.keys() >= rule.needs:
            value = rule.formula(growth)
            if value is not None:
                found[rule.key] = min(100.0, max(0.0, value))
    return found


def _growth_of(metric: Metric, growth: Values, seconds: float) -> float | None:
    if metric.rate_of is not None:
        return growth[metric.rate_of] / seconds if metric.rate_of in growth else None
    if metric.quotient is None:
        return None
    above, below = (growth.get(key) for key in metric.quotient)
    if above is None or not below:
        return None
    return above / below * (100.0 if metric.unit == "%" else 1.0)


@cache
def _rules(scope: Scope) -> tuple[Derived, ...]:
    return tuple(rule for rule in DERIVED if rule.key.startswith(f"{scope}."))


@cache
def _growing(scope: Scope) -> tuple[Metric, ...]:
    return tuple(metric for metric in METRICS if metric.scope == scope and (metric.rate_of or metric.quotient))


@cache
def _counters(scope: Scope) -> tuple[str, ...]:
    """Keys of the counters whose growth some row of the scope needs."""
    wanted = [key for metric in _growing(scope) for key in (metric.rate_of, *(metric.quotient or ())) if key]
    wanted += [key for rule in GROWN for key in rule.needs if key.startswith(f"{scope}.")]
    return tuple(dict.fromkeys(wanted))


@cache
def grows(scope: Scope) -> frozenset[str]:
    """Keys that only two looks can give."""
    return frozenset(metric.key for metric in _growing(scope)) | {r.key for r in GROWN if r.key.startswith(f"{scope}.")}
