"""Empty places, explained: why there is nothing here, and the one key or setting that changes it."""

from __future__ import annotations

from app.present.cells import Cell, Line, Tone, fit_line, tidy, wrap


def note_lines(why: str, hint: str, width: int, height: int) -> tuple[Line, ...]:
    """The two sentences in the middle of a place of exactly that size."""
    room = max(1, min(width - 4, 64))
    said: list[tuple[str, Tone]] = [(text, "quiet") for text in wrap(tidy(why, 400), room)]
    said += [(text, "accent") for text in wrap(tidy(hint, 400), room)]
    said = said[:height]
    above = max(0, (height - len(said)) // 2)
    blank: Line = (Cell(" " * width),)
    middle = [fit_line((Cell(text, tone),), width, "center") for text, tone in said]
    lines = [blank] * above + middle
    return (*lines, *([blank] * (height - len(lines))))
