"""A store as questions see it: an open connection, the windows it has, and what is remembered between questions."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import field
from itertools import islice, repeat
from operator import sub, truediv
from typing import Generic, TypeVar

from app.domain.frozen import frozen
from app.store.blocks import Block
from app.store.levels import Windows

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The last so many things that were looked at."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """A thing, if it is remembered; it is remembered longer for that."""
        found = self._things.get(key)
        if found is not None:
            self._things.move_to_end(key)
        return found

    def put(self, key: K, thing: V) -> None:
        """Remember a thing, and forget the one longest not looked at if there are too many."""
        self._things[key] = thing
        if len(self._things) > self._most:
            self._things.popitem(last=False)


@frozen
class Grid:
    """When the samples of a sealed window were taken."""

    times: array[float]
    """Epoch seconds, in order."""
    longest_s: float
    """The longest time from one to the next."""


def grid_of(times_ms: Sequence[int]) -> Grid:
    """A grid of times in ms, as they are stored."""
    times = array("d", map(truediv, times_ms, repeat(1000)))
    return Grid(times, max(map(sub, islice(times, 1, None), times), default=0.0))


def _grids() -> Remembered[tuple[int, int], Grid]:
    return Remembered(1024)


def _blocks() -> Remembered[tuple[int, int, int, bytes], Block]:
    return Remembered(256)


@frozen
class View:
    """An open store. What it remembers is of this file, and goes with the connection."""

    db: sqlite3.Connection
    windows: Windows
    grids: Remembered[tuple[int, int], Grid] = field(default_factory=_grids)
    """By shelf and start of a sealed window; a GPU's many metrics share them, and so do its neighbours'."""
    blocks: Remembered[tuple[int, int, int, bytes], Block] = field(default_factory=_blocks)
    """Unpacked raw streams by shelf, metric, start and checksum, a day of one metric of 40 GPUs (1 MB)."""
