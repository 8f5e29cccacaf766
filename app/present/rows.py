"""Tables as values: columns, rows, and rows that are made only when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, overload

from app.domain.frozen import frozen
from app.present.cells import Align, Line, line_text, text_width

GAP_WIDTH = 2
"""Columns between two columns of a table."""


@frozen
class Column:
    """One column of a table."""

    key: str
    title: str
    width: int
    """Terminal columns of its cells; at least the title's own."""
    align: Align = "left"
    grow: int = 0
    """Its share of the width that is left over; 0: none."""
    drop: int = 0
    """Above 0: left out where the table is too narrow, the highest first."""
    sortable: bool = True


class Row(NamedTuple):
    """One row: a key that stays the same over time, and a line for each column."""

    key: str
    cells: tuple[Line, ...]

    @property
    def text(self) -> tuple[str, ...]:
        """The cells without their tones."""
        return tuple(line_text(cell) for cell in self.cells)


class Rows(Sequence[Row]):
    """Rows by number; each is formatted only when asked for, so a table of thousands costs what is on screen."""

    __slots__ = ("_index", "_make", "keys")

    def __init__(self, keys: Sequence[str], make: Callable[[int], Row]) -> None:
        self.keys = tuple(keys)
        self._make = make
        self._index: dict[str, int] | None = None

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Rows that are made already."""
        made = tuple(rows)
        return cls([row.key for row in made], made.__getitem__)

    def again(self, make: Callable[[int], Row]) -> Rows:
        """The same keys with other cells: of thousands of rows, nobody need find the places again."""
        found = Rows(self.keys, make)
        found._index = self._index
        return found

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self._make(at) for at in range(*index.indices(len(self.keys)))]
        if index < 0:
            index += len(self.keys)
        if not 0 <= index < len(self.keys):
            raise IndexError(index)
        return self._make(index)

    def index_of(self, key: str) -> int | None:
        """The number of the row with this key."""
        if self._index is None:
            self._index = {key: number for number, key in enumerate(self.keys)}
        return self._index.get(key)


NO_ROWS = Rows.of(())


def lay_out(columns: tuple[Column, ...], width: int) -> tuple[tuple[int, Column, int], ...]:
    """Fit columns into `width`: (number of the column, column, its width) of those that stay, in their order.

    Columns with `drop` go first, the highest first; what is left over is shared by those that grow.
    """
    kept = list(enumerate(columns))
    while len(kept) > 1 and _needed(kept) > width:
        most = max(kept, key=lambda item: (item[1].drop, item[0]))
        if not most[1].drop:
            break
        kept.remove(most)
    spare = max(0, width - _needed(kept))
    shares = sum(column.grow for _, column in kept)
    fitted: list[tuple[int, Column, int]] = []
    for number, column in kept:
        share = spare * column.grow // shares if shares else 0
        spare -= share
        shares -= column.grow
        fitted.append((number, column, _own(column) + share))
    return tuple(fitted)


def _own(column: Column) -> int:
    return max(column.width, text_width(column.title))


def _needed(kept: list[tuple[int, Column]]) -> int:
    return sum(_own(column) for _, column in kept) + GAP_WIDTH * (len(kept) - 1)
