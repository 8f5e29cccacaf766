"""What is made of each node's values, remembered for as long as it stands. Pure.

Whoever shows thousands of GPUs looks every second, and of the nodes a few in a hundred have changed since. A node never
changes, it is replaced; so what was made of one stands until one of its values grows stale or too old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from app.domain.ages import EXPIRED_INTERVALS, STALE_INTERVALS
from app.domain.snapshot import Node

T = TypeVar("T")
_TURNS = (STALE_INTERVALS, EXPIRED_INTERVALS)
_FEW = 64
"""Nodes that are gone and still remembered."""


class _Made(NamedTuple, Generic[T]):
    """What was made of a node, and from when until when it stands."""

    node: Node
    since: float
    until: float
    result: T


class PerNode(Generic[T]):
    """Makes something of each node and remembers the newest of each name."""

    def __init__(self, make: Callable[[Node, float], T]) -> None:
        self._make = make
        self._made: dict[str, _Made[T]] = {}

    def __len__(self) -> int:
        """Nodes that are remembered."""
        return len(self._made)

    def of(self, nodes: Iterable[Node], now: float) -> Iterator[T]:
        """What is made of every node at a moment, in their order."""
        made, count = self._made, 0
        for node in nodes:
            count += 1
            known = made.get(node.name)
            if known is None or known.node is not node or not known.since <= now < known.until:
                known = made[node.name] = _Made(node, now, _stands_until(node, now), self._make(node, now))
            yield known.result
        if len(made) > count + _FEW:  # another fleet was looked at before: nobody holds on to it
            made.clear()


def _stands_until(node: Node, now: float) -> float:
    """When one of a node's values grows stale, or too old, next."""
    taken = {(layer.at, layer.interval_s) for layer in node.layers}  # of nearly every node all values came at once
    taken |= {(layer.at, layer.interval_s) for gpu in node.gpus for layer in gpu.layers}
    return min((_turn(at, interval_s, now) for at, interval_s in taken), default=float("inf"))


def _turn(at: float, interval_s: float, now: float) -> float:
    for intervals in _TURNS:
        turn = at + intervals * interval_s
        if turn >= now:  # at its very turn a value is not old yet
            return turn
    return float("inf")
