"""Whether a number follows from others of its sentence or its table that are right. Pure.

What people reckon: a share, a sum, a mean, a difference, so much for each. In a table the words of a row or a column
say which (`total`, `left`, `$/GPU/h`), and only numbers of the same row or column are taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from app.agent.amounts import Reading
from app.agent.claims import Claim
from app.domain.frozen import frozen

MOST_RIGHT = 12
"""Numbers of one sentence or row that another may follow from."""
MOST_PARTS = 40
"""Numbers of one sentence that are summed."""
MOST_ROWS = 256
"""Rows of a table that are summed."""
_RECKONS = re.compile(
    r"\b(?:by|difference|more|less|fewer|left|remain(?:s|ing)?|together|total|sum|rose|fell|dropped|higher|lower|ago|for"
    r"|lasted|took|after|later|within|earlier|gap|apart|another|other)\b",
    re.IGNORECASE,
)
_DIFFERS = re.compile(
    r"\b(?:difference|diff|differs?|delta|change|more|less|left|remain(?:s|ing|der)?|used|free|other|others|rest|gap"
    r"|after|later|since|earlier|before|ahead|behind|versus|vs|higher|lower|above|below|idle|range|spread|span)\b|[Δ±]",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\b(?:total|totals|sum|all|overall|together|altogether|combined|top\s+\w+|in all|cluster|fleet)\b|[Σ∑]",
    re.IGNORECASE,
)
_MEAN = re.compile(r"\b(?:mean|average|avg|averaged)\b|[Øø∅]", re.IGNORECASE)
_SPREAD = re.compile(r"\b(?:range|spread|span)\b", re.IGNORECASE)
_EACH = re.compile(
    r"/\s?(?:GPU|node|job|card|host|CPU|user|request|core|task)s?\b|\b(?:per|each|apiece)\b", re.IGNORECASE
)
_TIMES = re.compile(r"\d\s*[x×*]\s*[\d$]|\bGPUs?\s+[x×]\s|\b(?:times|each|apiece)\b", re.IGNORECASE)
_EQUALS = re.compile(r"[=≈]\s*[*`]*$")
_SIGNS = frozenset("+-−")
_NEAR = 1_000
"""Characters before a share in which the whole is told."""
_NO_SHARE = frozenset({"clock", "date", "percent"})


@frozen
class _Value:
    """A right number in one of the ways in which it is meant."""

    kind: str
    middle: float
    width: float


class Reckoning:
    """What follows from the right numbers of an answer."""

    def __init__(self, right: Iterable[Claim]) -> None:
        self._sentences: dict[int, list[Claim]] = {}
        self._lines: dict[int, list[Claim]] = {}
        self._totals: list[Claim] = []
        """Those in sentences that tell a whole: `24 GPUs in total`."""
        self._columns: dict[tuple[int, int], dict[int, Claim]] = {}
        """Of each column, the first number of each row by the row's line, in order."""
        for one in right:
            place = one.passage
            if place.column >= 0:
                self._columns.setdefault((place.table, place.column), {}).setdefault(place.line, one)
            else:
                _keep(self._sentences.setdefault(place.start, []), one, MOST_PARTS)
                if len(self._totals) < MOST_PARTS and _TOTAL.search(place.text):
                    self._totals.append(one)
            _keep(self._lines.setdefault(place.line, []), one, MOST_RIGHT + 1)

    def holds(self, claim: Claim, *, is_measured: bool = False) -> bool:
        """Whether a number follows; a share does not excuse a number that is `measured` itself."""
        if claim.passage.column < 0:
            return self._in_sentence(claim)
        return self._in_column(claim) or self._in_row(claim, is_measured=is_measured)

    def _in_sentence(self, claim: Claim) -> bool:
        right = self._sentences.get(claim.passage.start, [])[:MOST_RIGHT]
        if any(_follows(reading, claim, pair) for pair in _pairs(right) for reading in claim.readings):
            return True
        every = self._sentences.get(claim.passage.start, [])
        before = [one for one in every if one.amount.end <= claim.amount.start]
        if len(before) > 1 and (_EQUALS.search(claim.before) or _TOTAL.search(claim.passage.text)):
            return _is_sum(claim, before)
        line = self._lines.get(claim.passage.line, [])
        start = claim.passage.start
        totals = [one for one in self._totals if start - _NEAR < one.passage.start < start][-MOST_RIGHT:]
        wholes = [(one, total) for one in line for total in totals]
        return any(_is_share(claim, pair) for pair in (*_pairs(line), *wholes)) or (
            _TIMES.search(claim.passage.text) is not None and any(_is_product(claim, pair) for pair in _pairs(right))
        )

    def _in_row(self, claim: Claim, *, is_measured: bool) -> bool:
        place = claim.passage
        row = self._lines.get(place.line, [])
        pairs = list(_pairs(row))
        words = f"{place.heading} {place.row if place.column else ''} {place.text}"
        if not is_measured and any(_is_share(claim, pair) for pair in (*pairs, *self._wholes(row))):
            return True
        differs = _DIFFERS.search(words) is not None or claim.amount.text[:1] in _SIGNS
        if differs and any(_is_difference(claim, pair) for pair in (*pairs, *self._earlier(row))):
            return True
        if _EACH.search(words) and any(_is_quotient(claim, pair) for pair in pairs):
            return True
        others = [one for one in row if one.passage.column != place.column]
        return (_TOTAL.search(place.heading) is not None and _is_sum(claim, others)) or (
            _MEAN.search(place.heading) is not None and _is_mean(claim, others)
        )

    def _in_column(self, claim: Claim) -> bool:
        """Whether it is the sum, the mean or the spread of its column, as its row says."""
        place = claim.passage
        label = next((cell for cell in place.cells if cell.strip(" *_`")), "") if place.column else ""
        column = self._rows_of(claim)
        if not label or len(column) < 2:
            return False
        if _SPREAD.search(label):
            return any(_is_difference(claim, (low, high)) for low, high in _ends(column))
        if _MEAN.search(label):
            return _is_mean(claim, column)
        return _TOTAL.search(label) is not None and (_is_sum(claim, column) or _is_all(claim))

    def _rows_of(self, claim: Claim) -> list[Claim]:
        """The column's other rows that are no sums themselves: those above, since the last sum, else all."""
        place = claim.passage
        above: list[Claim] = []
        every: list[Claim] = []
        for line, one in list(self._columns.get((place.table, place.column), {}).items())[:MOST_ROWS]:
            is_sum = _is_summary(one)
            if line < place.line:
                above = [] if is_sum and not _MEAN.search(one.passage.row) else above + [one] * (not is_sum)
            if line != place.line and not is_sum:
                every.append(one)
        return above or every

    def _wholes(self, row: Sequence[Claim]) -> Iterator[tuple[Claim, Claim | _Value]]:
        """Each number of a row with the whole of its column: what a row of sums says, and what the rows come to."""
        for one in row:
            column = self._columns.get((one.passage.table, one.passage.column), {})
            if column.get(one.passage.line) is not one or len(column) > MOST_ROWS:
                continue
            yield from ((one, other) for other in column.values() if other is not one and _is_summary(other))
            parts = [_value(other) for other in column.values() if not _is_summary(other)]
            if len(parts) > 1 and len({part.kind for part in parts}) == 1:
                yield one, _Value(parts[0].kind, math.fsum(part.middle for part in parts), 0.0)

    def _earlier(self, row: Sequence[Claim]) -> Iterator[tuple[Claim, Claim]]:
        """Each number of a row with the first and with the one before it in its column."""
        for one in row:
            column = list(self._columns.get((one.passage.table, one.passage.column), {}).values())
            if one in column and (at := column.index(one)) > 0:
                yield from ((column[0], one), (column[at - 1], one))


def _keep(kept: list[Claim], one: Claim, most: int) -> None:
    if len(kept) < most:
        kept.append(one)


def _is_summary(one: Claim) -> bool:
    label = next((cell for cell in one.passage.cells if cell.strip(" *_`")), "")
    return one.passage.column > 0 and (_TOTAL.search(label) or _MEAN.search(label) or _SPREAD.search(label)) is not None


def _pairs(right: Sequence[Claim]) -> Iterator[tuple[Claim, Claim]]:
    return ((one, other) for at, one in enumerate(right) for other in right[at + 1 :])


def _ends(column: Sequence[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """The lowest and the highest."""
    ordered = sorted(column, key=lambda one: _value(one).middle)
    yield ordered[0], ordered[-1]


def _follows(reading: Reading, claim: Claim, pair: tuple[Claim, Claim]) -> bool:
    """Whether it is a share, a difference or a sum of two numbers of its sentence."""
    one, other = (_value(each) for each in pair)
    if one.kind != other.kind:
        return False
    small, large = sorted((one.middle, other.middle))
    if reading.kind == "percent" and one.kind not in _NO_SHARE and large > 0:
        return reading.fits(100 * small / large)
    if not _RECKONS.search(claim.passage.text):
        return False
    if reading.kind == "time" and one.kind == "clock":
        return reading.fits(large - small) or _nearly(reading, large - small)
    if reading.kind == one.kind and (one.kind != "plain" or claim.noun):
        return one.kind not in {"clock", "date"} and (reading.fits(large - small) or reading.fits(large + small))
    return False


def _is_share(claim: Claim, pair: tuple[Claim, Claim | _Value]) -> bool:
    one, other = (each if isinstance(each, _Value) else _value(each) for each in pair)
    if one.kind != other.kind or one.kind in _NO_SHARE:
        return False
    small, large = sorted((one.middle, other.middle))
    return large > 0 <= small and any(
        reading.kind == "percent" and reading.fits(100 * small / large) for reading in claim.readings
    )


def _is_difference(claim: Claim, pair: tuple[Claim, Claim]) -> bool:
    one, other = (_value(each) for each in pair)
    apart = abs(one.middle - other.middle)
    kind = "time" if one.kind == "clock" else one.kind
    is_alike = one.kind == other.kind and kind != "date"
    return is_alike and any(
        reading.kind == kind and (_unsigned(reading).fits(apart) or (one.kind == "clock" and _nearly(reading, apart)))
        for reading in claim.readings
    )


def _is_quotient(claim: Claim, pair: tuple[Claim, Claim]) -> bool:
    for one, other in (pair, pair[::-1]):
        whole, parts = _value(one), _value(other)
        if parts.kind == "plain" and parts.middle > 0:
            each = whole.middle / parts.middle
            if any(reading.kind == whole.kind and reading.fits(each) for reading in claim.readings):
                return True
    return False


def _is_product(claim: Claim, pair: tuple[Claim, Claim]) -> bool:
    one, other = (_value(each) for each in pair)
    if "plain" not in {one.kind, other.kind}:
        return False
    kind = other.kind if one.kind == "plain" else one.kind
    return any(reading.kind == kind and reading.fits(one.middle * other.middle) for reading in claim.readings)


def _is_sum(claim: Claim, parts: Sequence[Claim]) -> bool:
    return any(
        _loosened(reading, values).fits(math.fsum(one.middle for one in values))
        for reading, values in _alike(claim, parts)
    )


def _is_mean(claim: Claim, parts: Sequence[Claim]) -> bool:
    return any(
        reading.fits(math.fsum(one.middle for one in values) / len(values)) for reading, values in _alike(claim, parts)
    )


def _is_all(claim: Claim) -> bool:
    """A row of sums has all of what shares are of."""
    return any(reading.kind == "percent" and reading.fits(100.0) for reading in claim.readings)


def _alike(claim: Claim, parts: Sequence[Claim]) -> Iterator[tuple[Reading, list[_Value]]]:
    """For each way in which a number is meant, the parts meant so; only where all of them can be."""
    for at, reading in enumerate(claim.readings):
        values = [_value(one, at) for one in parts[:MOST_ROWS]]
        if (
            len(values) > 1
            and all(one.kind == reading.kind for one in values)
            and reading.kind not in {"clock", "date"}
        ):
            yield reading, values


def _loosened(reading: Reading, values: Sequence[_Value]) -> Reading:
    """A sum of rounded numbers is off by some of what rounding took from each."""
    slack = max(one.width for one in values) / 2 * math.sqrt(len(values)) if reading.kind != "time" else 0.0
    return Reading(reading.kind, reading.low - slack / 2, reading.high + slack / 2)


def _unsigned(reading: Reading) -> Reading:
    return reading if reading.low + reading.high >= 0 else Reading(reading.kind, -reading.high, -reading.low)


def _nearly(reading: Reading, value: float) -> bool:
    """Times of day without seconds may each be off by most of a minute."""
    return reading.high - reading.low >= 60 and reading.fits(value + 30)


def _value(claim: Claim, at: int = 0) -> _Value:
    """A number as one value, meant in the `at`th of the ways that it has; as a time of day where it is one."""
    reading = next((one for one in claim.readings if one.kind == "clock"), None)
    reading = reading or claim.readings[min(at, len(claim.readings) - 1)]
    width = reading.high - reading.low
    third = reading.kind in {"time", "clock"}
    return _Value(reading.kind, reading.low + width / (3 if third else 2), width)
