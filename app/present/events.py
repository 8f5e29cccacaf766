"""Events as lines and rows: a sign, a clock, one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.series import Event
from app.present.cells import Cell, Line, Tone, cells, fit, fit_line, line, spread
from app.present.look import Look
from app.present.rows import Column, Row, Rows

EVENT_COLUMNS = (
    Column("sign", "", 1, sortable=False),
    Column("at", "when", 11),
    Column("kind", "what", 12, drop=1),
    Column("text", "", 30, grow=1, sortable=False),
)


def event_sign(event: Event, look: Look) -> Cell:
    """One column: how grave it is."""
    match event.severity:
        case "critical":
            return Cell(look.glyphs.critical, "bad")
        case "warning":
            return Cell(look.glyphs.warning, "look")
        case _:
            return Cell(look.glyphs.info, "info")


def event_line(event: Event, look: Look, width: int, hint: str = "") -> Line:
    """`▲ 14:32:08 gpu-01/5 is lost: …`, with a key's hint at the right where it fits."""
    tone: Tone = "plain" if event.severity != "info" else "quiet"
    said = line(event_sign(event, look), " ", Cell(look.clock(event.at), "quiet"), " ", cells(event.text, tone))
    return led_line(said, hint, width, look)


def led_line(said: Line, hint: str, width: int, look: Look) -> Line:
    """A line with a key's hint at the right where it fits."""
    if hint and width >= 60:
        return spread(said, cells(hint, "quiet"), width, cut=look.glyphs.more)
    return fit_line(said, width, cut=look.glyphs.more)


def notable(events: Sequence[Event], most: int) -> tuple[Event, ...]:
    """The newest of the gravest, the newest first: the last critical before a newer piece of information."""
    order = {"critical": 0, "warning": 1, "info": 2}
    chosen = sorted(events, key=lambda event: (order[event.severity], -event.at))[:most]
    return tuple(sorted(chosen, key=lambda event: -event.at))


def event_rows(events: Sequence[Event], look: Look) -> Rows:
    """Rows for EVENT_COLUMNS, the newest first."""
    newest = tuple(sorted(events, key=lambda event: -event.at))
    seen: dict[str, int] = {}
    keys: list[str] = []
    for event in newest:
        key = f"{event.at:.3f} {event.kind} {event.subject}"
        seen[key] = seen.get(key, 0) + 1
        keys.append(key if seen[key] == 1 else f"{key} #{seen[key]}")
    return Rows(keys, lambda at: _event_row(keys[at], newest[at], look))


def _event_row(key: str, event: Event, look: Look) -> Row:
    when = (Cell(fit(look.clock(event.at), 11), "quiet"),)
    return Row(key, ((event_sign(event, look),), when, cells(event.kind, "quiet"), cells(event.text)))
