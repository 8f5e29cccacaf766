"""Judging all-reduces: figures of several GPUs together, which name a node or a network and not a GPU. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Literal

from app.domain.frozen import frozen
from app.engine.stress_models import model_of
from app.engine.stress_results import Device
from app.engine.stress_words import figure

_BEHIND, _CPU_BEHIND = 0.3, 0.67
"""How much below the other nodes one may be; processors share what they have with whatever else runs there."""


@frozen
class Group:
    """GPUs that reduced together."""

    name: str
    """A node, or `all nodes`."""
    phase: str
    ranks: int
    state: Literal["ok", "slow", "faulty", "unknown"]
    value: float | None
    """Bus bandwidth of the slowest, bytes a second."""
    expected: float | None = None
    reasons: tuple[str, ...] = ()


def groups_of(devices: Sequence[Device]) -> tuple[Group, ...]:
    """Each node's all-reduce, and that of all nodes."""
    hosts: dict[str, list[Device]] = {}
    for one in devices:
        hosts.setdefault(one.host, []).append(one)
    rates = {host: rate for host, members in hosts.items() if (rate := _rate(members, "allreduce.node")) is not None}
    found = [_group(host, "allreduce.node", members, rates) for host, members in hosts.items()]
    found.append(_group("all nodes", "allreduce.all", devices, {}))
    return tuple(one for one in found if one is not None)


def _group(name: str, phase: str, members: Sequence[Device], rates: dict[str, float]) -> Group | None:
    """None where the members had nothing to reduce together."""
    failed = [(one.name, text) for one in members for at, text in one.errors if at == phase]
    value = _rate(members, phase)
    if value is None and not failed:
        return None
    wrong = [(one.name, found.number("wrong")) for one in members if (found := one.result(phase))]
    bad = [who for who, count in wrong if count]
    if bad:
        return Group(name, phase, len(members), "faulty", value, reasons=(f"wrong sums on {', '.join(bad[:8])}",))
    if failed:
        reason = f"failed on {failed[0][0]}" + (f" and {len(failed) - 1} more" if failed[1:] else "")
        return Group(name, phase, len(members), "unknown", value, reasons=(f"{reason}: {failed[0][1]}",))
    models = {one.model for one in members if one.kind == "cuda"}
    model = model_of(models.pop()) if len(models) == 1 else None
    expected = model.peaks.get(phase) if model else None
    wanted = model.share_wanted(phase) if model else None
    others = [rate for host, rate in rates.items() if host != name]
    least = 1 - (_BEHIND if members[0].kind == "cuda" else _CPU_BEHIND)
    reasons = tuple(_reasons(value or 0.0, expected, wanted, others, least))
    return Group(name, phase, len(members), "slow" if reasons else "ok", value, expected, reasons)


def _reasons(
    value: float, expected: float | None, wanted: float | None, others: Sequence[float], least: float
) -> Iterator[str]:
    if expected is not None and wanted is not None and value < wanted * expected:
        share = f"{100 * value / expected:.0f} % of the {figure(expected, 'B/s')} of its NVLink"
        yield f"all-reduce reaches {figure(value, 'B/s')}, {share}: a link may be down, or the traffic goes over PCIe"
    if others and value < least * median(others):
        below = round(100 * (1 - value / median(others)))
        yield f"all-reduce {below} % below the other node{'' if len(others) == 1 else 's'}"


def _rate(members: Sequence[Device], phase: str) -> float | None:
    """Of the slowest; None where nobody measured it."""
    values = [found.value for one in members if (found := one.result(phase)) and found.value is not None]
    return min(values) if values else None
