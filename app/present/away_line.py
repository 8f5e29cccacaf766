"""`digest` on one line, for who comes back: what is still wrong first. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.digest import Digest
from app.domain.naming import clean
from app.present.cells import Cell, Line, Tone, line, spread
from app.present.look import Look
from app.present.units import format_age

_GOOD_STATES = ("completed",)
"""Ends of jobs that are good news."""


def away_line(found: Digest, look: Look, hint: str, width: int) -> Line:
    """What happened meanwhile; `hint`, at the right, says how to read on and how to be rid of it."""
    parts: list[Cell | str | Line] = [
        Cell(" while you were away ", "head"),
        Cell(format_age(found.end - found.start), "strong"),
    ]
    told = list(_told(found, look)) or [Cell("nothing of note", "quiet")]
    for number, one in enumerate(told):
        parts += [Cell(" · " if number else "  ", "quiet"), one]
    return spread(line(*parts), line(Cell(hint, "quiet"), " "), width, cut=look.glyphs.more)


def _told(found: Digest, look: Look) -> Iterator[Cell]:
    still = [one for one in found.fired if one.ended_at is None and one.severity != "info"]
    over = [one for one in found.fired if one.ended_at is not None and one.severity != "info"]
    if still:
        tone: Tone = "bad" if any(one.severity == "critical" for one in still) else "look"
        sign = look.glyphs.critical if tone == "bad" else look.glyphs.warning
        yield Cell(f"{sign} {len(still):,} still wrong", tone)
    if over:
        yield Cell(f"{len(over):,} over", "plain")
    for state, count in found.ended.items():
        word = clean(state, 20).lower()
        yield Cell(f"{count:,} {'job' if count == 1 else 'jobs'} {word}", "plain" if word in _GOOD_STATES else "look")
    if found.changed:
        yield Cell(
            f"{len(found.changed):,} {'thing is' if len(found.changed) == 1 else 'things are'} not as before", "plain"
        )
