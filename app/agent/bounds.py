"""The bound that is told with a number of things: `seven GPUs above 90 %`, or a row `95 % and more`. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from app.agent.amounts import Amount, Kind, read
from app.agent.claims import Claim
from app.domain.frozen import frozen

Sign = Literal[">", ">=", "<", "<=", "="]
_ABOVE = re.compile(
    r"(?:\b(?:above|over|more than|greater than|higher than|beyond|exceed(?:s|ing)?)|>)\s*$", re.IGNORECASE
)
_AT_LEAST = re.compile(r"(?:\b(?:at least|no less than)|[≥]|>=)\s*$", re.IGNORECASE)
_BELOW = re.compile(r"(?:\b(?:below|under|less than|lower than)|<)\s*$", re.IGNORECASE)
_AT_MOST = re.compile(r"(?:\b(?:at most|up to|no more than)|[≤]|<=)\s*$", re.IGNORECASE)
_AND_MORE = re.compile(r"\s*(?:and|or)\s+(?:more|above|over|higher|hotter)\b|\s*\+", re.IGNORECASE)
_AND_LESS = re.compile(r"\s*(?:and|or)\s+(?:less|below|under|lower|cooler)\b", re.IGNORECASE)
_MEASURED = frozenset({"percent", "temperature", "power", "memory"})


@frozen
class Bound:
    """What values are held against."""

    kind: Kind
    sign: Sign
    value: float
    half: float
    """Half of what the last digit leaves open; for `=`."""

    def holds(self, value: float) -> bool:
        """Whether a value is on the told side."""
        match self.sign:
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case "=":
                return abs(value - self.value) <= self.half


def bound_of(claim: Claim) -> Bound | None:
    """The bound in the sentence of a claim, or in the first cell of its row; None: there is none."""
    text = claim.passage.text if claim.passage.column < 0 else claim.passage.row
    if claim.passage.column == 0:
        return None
    measured = _measured(text)
    if len(measured) != 1:
        return None
    # A row `0 %` has no words that say more.
    sign: Sign | None = _sign(text, measured[0]) or ("=" if claim.passage.column > 0 else None)
    reading = next(one for one in measured[0].readings if one.kind in _MEASURED)
    middle, half = (reading.low + reading.high) / 2, (reading.high - reading.low) / 2
    return None if sign is None else Bound(reading.kind, sign, middle, half)


@lru_cache(maxsize=256)
def _measured(text: str) -> tuple[Amount, ...]:
    """What a text measures; it is asked for each number of it."""
    return tuple(one for one in read(text) if one.kinds & _MEASURED)


def _sign(text: str, amount: Amount) -> Sign | None:
    before, behind = text[: amount.start], text[amount.end :]
    if _AND_MORE.match(behind) or _AT_LEAST.search(before):
        return ">="
    if _AND_LESS.match(behind) or _AT_MOST.search(before):
        return "<="
    if _ABOVE.search(before):
        return ">"
    return "<" if _BELOW.search(before) else None
