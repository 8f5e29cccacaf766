"""Sources as rows: every collector, how it is doing, and what to do about one that is not well."""

from __future__ import annotations

from app.domain.snapshot import Snapshot, SourceState
from app.present.cells import Cell, Line, Tone, cells, tidy, wrap
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age, format_count

SOURCE_COLUMNS = (
    Column("state", "", 1),
    Column("name", "source", 18),
    Column("condition", "state", 6),
    Column("age", "age", 8, "right"),
    Column("duration", "took", 7, "right", drop=3),
    Column("interval", "every", 7, "right", drop=6),
    Column("kind", "what it is", 19, drop=2),
    Column("known", "values", 15, "right", drop=4),
    Column("target", "target", 24, grow=1, drop=5),
    Column("error", "", 20, grow=6, drop=1, sortable=False),
)
_UNKNOWN_SHOWN = 12
_TONES: dict[str, Tone] = {"ok": "plain", "stale": "look", "down": "bad", "never": "old"}


def source_rows(snapshot: Snapshot, look: Look) -> Rows:
    """Rows for SOURCE_COLUMNS: those that are not well first, each group by name; the key is the source's name."""
    order = {"down": 0, "stale": 1, "never": 2, "ok": 3}
    known = sorted(snapshot.sources.values(), key=lambda state: (order[state.condition(look.now)], state.spec.name))
    return Rows([state.spec.name for state in known], lambda at: _source_row(known[at], look))


def _source_row(state: SourceState, look: Look) -> Row:
    condition = state.condition(look.now)
    tone = _TONES[condition]
    sign = {"ok": look.glyphs.live, "never": look.glyphs.stale}.get(condition, look.glyphs.critical)
    return Row(
        state.spec.name,
        (
            (Cell(sign, "good" if condition == "ok" else tone),),
            cells(state.spec.name, "strong"),
            (Cell(condition, tone),),
            (Cell(format_age(state.age(look.now)), "quiet" if condition == "ok" else tone),),
            (Cell(_took(state), "quiet"),),
            (Cell(format_age(state.spec.interval_s), "quiet"),),
            cells(state.page.flavour if state.page else state.spec.kind, "quiet"),
            (Cell(_known(state), "quiet"),),
            cells(state.spec.target, "quiet"),
            cells(state.error or "", tone),
        ),
    )


def source_advice(state: SourceState, look: Look, width: int) -> tuple[Line, ...]:
    """Everything about one source as prose lines: what failed, what to do, what was not understood."""
    said = [*_how_it_is(state, look), *_what_it_said(state)]
    return tuple((Cell(part, tone),) for text, tone in said for part in wrap(tidy(text, 2000), width))


def _how_it_is(state: SourceState, look: Look) -> list[tuple[str, Tone]]:
    condition = state.condition(look.now)
    said: list[tuple[str, Tone]] = []
    age, every = format_age(state.age(look.now)), format_age(state.spec.interval_s)
    if state.error:
        last = f"last good {age} ago" if state.ok_at is not None else "never answered"
        said = [(state.error, _TONES[condition]), (f"{state.failures} failures in a row; {last}", "quiet")]
    elif condition == "never":
        said = [("Not read yet: its first look is under way.", "quiet")]
    elif condition == "stale":
        said = [(f"No news for {age}; it is read every {every}.", "look")]
    if state.missed_slots:
        said.append((f"{state.missed_slots} looks were skipped: the one before was still under way.", "look"))
    return said


def _what_it_said(state: SourceState) -> list[tuple[str, Tone]]:
    page = state.page
    if page is None:
        return []
    size = f"{page.size_bytes / 1000:.0f} kB" if page.size_bytes else "size unknown"
    counted = f"{format_count(page.known)} of {format_count(page.samples)} samples known, {size}"
    if state.spec.kind == "log":
        counted = f"{format_count(page.samples)} new lines, {format_count(page.known)} that mean something, {size}"
    said: list[tuple[str, Tone]] = [(f"{page.flavour}: {counted}", "quiet")]
    if page.bad_lines:
        said.append((f"{format_count(page.bad_lines)} lines could not be read:", "look"))
        said += [(f"line {number}: {why}", "quiet") for number, why in page.bad_examples[:5]]
    if page.unknown:
        names = ", ".join(f"{name} ×{count}" for name, count in page.unknown[:_UNKNOWN_SHOWN])
        more = len(page.unknown) - _UNKNOWN_SHOWN
        said.append((f"unknown names: {names}" + (f" and {more} more" if more > 0 else ""), "quiet"))
    return said


def _took(state: SourceState) -> str:
    if state.duration_s is None:
        return MISSING
    return f"{state.duration_s * 1000:.0f} ms" if state.duration_s < 0.9995 else f"{state.duration_s:.1f} s"


def _known(state: SourceState) -> str:
    page = state.page
    if page is None:
        return MISSING
    return f"{format_count(page.known)}/{format_count(page.samples)}"
