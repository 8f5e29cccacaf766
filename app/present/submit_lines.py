"""What a script would meet, and what was submitted before, as lines and rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.domain.hostlist import compress
from app.domain.job_actions import SubmitCheck
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import format_age

SCRIPT_COLUMNS = (
    Column("name", "script", 14, sortable=False),
    Column("what", "", 16, grow=1, sortable=False),
)


class Sent(Protocol):
    """A script that was sent."""

    @property
    def at(self) -> float: ...
    @property
    def job_id(self) -> str: ...
    @property
    def name(self) -> str: ...


class Begin(Protocol):
    """A script to begin from."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...


def script_rows(templates: Sequence[Begin], sent: Sequence[Sent], look: Look) -> Rows:
    """Rows for SCRIPT_COLUMNS: templates by `template NAME`, then what was sent by `sent NUMBER`, the newest first."""
    begun = [Row(f"template {one.name}", (cells(one.name, "strong"), cells(one.title, "quiet"))) for one in templates]
    before = [
        Row(f"sent {at}", (cells(one.job_id), line(cells(one.name), cells(f"  {_ago(one.at, look)}", "quiet"))))
        for at, one in enumerate(sent)
    ]
    return Rows.of([*begun, *before])


def check_lines(check: SubmitCheck | None, note: str, look: Look, width: int) -> tuple[Line, ...]:
    """Whether it would be taken, when and where it would start, what speaks against it; or what is going on."""
    if check is None:
        return tuple((Cell(part, "quiet"),) for part in wrap(tidy(note, 400), width))
    tone: Tone = "good" if check.ok else "look"
    sign = look.glyphs.live if check.ok else look.glyphs.warning
    said = "Slurm would take it" if check.ok else "as it stands it would not go well"
    head: list[Cell | str | Line] = [Cell(f"{sign} ", tone), Cell(said, tone)]
    if check.starts_at is not None:
        wait = check.starts_at - look.now
        when = "at once" if wait < 60 else f"in {format_age(wait)}, at {look.clock(check.starts_at, seconds=False)}"
        head += [Cell(f" {look.glyphs.dot} ", "frame"), f"starts {when}", Cell(" by Slurm's estimate", "unit")]
    if check.nodes:
        head += [Cell(f" {look.glyphs.dot} ", "frame"), cells(f"on {compress(check.nodes[:64])}")]
    lines: list[Line] = [line(*head)]
    for text in check.findings:
        parts = wrap(tidy(text, 500), max(8, width - 2))
        lines += [line(Cell("  ", "quiet"), Cell(part, "plain" if check.ok else "look")) for part in parts]
    return tuple(lines)


def _ago(at: float, look: Look) -> str:
    return f"{format_age(look.now - at)} ago"
