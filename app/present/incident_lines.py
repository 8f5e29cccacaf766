"""Incidents as lines for reading: the root with its evidence, what follows from it indented, what to do. Pure.

Fits any width from 40 columns on; words say the same without colours. Text from outside is made harmless here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from app.domain.affects import Affects
from app.domain.diagnosis import Diagnosis, Incident
from app.domain.finding import Advice, Evidence, Finding
from app.domain.series import Severity
from app.present.cells import Cell, Line, Tone, line, tidy, wrap
from app.present.incident_told import Told, causal, told_of
from app.present.units import format_age

LEAST_WIDTH = 40
MOST_CONSEQUENCES = 12
"""Consequences of one incident that are written out; more are counted."""
TONES: Mapping[Severity, Tone] = {"critical": "bad", "warning": "look", "info": "info"}
_STEP = 2
_SIGN_WIDTH = 10
"""Columns of a time of day with its gap."""


def diagnosis_lines(
    diagnosis: Diagnosis, width: int, *, ended_since: float = 0.0, zone: tzinfo | None = None
) -> list[Line]:
    """All that is wrong, the gravest first; what ended since a time; what could not be looked at."""
    width = max(LEAST_WIDTH, width)
    told = told_of(diagnosis)
    lines: list[Line] = []
    for one in diagnosis.incidents:
        lines += [*_incident(one, told, diagnosis.at, width, zone), ()]
    if not diagnosis.incidents:
        lines += [line(Cell("nothing is wrong", "good"), " with what was looked at"), ()]
    over = [one for one in diagnosis.ended if (one.ended or 0.0) >= ended_since and one.severity != "info"]
    if over:
        lines += [line(Cell("over", "head")), *_wrapped((_over(one, zone) for one in over), width, _STEP), ()]
    if diagnosis.blind:
        lines.append(line(Cell("not looked at", "head")))
        lines += _wrapped((f"{one.what}: {one.why}" for one in diagnosis.blind), width, _STEP)
    return lines[:-1] if lines and not lines[-1] else lines


def _incident(one: Incident, told: Told, now: float, width: int, zone: tzinfo | None) -> Iterator[Line]:
    findings = told.findings(one)
    root = told.root(one)
    yield from _titled(f"{one.severity} {one.id}", TONES[one.severity], one.title, root.code if root else "", width)
    since = f"since {clock(one.began, zone)} ({format_age(max(0.0, now - one.began))})"
    yield from _paragraph("; ".join((since, *_hits(one.affects, one.users))), width, _STEP, "quiet")
    if root is None:
        return
    yield from _evidence(root.evidence, width, _STEP, zone)
    yield from _paragraph(root.explanation, width, _STEP)
    yield from _actions(root.actions, width, _STEP)
    below = causal(findings)[1:]
    if below:
        yield line(" " * _STEP, Cell("follows from it", "head"))
    for finding, depth in below[:MOST_CONSEQUENCES]:
        yield from _consequence(finding, width, _STEP * (depth + 1), zone)
    if len(below) > MOST_CONSEQUENCES:
        yield line(" " * (2 * _STEP), Cell(f"and {len(below) - MOST_CONSEQUENCES:,} more (--json lists them)", "quiet"))


def _consequence(one: Finding, width: int, indent: int, zone: tzinfo | None) -> Iterator[Line]:
    for part in _titled(one.severity, TONES[one.severity], one.title, one.code, width - indent):
        yield line(" " * indent, part)
    yield from _evidence(one.evidence[:1], width, indent + _STEP, zone)


def _titled(head: str, tone: Tone, title: str, code: str, width: int) -> Iterator[Line]:
    """`critical i-3  GPU gpu-1/3: fell off the bus (B1)`, its title wrapped beneath itself."""
    behind = f" ({tidy(code)})" if code else ""
    indent = len(head) + 2
    for number, part in enumerate(wrap(tidy(title, 300) + behind, max(20, width - indent))):
        yield line(Cell(head, tone) if number == 0 else " " * len(head), "  ", Cell(part, "strong"))


def _evidence(some: tuple[Evidence, ...], width: int, indent: int, zone: tzinfo | None) -> Iterator[Line]:
    for one in some:
        source = f"  [{tidy(one.source)}]" if one.source else ""
        for number, part in enumerate(wrap(f"{tidy(one.text, 400)}{source}", width - indent - _SIGN_WIDTH)):
            when = clock(one.at, zone) if number == 0 else ""
            yield line(" " * indent, Cell(when.ljust(_SIGN_WIDTH), "quiet"), part)


def _actions(some: tuple[Advice, ...], width: int, indent: int) -> Iterator[Line]:
    """What to do, one after the other; a command stands alone on its line, whole, so that it can be copied."""
    for number, one in enumerate(some, 1):
        mark = f"{number}. "
        for at, part in enumerate(wrap(tidy(one.text, 400), width - indent - len(mark))):
            yield line(" " * indent, Cell(mark if at == 0 else " " * len(mark), "accent"), part)
        if one.command is not None:
            yield line(" " * (indent + len(mark)), Cell("$ ", "quiet"), Cell(tidy(one.command, 1000), "strong"))


def _hits(affects: Affects, users: tuple[str, ...]) -> Iterator[str]:
    if affects.gpus:
        yield f"{affects.gpus:,} {'GPU' if affects.gpus == 1 else 'GPUs'}"
    if affects.jobs:
        shown = ", ".join(map(tidy, affects.jobs[:4])) + (
            f" and {len(affects.jobs) - 4} more" * (len(affects.jobs) > 4)
        )
        whose = f" ({', '.join(map(tidy, users[:3]))}{', …' if len(users) > 3 else ''})" if users else ""
        yield f"{'job' if len(affects.jobs) == 1 else 'jobs'} {shown}{whose}"
    if affects.cost_per_hour is not None:
        yield f"{affects.cost_per_hour:.2f} $/h"


def _over(one: Incident, zone: tzinfo | None) -> str:
    return f"{one.id}, {clock(one.began, zone)} to {clock(one.ended or one.last_seen, zone)}: {one.title}"


def _paragraph(text: str, width: int, indent: int, tone: Tone = "plain") -> Iterator[Line]:
    for part in wrap(tidy(text, 2000), width - indent):
        yield line(" " * indent, Cell(part, tone))


def _wrapped(texts: Iterator[str], width: int, indent: int) -> Iterator[Line]:
    """Each text in lines, those after its first one deeper."""
    for text in texts:
        for number, part in enumerate(wrap(tidy(text, 400), width - 2 * indent)):
            yield line(" " * (indent if number == 0 else 2 * indent), part)


def clock(at: float, zone: tzinfo | None = None) -> str:
    """`14:02:11`; `zone` None: the system's."""
    try:
        return f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "--:--:--"
