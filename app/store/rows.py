"""The codec of recent rows: four bytes a number, and eight for the few that do not fit.

The cells come first, one a place; then the large numbers. A cell holds its number, says that there is none, or which
of the large ones stands for it. Half of what eight bytes a number would take: most of what a row holds is small.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct

from app.store.blocks import numbers, to_bytes
from app.store.scale import ABSENT

_CELL, _LARGE = 4, 8
"""Bytes of a cell, and of a large number; of any number in a row written before cells were known."""
_NOTHING = -(1 << 31)
"""A cell without a number."""
_MARK = _NOTHING.to_bytes(_CELL, "little", signed=True)
"""The same as bytes: where they are nowhere in a row, not even across two cells, each cell is its number."""
_FIRST = _NOTHING + 1
"""The cell that stands for the first large number; one more for each after it."""
_LEAST, _MOST = _NOTHING + (1 << 20), (1 << 31) - 1
"""What a cell can hold whatever large numbers stand beside it."""
_cell_at = Struct("<i").unpack_from
_large_at = Struct("<q").unpack_from


def pack_row(row: Sequence[int]) -> tuple[int, bytes]:
    """(how many large numbers, body) of a row; `ABSENT` marks a place without a value."""
    try:
        body = to_bytes(array("i", row))
    except OverflowError:  # a gap, or a large number: the energy of a board that is up for months
        return _pack_marked(row)
    return (0, body) if _MARK not in body else _pack_marked(row)


def _pack_marked(row: Sequence[int]) -> tuple[int, bytes]:
    cells, large = array("i"), array("q")
    for number in row:
        if number == ABSENT:
            cells.append(_NOTHING)
        elif _LEAST <= number <= _MOST:
            cells.append(number)
        else:
            cells.append(_FIRST + len(large))
            large.append(number)
    return len(large), to_bytes(cells) + to_bytes(large)


def unpack_row(large: int | None, body: bytes) -> array[int]:
    """The numbers of a row, `ABSENT` where there is none; `large` as `pack_row` said it, None for one from before."""
    if large is None:
        return numbers(body)
    if not large and _MARK not in body:
        return array("q", numbers(body, "i"))
    end = max(0, len(body) - _LARGE * large)
    cells = numbers(body[:end], "i")
    means = {_NOTHING: ABSENT, **dict(enumerate(numbers(body[end:]), _FIRST))}
    return array("q", [means.get(cell, cell) for cell in cells])


def number_at(large: int | None, body: bytes, place: int) -> int:
    """One number of a row, as `unpack_row` would have it; `ABSENT` past its end."""
    if large is None:
        return int(_large_at(body, _LARGE * place)[0]) if _LARGE * (place + 1) <= len(body) else ABSENT
    end = len(body) - _LARGE * large
    if _CELL * (place + 1) > end:
        return ABSENT
    cell = int(_cell_at(body, _CELL * place)[0])
    if cell == _NOTHING:
        return ABSENT
    if _FIRST <= cell < _FIRST + large:
        return int(_large_at(body, end + _LARGE * (cell - _FIRST))[0])
    return cell
