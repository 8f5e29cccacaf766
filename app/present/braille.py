"""Curves in braille: two columns and four heights of dots in each character, joined from point to point.

Dots keep a busy fleet calm where solid areas would shout, and double what fits across. A missing point is a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row from the top and column."""
ACROSS, DOWN = 2, 4
"""Dots in a character."""

_PLAIN = "'-_"
"""Heights within a line, from the top, in ASCII."""

Extent = tuple[float, float]
"""Lowest and highest value of a column; equal where there was one value."""


def canvas(columns: Sequence[Extent | None], width: int, height: int, low: float, high: float) -> tuple[str, ...]:
    """Draw `2 × width` columns of dots, the top line first; each column reaches over to the one before it."""
    rows = height * DOWN
    bits = [[0] * width for _ in range(height)]
    before: tuple[int, int] | None = None
    for x, extent in enumerate(columns[: width * ACROSS]):
        if extent is None:
            before = None
            continue
        bottom, top = (_row(value, low, high, rows) for value in extent)
        first, last = top, bottom
        if before is not None:  # join the gap between two columns that do not touch
            if before[1] < first - 1:
                first = before[1] + 1
            elif before[0] > last + 1:
                last = before[0] - 1
        for y in range(first, last + 1):
            bits[y // DOWN][x // ACROSS] |= _DOTS[y % DOWN][x % ACROSS]
        before = (top, bottom)
    return tuple("".join(chr(_BLANK + cell) if cell else " " for cell in row) for row in bits)


def plain_canvas(columns: Sequence[Extent | None], width: int, height: int, low: float, high: float) -> tuple[str, ...]:
    """The same in ASCII, one column of dots a character: three heights a line, upright strokes between."""
    steps = len(_PLAIN)
    rows = height * steps
    signs = [[" "] * width for _ in range(height)]
    for x, extent in enumerate(columns[:width]):
        if extent is None:
            continue
        bottom, top = (_row(value, low, high, rows) for value in extent)
        for y in range(top // steps, bottom // steps + 1):
            signs[y][x] = "|"
        if bottom // steps == top // steps:
            signs[top // steps][x] = _PLAIN[top % steps]
    return tuple("".join(row) for row in signs)


def curve(values: Sequence[float | None], width: int, height: int, low: float, high: float) -> tuple[str, ...]:
    """The newest `2 × width` values as a curve, the newest at the right."""
    newest = values[-width * ACROSS :] if width > 0 else ()
    columns: list[Extent | None] = [None] * (width * ACROSS - len(newest))
    columns.extend(None if value is None else (value, value) for value in newest)
    return canvas(columns, width, height, low, high)


def _row(value: float, low: float, high: float, rows: int) -> int:
    """Row of dots from the top, 0 … rows - 1."""
    share = (value - low) / (high - low) if high > low else 0.0
    return rows - 1 - round(min(1.0, max(0.0, share)) * (rows - 1))
