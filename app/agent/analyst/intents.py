"""INTENTS: what people want to know, and which of it a question means.

A row's cues are searched in the marked text (`why is <JOB> slow`); the row whose cues weigh most is what was meant, the
earlier one of equals. A new question is a row of one of the four files, its answer's function in `answers.py`, and
phrasings in its test.
"""

from __future__ import annotations

import re
from functools import lru_cache

from app.agent.analyst.intent import Intent
from app.agent.analyst.intents_things import THINGS
from app.agent.analyst.intents_whole import WHOLE
from app.agent.analyst.intents_wishes import WISHES
from app.agent.analyst.intents_work import WORK
from app.domain.frozen import frozen

INTENTS: tuple[Intent, ...] = (*WISHES, *WORK, *THINGS, *WHOLE)
LEAST = 3
"""Weight that a question must reach to be understood."""


@frozen
class Weighed:
    """How well an intent fits a text."""

    intent: Intent
    weight: int


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[Intent, tuple[tuple[re.Pattern[str], int], ...]], ...]:
    return tuple((one, tuple((re.compile(cue), weight) for cue, weight in one.cues)) for one in INTENTS)


def weigh(text: str) -> Weighed | None:
    """The intent that fits a marked text best; None where nothing fits."""
    best: Weighed | None = None
    for intent, cues in _compiled():
        weight = sum(points for cue, points in cues if cue.search(text))
        if weight >= LEAST and (best is None or weight > best.weight):
            best = Weighed(intent, weight)
    return best


def intent_of(key: str) -> Intent:
    """The row of a key."""
    return next(one for one in INTENTS if one.key == key)
