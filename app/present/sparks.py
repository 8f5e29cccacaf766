"""Sparklines and area charts of block characters, on a fixed range, with gaps as gaps.

A value at the bottom of the range draws the lowest bar, never nothing: nothing is a gap. A line alone has seven
heights, so that full bars of neighbouring lines never melt into a block; taller charts have eight a line.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.present.glyphs import UNICODE, Glyphs

_STEPS = 8


def sparkline(values: Sequence[float | None], width: int, low: float, high: float, glyphs: Glyphs = UNICODE) -> str:
    """The newest `width` values as one line, the newest at the right."""
    return area(values, width, 1, low, high, glyphs)[0]


def area(
    values: Sequence[float | None], width: int, height: int, low: float, high: float, glyphs: Glyphs = UNICODE
) -> tuple[str, ...]:
    """The newest `width` values as columns, `height` lines high, the top line first."""
    newest = values[-width:] if width > 0 else ()
    shown: list[float | None] = [None] * (width - len(newest))
    shown.extend(newest)
    known = len(values)
    steps = _STEPS * height if height > 1 else _STEPS - 1
    heights = [_height(value, low, high, steps) for value in shown]
    lines: list[str] = []
    for line in range(height):
        floor = _STEPS * (height - 1 - line)
        signs: list[str] = []
        for column, tall in enumerate(heights):
            if tall is None:
                is_past = column < width - known
                signs.append(glyphs.gap if line == height - 1 and not is_past else " ")
            else:
                signs.append(glyphs.bars[min(_STEPS, max(0, tall - floor))])
        lines.append("".join(signs))
    return tuple(lines)


def _height(value: float | None, low: float, high: float, steps: int) -> int | None:
    """1 … steps; None for no value."""
    if value is None:
        return None
    share = (value - low) / (high - low) if high > low else 0.0
    return max(1, min(steps, round(share * steps)))
