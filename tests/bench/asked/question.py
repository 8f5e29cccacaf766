"""What a question of the bank is: a scene, what is typed, and the facts that its answer must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One question in one scene, with the facts of its answer written down by hand."""

    scene: str
    """Name of a story or a control scene of `scenes`."""
    asked: str
    facts: tuple[str, ...]
    """Each a pattern that the answer's text must hold, any case."""
    after: tuple[str, ...] = ()
    """Questions that are asked before it in the same conversation."""
    never: tuple[str, ...] = ()
    """Patterns that it must not hold: what would be wrong."""
    proposes: str = ""
    """Verb of the proposal it must make; empty: none at all."""

    def found(self, answer: str) -> tuple[bool, ...]:
        """Which of its facts an answer holds."""
        return tuple(re.search(fact, answer, re.IGNORECASE | re.DOTALL) is not None for fact in self.facts)

    def wrong(self, answer: str) -> tuple[str, ...]:
        """What an answer holds that it must not."""
        return tuple(one for one in self.never if re.search(one, answer, re.IGNORECASE))
