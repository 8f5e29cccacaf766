"""Long work cut into pieces: who runs it in a thread lets others go first between two of them. Pure.

Such work is a generator that yields nothing, now and then, and returns what it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")
Pieces = Generator[None, None, T]


def at_once(work: Callable[[A], T]) -> Callable[[A], Pieces[T]]:
    """Work that is one piece, for who takes pieces."""

    def pieces(given: A) -> Pieces[T]:
        yield from ()
        return work(given)

    return pieces


def whole(pieces: Pieces[T]) -> T:
    """What the work makes, done in one go."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            made: T = end.value
            return made
