"""When a rule would have fired, as strips on one time axis, with how often and how long. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from app.domain.alert import Labels
from app.domain.frozen import frozen
from app.domain.naming import natural
from app.domain.series import Severity
from app.present.alert_marks import about
from app.present.cells import Cell, Line, Tone, fit, fit_line, line, text_width
from app.present.incident_signs import TONES
from app.present.look import Look
from app.present.time_axis import axis_labels
from app.present.units import format_age

_LABEL_LEAST, _LABEL_MOST = 8, 24
_COUNT, _LONGEST = 6, 9
_STRIP_LEAST = 10
ALL = "all"


class Fired(Protocol):
    """One alert from its begin to its end."""

    @property
    def labels(self) -> Labels: ...
    @property
    def active_at(self) -> float: ...
    @property
    def fired_at(self) -> float: ...
    @property
    def ended_at(self) -> float | None: ...
    @property
    def worst(self) -> float | None: ...


class Tried(Protocol):
    """What came of trying a rule on the past."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def step_s(self) -> float: ...
    @property
    def series(self) -> int: ...
    @property
    def left_out(self) -> int: ...
    @property
    def episodes(self) -> Sequence[Fired]: ...


@frozen
class _Row:
    """The episodes of one label set, or of all."""

    label: str
    episodes: tuple[Fired, ...]
    longest_s: float
    whole_s: float


def strip_lines(tried: Tried, severity: Severity, width: int, height: int, look: Look) -> tuple[Line, ...]:
    """The sum, a strip for all and for those that fired longest, and the axis; as many lines as fit."""
    head = summary(tried, look)
    rows = _rows(tried)
    room = max(0, height - 2)
    shown = rows[:room] if len(rows) <= room else rows[: max(0, room - 1)]
    label = min(_LABEL_MOST, max([_LABEL_LEAST, *(text_width(one.label) for one in shown)]))
    strip = width - label - _COUNT - _LONGEST - 3
    if strip < _STRIP_LEAST:
        return (head,)
    lines = [_strip(one, tried, severity, (label, strip), look) for one in shown]
    if len(shown) < len(rows):
        lines.append(line(" " * (label + 2), Cell(f"and {len(rows) - len(shown)} more", "quiet")))
    if not lines:
        return (head, *_empty_strip(tried, width, look))
    moments = axis_labels(tried.start, tried.end, strip, look)
    titles = fit("times", _COUNT, "right") + fit("longest", _LONGEST, "right")
    return (head, *lines, line(" " * (label + 2), Cell(moments + titles, "head")))


def summary(tried: Tried, look: Look) -> Line:
    """`would have fired 7 times on 3 of 16, longest 2 h 10`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    left = f", {tried.left_out:,} more not read" if tried.left_out else ""
    steps = f"in steps of {format_age(tried.step_s)}{left}"
    count = len(tried.episodes)
    if not count:
        base = Cell(f"{tried.series:,} series {steps}", "quiet")
        return line(Cell(f"{look.glyphs.live} ", "good"), "would not have fired in the last day", dot, base)
    places = len({one.labels for one in tried.episodes})
    longest = max(_lasted(one, tried) for one in tried.episodes)
    still = sum(one.ended_at is None for one in tried.episodes)
    return line(
        Cell(f"would have fired {_times(count)}", "strong"),
        Cell(f" on {places} of {tried.series:,}" if tried.series > 1 else "", "plain"),
        dot,
        f"longest {format_age(longest)}",
        *((dot, f"{still} still") if still else ()),
        dot,
        Cell(steps, "quiet"),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count:,} times"


def _rows(tried: Tried) -> list[_Row]:
    """All together where there are several, then each, the one that fired longest first."""
    by_labels: dict[Labels, list[Fired]] = {}
    for one in tried.episodes:
        by_labels.setdefault(one.labels, []).append(one)
    each = [_row(about(labels), some, tried) for labels, some in by_labels.items()]
    each.sort(key=lambda one: (-one.whole_s, natural(one.label)))
    return [_row(ALL, tried.episodes, tried), *each] if len(each) > 1 else each


def _row(label: str, some: Iterable[Fired], tried: Tried) -> _Row:
    episodes = tuple(some)
    lasted = [_lasted(one, tried) for one in episodes]
    return _Row(label, episodes, max(lasted), sum(lasted))


def _strip(one: _Row, tried: Tried, severity: Severity, widths: tuple[int, int], look: Look) -> Line:
    label, strip = widths
    glyphs, tone = look.glyphs, TONES[severity]
    kinds = _columns(one.episodes, tried, strip)
    signs = (Cell(glyphs.gap, "frame"), Cell(glyphs.rest, "quiet"), Cell(glyphs.fill, tone))
    told = fit(f"{len(one.episodes):,}", _COUNT, "right") + fit(format_age(one.longest_s), _LONGEST, "right")
    name: Tone = "quiet" if one.label == ALL else "plain"
    return line(
        fit_line((Cell(one.label, name),), label, cut=glyphs.more),
        "  ",
        *_merged([signs[kind] for kind in kinds]),
        Cell(told, "quiet"),
    )


def _merged(signs: Sequence[Cell]) -> list[Cell]:
    """Neighbours of one kind as one cell."""
    joined: list[Cell] = []
    for one in signs:
        if joined and joined[-1].tone == one.tone:
            joined[-1] = joined[-1]._replace(text=joined[-1].text + one.text)
        else:
            joined.append(one)
    return joined


def _columns(episodes: Iterable[Fired], tried: Tried, width: int) -> list[int]:
    """Of each column whether nothing was (0), something waited (1), something fired (2); what is short is not lost."""
    kinds = [0] * width

    def paint(start: float, end: float, kind: int) -> None:
        span = tried.end - tried.start
        first = int((start - tried.start) / span * width)
        last = int((end - tried.start) / span * width - 1e-9)
        for at in range(max(0, first), min(width - 1, max(first, last)) + 1):
            kinds[at] = max(kinds[at], kind)

    for one in episodes:
        if one.fired_at > one.active_at:
            paint(one.active_at, one.fired_at, 1)
        paint(one.fired_at, tried.end if one.ended_at is None else one.ended_at, 2)
    return kinds


def _lasted(one: Fired, tried: Tried) -> float:
    return max(0.0, (tried.end if one.ended_at is None else one.ended_at) - one.fired_at)


def _empty_strip(tried: Tried, width: int, look: Look) -> tuple[Line, ...]:
    """The day with nothing in it."""
    return (
        (Cell(look.glyphs.gap * width, "frame"),),
        (Cell(axis_labels(tried.start, tried.end, width, look), "head"),),
    )
