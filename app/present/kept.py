"""What a layout made before: what is made of the same parts is the same object, neither reckoned nor compared again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """The newest that was made for each place, and what it was made of."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[object, Made]] = {}

    def of(self, place: Hashable, parts: object, make: Callable[[], Made]) -> Made:
        """What stands at a place; made anew where its parts are not what they were."""
        known = self._known.get(place)
        if known is None or known[0] != parts:
            known = self._known[place] = (parts, make())
        return known[1]
