"""The edges of a frame as lines: title at the left, state at the right, keys of the focused pane below."""

from __future__ import annotations

from app.present.cells import Cell, Line, Tone, fit_line, line, line_width
from app.present.glyphs import Glyphs


def frame_top(title: Line, state: Line, width: int, glyphs: Glyphs, tone: Tone = "frame") -> Line:
    """`╭ title ───── state ╮`; the state gives way before the title does."""
    return _edge(title, state, width, glyphs, tone, (glyphs.box.top_left, glyphs.box.top_right))


def frame_bottom(keys: Line, width: int, glyphs: Glyphs, tone: Tone = "frame") -> Line:
    """`╰─ keys ──────╯`."""
    return _edge(keys, (), width, glyphs, tone, (glyphs.box.bottom_left, glyphs.box.bottom_right))


def keys_line(keys: tuple[tuple[str, str], ...], glyphs: Glyphs) -> Line:
    """Keys and what they do: `⏎ send · esc stop`."""
    parts: list[Cell | str | Line] = []
    for number, (key, label) in enumerate(keys):
        if number:
            parts.append(Cell(f" {glyphs.dot} ", "frame"))
        parts += [Cell(key, "accent"), Cell(f" {label}", "quiet")]
    return line(*parts)


def _edge(left: Line, right: Line, width: int, glyphs: Glyphs, tone: Tone, corners: tuple[str, str]) -> Line:
    if width < 2:
        return (Cell(glyphs.box.across * max(0, width), tone),)
    room = width - 2
    if right and line_width(right) + line_width(left) + 6 > room:
        space = room - line_width(left) - 6
        right = fit_line(right, space, cut=glyphs.more) if space >= 8 else ()
    if left and line_width(left) + 2 > room:
        left = fit_line(left, max(0, room - 2), cut=glyphs.more)
    parts: list[Cell | str | Line] = [Cell(corners[0], tone)]
    used = 0
    if left:
        parts += [" ", left, " "]
        used += line_width(left) + 2
    tail: list[Cell | str | Line] = []
    if right:
        tail = [" ", right, " "]
        used += line_width(right) + 2
    parts.append(Cell(glyphs.box.across * (room - used), tone))
    return line(*parts, *tail, Cell(corners[1], tone))
