"""A store as questions see it: an open connection, the windows it has, and what is remembered between questions."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

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


def _grids() -> Remembered[tuple[int, int], array[int]]:
    return Remembered(1024)


@dataclass(frozen=True, slots=True)
class View:
    """An open store. What it remembers is of this file, and goes with the connection."""

    db: sqlite3.Connection
    windows: Windows
    grids: Remembered[tuple[int, int], array[int]] = field(default_factory=_grids)
    """Sample times by shelf and start of a sealed window: ten days of one GPU, whose many metrics share them."""
