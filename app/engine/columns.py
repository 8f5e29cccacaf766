"""The fleet's values by column: what every rule and observer asks of each GPU, answered for all of them at once. Pure.

Nearly every GPU has one source, and nearly every value means nothing: comparing the ends of a column with a limit tells
so for thousands. Who is left is looked at one by one. A table is made once a snapshot, and all who judge it share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Generic, TypeVar

from app.domain.ages import STALE_INTERVALS
from app.domain.snapshot import Gpu, Layer, Node, Snapshot

_SURE_S = 1.0
"""Nothing is called fresh without a look at its own age within so long of the end of it."""
T = TypeVar("T", Gpu, Node)


class Column:
    """The values of one key, with the rows that have one."""

    __slots__ = ("_ends", "rows", "values")

    def __init__(self, rows: Sequence[int], values: list[float]) -> None:
        self.rows = rows
        """In order; all of the table's, where each has a value."""
        self.values = values
        self._ends: tuple[float, float] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value; of none (inf, -inf), with a NaN (-inf, inf)."""
        if self._ends is None:
            self._ends = _ends(self.values)
        return self._ends

    def where(self, test: Callable[[float], bool]) -> Sequence[int]:
        """Rows whose value passes a test."""
        return [row for row, value in zip(self.rows, self.values, strict=True) if test(value)]

    def beyond(self, low: float, high: float) -> Sequence[int]:
        """Rows whose value does not lie between, the bounds themselves left out."""
        least, most = self.ends
        if low < least and most < high:
            return ()
        return [row for row, value in zip(self.rows, self.values, strict=True) if not low < value < high]

    def nonzero(self) -> Sequence[int]:
        """Rows whose value is not 0."""
        return self.where(bool) if any(self.values) else ()

    def moved(self, before: Column) -> Sequence[int]:
        """Rows that have another value than before, or had none."""
        if self.values == before.values and self.rows == before.rows:
            return ()
        old = dict(zip(before.rows, before.values, strict=True))
        return [row for row, value in zip(self.rows, self.values, strict=True) if old.get(row) != value]


def _ends(values: list[float]) -> tuple[float, float]:
    if not values:
        return math.inf, -math.inf
    return (-math.inf, math.inf) if math.isnan(sum(values)) else (min(values), max(values))


_NONE = Column((), [])


class Columns:
    """Mappings of numbers by column."""

    def __init__(self, rows: Sequence[int], values: Sequence[Mapping[str, float]]) -> None:
        """`values` of each of `rows`."""
        self.rows: Sequence[int] = rows
        self.values = values
        self._known: dict[str, Column] = {}
        self._layout: _Layout | None = None

    def of(self, key: str) -> Column:
        """The column of a key."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._column(key)
        return found

    def bare(self) -> Sequence[int]:
        """Rows without any value."""
        return [row for row, values in zip(self.rows, self.values, strict=True) if not values]

    def _column(self, key: str) -> Column:
        if self._layout is None:
            self._layout = _laid_out(self.values)
        places, flat = self._layout
        if places is not None:
            place = places.get(key)
            return _NONE if place is None else Column(self.rows, flat[place :: len(places)])
        has = [(row, values[key]) for row, values in zip(self.rows, self.values, strict=True) if key in values]
        rows = self.rows if len(has) == len(self.rows) else [row for row, _ in has]
        return Column(rows, [value for _, value in has])


_Layout = tuple[Mapping[str, int] | None, list[float]]
"""Where each key stands in a row, and all values, row by row."""


def _laid_out(rows: Sequence[Mapping[str, float]]) -> _Layout:
    """The layout, where all rows have the same keys in the same order: then a column costs next to nothing."""
    keys = list(rows[0]) if rows else []
    if not all(list(one) == keys for one in rows):
        return None, []
    return {key: place for place, key in enumerate(keys)}, list(chain.from_iterable(one.values() for one in rows))


class Table(Generic[T]):
    """The GPUs or machines of one snapshot; a row is a place among all of them."""

    def __init__(self, subjects: Sequence[T], names: object, layers: Sequence[tuple[Layer, ...]]) -> None:
        """`names` are equal where two tables have the same subjects in the same rows."""
        self.subjects: Sequence[T] = subjects
        self.names = names
        plain = [row for row, some in enumerate(layers) if len(some) == 1]
        is_whole = len(plain) == len(layers)
        self.others: Sequence[int] = () if is_whole else [row for row, some in enumerate(layers) if len(some) != 1]
        """Who is not in `columns`: of several sources, of none, or lost."""
        self._layers: Sequence[Layer] = [layers[row][0] for row in plain]
        self.columns: Columns = Columns(
            range(len(plain)) if is_whole else plain, list(map(attrgetter("values"), self._layers))
        )
        """The values of those that one source speaks of, whatever their age."""
        self._fresh_until: float = min(
            (one.at + STALE_INTERVALS * one.interval_s for one in self._layers), default=math.inf
        )

    def is_like(self, other: Table[T]) -> bool:
        """Whether the other has the same subjects in the same rows."""
        return self.names == other.names

    def stale(self, now: float) -> Sequence[int]:
        """Rows of `columns` whose values are stale."""
        if now < self._fresh_until - _SURE_S:
            return ()
        return [row for row, one in zip(self.columns.rows, self._layers, strict=True) if one.is_stale(now)]

    def picked(self, *rows: Iterable[int]) -> Sequence[T]:
        """The subjects of some rows, in their order."""
        some = set().union(*rows)
        return [self.subjects[row] for row in sorted(some)] if some else ()


@lru_cache(maxsize=2)
def gpu_table(snapshot: Snapshot) -> Table[Gpu]:
    """The GPUs of a snapshot; remembered for this look and the one before it, which are compared."""
    gpus = tuple(snapshot.gpus())
    names = list(map(attrgetter("node"), gpus)), list(map(attrgetter("index"), gpus))
    return Table(gpus, names, [gpu.layers if gpu.lost_at is None else () for gpu in gpus])


@lru_cache(maxsize=2)
def node_table(snapshot: Snapshot) -> Table[Node]:
    """The machines of a snapshot, as `gpu_table`."""
    nodes = tuple(snapshot.nodes.values())
    return Table(nodes, list(snapshot.nodes), [node.layers for node in nodes])


def by_node(gpus: Iterable[Gpu]) -> Mapping[str, Sequence[Gpu]]:
    """GPUs by their node, in their order."""
    found: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        found.setdefault(gpu.node, []).append(gpu)
    return found


class Compared(Generic[T]):
    """The table of one look beside that of the look before."""

    def __init__(self, table: Table[T], before: Table[T] | None, now: float) -> None:
        self.table: Table[T] = table
        self.is_first = before is None
        self.before: Table[T] | None = before if before is not None and table.is_like(before) else None
        """None too, where it had other subjects."""
        self.odd: frozenset[int] = frozenset((*table.others, *table.stale(now)))
        """Rows that not one source alone speaks of just now: they are looked at one by one."""

    @property
    def rows(self) -> Sequence[int]:
        """Rows that have values in columns."""
        return self.table.columns.rows

    def column(self, key: str) -> Column:
        """The values of a key, of those that one source speaks of."""
        return self.table.columns.of(key)

    def moved(self, key: str) -> Iterable[int]:
        """Rows whose value is another one than at the last look; all, where the two cannot be compared."""
        if self.is_first:
            return ()
        return self.rows if self.before is None else self.column(key).moved(self.before.columns.of(key))

    def picked(self, *rows: Iterable[int]) -> Sequence[T]:
        """The odd ones and those of some rows, in their order."""
        return self.table.picked(self.odd, *rows)


def compared(
    table: Callable[[Snapshot], Table[T]], before: Snapshot | None, after: Snapshot, now: float
) -> Compared[T]:
    """One kind of table of two looks."""
    old = table(before) if before is not None else None  # asked for first: tables not asked for lately are forgotten
    return Compared(table(after), old, now)
