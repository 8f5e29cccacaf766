"""Which metrics a report draws: those that every reader asks for first, and those that the fault itself is known by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.domain.metrics import by_key
from app.domain.series import Series, Subject, span_for
from app.engine.diagnosis.fault_table import FaultTable
from app.present.report_story import Chart
from app.services.report_ground import Past
from app.services.watch import subject_of

MOST_CHARTS, MOST_ASKED = 8, 24
_FLAT = 0.02
POINTS = 240
_GPU = ("gpu.utilization", "gpu.power", "gpu.temperature", "gpu.sm_clock", "gpu.memory_used", "gpu.memory_temperature")
_NODE = (
    "gpu.utilization",
    "gpu.power",
    "gpu.temperature",
    "node.cpu_utilization",
    "node.memory_percent",
    "node.load_1m",
)
_SERVICE = (
    "service.requests_running", "service.requests_waiting", "service.tokens_per_s", "service.kv_cache_usage",
    "service.ttft", "service.e2e_latency",
)  # fmt: skip
_FLEET = ("gpu.utilization", "gpu.power", "fleet.gpus_busy", "fleet.jobs_running", "fleet.jobs_pending")
_JOB = ("gpu.utilization", "gpu.power", "gpu.memory_used", "gpu.temperature")
_USUAL = frozenset((*_GPU, *_NODE, *_SERVICE, *_FLEET, *_JOB))
_LIMITS = {"gpu.power": "gpu.power_limit", "gpu.memory_used": "gpu.memory_total"}
"""A metric's bound, by another metric's last value."""
_SCOPES = {
    "gpu": ("gpu",),
    "node": ("gpu", "node"),
    "service": ("service",),
    "fleet": ("fleet", "gpu"),
    "job": ("gpu",),
}


@frozen
class Asked:
    """One series to be drawn."""

    subject: Subject
    metric: str
    title: str


def plan(findings: Sequence[Finding], table: FaultTable) -> tuple[Asked, ...]:
    """What to draw for an incident, its root's own first, then of servers and machines that it reached."""
    if not findings:
        return ()
    found: dict[tuple[Subject, str], Asked] = {}
    for one in (findings[0], *_reached(findings)):
        subject = subject_of(one.subject)
        # A GPU's name in the past is its place: another board may sit there by now.
        for key in _keys(subject, one, table):
            found.setdefault((subject, key), Asked(subject, key, _title(subject, one, key)))
    return tuple(found.values())


def _reached(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The first finding about each server, and about the root's machine."""
    seen: set[Subject] = {subject_of(findings[0].subject)}
    for one in findings[1:]:
        subject = subject_of(one.subject)
        if subject not in seen and subject.kind in ("service", "node", "gpu"):
            seen.add(subject)
            yield one


def _keys(subject: Subject, one: Finding, table: FaultTable) -> Iterable[str]:
    usual = {"gpu": _GPU, "node": _NODE, "service": _SERVICE, "job": _JOB}.get(subject.kind, _FLEET)
    fault = table.by_key.get(one.fault)
    scopes = _SCOPES.get(subject.kind, ())
    signs = [sign.removesuffix("+") for each in fault.conditions for sign in each.signs] if fault is not None else []
    own = [sign for sign in signs if sign in by_key() and by_key()[sign].scope in scopes]
    return dict.fromkeys((*own[:4], *usual))


def _title(subject: Subject, one: Finding, metric: str) -> str:
    if subject.kind == "fleet":
        return "all GPUs" if metric.startswith("gpu.") else "the cluster"
    named = str(one.subject).partition("#")[0]
    if subject.kind == "service":  # the end of its address tells one server from another
        return named.rpartition("/")[2] or named
    return f"the GPUs of {named}" if subject.kind in ("node", "job") and metric.startswith("gpu.") else named


async def charts(
    past: Past, findings: Sequence[Finding], span: tuple[float, float], table: FaultTable
) -> tuple[Chart, ...]:
    """The charts of what has any value in that time."""
    start, end = span
    step_s = max(1.0, span_for(start, end, POINTS))
    drawn: list[Chart] = []
    for one in plan(findings, table)[:MOST_ASKED]:
        series = await _series(past, one.subject, one.metric, (start, end, step_s))
        if series is None:
            continue
        bound = _LIMITS.get(one.metric) if one.subject.kind == "gpu" else None
        drawn.append(Chart(one.title, series, await _last(past, one.subject, bound, (start, end, step_s))))
    kept = sorted(drawn, key=_is_flat)[:MOST_CHARTS]
    return tuple(one for one in drawn if one in kept)


def _is_flat(one: Chart) -> bool:
    """Whether nothing moved: such a chart gives way to others."""
    known = [point.mean for point in one.series.points if point.mean is not None]
    return max(known) - min(known) <= _FLAT * max(map(abs, known))


async def _series(past: Past, subject: Subject, metric: str, span: tuple[float, float, float]) -> Series | None:
    """The series; None where there is no value in it, or only nothings of what is not usually looked at."""
    try:
        found = await past.series(subject, metric, *span)
    except LookupError:
        return None
    known = [point.mean for point in found.points if point.mean is not None]
    says_nothing = not any(known) and metric not in _USUAL
    return None if not known or says_nothing else found


async def _last(past: Past, subject: Subject, metric: str | None, span: tuple[float, float, float]) -> float | None:
    found = await _series(past, subject, metric, span) if metric is not None else None
    return next((point.mean for point in reversed(found.points) if point.mean is not None), None) if found else None
