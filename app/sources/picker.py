"""A subject's values out of a page's numbers: which positions feed which catalogue key, and what counts as a number.

`Picker` is compiled once a layout; `pick` runs for every subject of every page and is the hottest code here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from app.domain.frozen import frozen
from app.domain.metric import Merge, Name
from app.sources.binding import Take

_FIRST_BLANK = 2147483632.0
"""The smallest of DCGM's "no value" numbers (DCGM_INT32_BLANK); what is below is a number without a second look."""
_LARGEST = 9.2e18
"""Nothing we know is as large; near it lie the "no value" numbers of 64-bit counters."""
_INT32_BLANKS = (2147483632.0, 2147483635.0)
_FP64_BLANKS = (140737488355328.0, 140737488355331.0)
_FLOORS: Mapping[str, float] = {"gpu.memory_temperature": 0.0, "service.prefix_hit_rate": -1.0}
"""Values down to here mean "unknown": boards without a memory sensor say 0 °C, an idle vLLM V0 a hit rate of -1."""
_LEAST = float("-inf")
_DECIMALS = 6
"""Of scaled values: 0.07 as a percentage is 7, not 7.000000000000001."""

RatioScale = Literal[1, 100] | None
"""What turns a value that some releases publish as 0-1 and some as 0-100 into percent; None while nothing tells."""


@frozen
class Source:
    """One sample that feeds a metric."""

    position: int
    take: Take
    has_blanks: bool
    whole: int | None = None
    """Position of what it is a share of."""


@frozen
class Picker:
    """Where a subject's values stand on a page of one layout."""

    plain: tuple[tuple[str, int, float, float], ...]
    """(key, position, floor, ceiling) of values that are used as they stand."""
    scaled: tuple[tuple[str, int, float, float, float], ...]
    """The same with a factor."""
    folded: tuple[tuple[str, Merge, tuple[tuple[Source, ...], ...]], ...]
    """(key, how parts become one, ways to get it, best first) of values made of parts or published several times."""

    def pick(self, numbers: Sequence[float], ratio: RatioScale) -> dict[str, float]:
        """The values on one page."""
        found: dict[str, float] = {}
        for key, position, floor, ceiling in self.plain:
            number = numbers[position]
            if floor < number < ceiling or is_number(number, floor, ceiling):
                found[key] = number
        for key, position, factor, floor, ceiling in self.scaled:
            number = numbers[position]
            if floor < number < ceiling or is_number(number, floor, ceiling):
                found[key] = round(number * factor, _DECIMALS)
        for key, merge, ways in self.folded:
            for sources in ways:
                parts = [part for one in sources if (part := _part(one, numbers, ratio)) is not None]
                if parts:
                    found[key] = _merged(merge, parts)
                    break
        return found


def is_number(number: float, floor: float, ceiling: float) -> bool:
    """Whether a value at or above `ceiling` (or no number at all) is a value after all, and no way to say "unknown"."""
    if not floor < number < _LARGEST:
        return False
    if ceiling > _FIRST_BLANK:
        return True
    return not (_INT32_BLANKS[0] <= number <= _INT32_BLANKS[1] or _FP64_BLANKS[0] <= number <= _FP64_BLANKS[1])


def judge_ratio(before: RatioScale, numbers: Sequence[float]) -> RatioScale:
    """What these values say of their scale: above 1 they are percent for good, between 0 and 1 they are shares."""
    if before == 1 or any(1.001 < number <= 1000 for number in numbers):
        return 1
    if before == 100 or any(0 < number < 1 for number in numbers):
        return 100
    return None


def make_picker(sources: Mapping[str, Sequence[Source]]) -> Picker:
    """Compile what feeds one subject: catalogue key → samples, in the order of the page."""
    plain: list[tuple[str, int, float, float]] = []
    scaled: list[tuple[str, int, float, float, float]] = []
    folded: list[tuple[str, Merge, tuple[tuple[Source, ...], ...]]] = []
    for key, several in sources.items():
        ways = _ways(several)
        if not ways:
            continue
        only = ways[0][0]
        if len(ways) > 1 or len(ways[0]) > 1 or _is_reckoned(only.take.name):
            folded.append((key, only.take.metric.merge, ways))
            continue
        floor, ceiling = _FLOORS.get(key, _LEAST), _ceiling(only)
        if only.take.name.scale == 1.0:
            plain.append((key, only.position, floor, ceiling))
        else:
            scaled.append((key, only.position, only.take.name.scale, floor, ceiling))
    return Picker(tuple(plain), tuple(scaled), tuple(folded))


def _is_reckoned(name: Name) -> bool:
    """Whether a sample's value is not used as it stands, or only scaled."""
    return name.ratio or bool(name.over) or name.equals is not None


def _ways(several: Sequence[Source]) -> tuple[tuple[Source, ...], ...]:
    """Samples by their wire name, in the catalogue's order; of copies of one part the first, and the whole alone."""
    order = [name.wire for name in several[0].take.metric.names]
    by_wire: dict[str, dict[tuple[str, ...], Source]] = {}
    wholes = {(one.take.name, one.take.part): one.position for one in several if one.take.is_whole}
    for source in several:
        if source.take.is_whole:
            continue
        whole = wholes.get((source.take.name, source.take.part))
        part = source if whole is None else replace(source, whole=whole)
        by_wire.setdefault(source.take.name.wire, {}).setdefault(source.take.part, part)
    return tuple(
        (parts[()],) if () in parts else tuple(parts.values())
        for wire in dict.fromkeys(order)
        if (parts := by_wire.get(wire)) is not None
    )


def _ceiling(source: Source) -> float:
    return _FIRST_BLANK if source.has_blanks else _LARGEST


def _part(source: Source, numbers: Sequence[float], ratio: RatioScale) -> float | None:
    """One part's value in the metric's unit; None where the page says nothing."""
    number = numbers[source.position]
    name = source.take.name
    if not is_number(number, _FLOORS.get(source.take.metric.key, _LEAST), _ceiling(source)):
        return None
    if name.equals is not None:
        return float(number == name.equals)
    if name.over:
        return _share(source, number, numbers)
    if not name.ratio:
        return number if name.scale == 1.0 else round(number * name.scale, _DECIMALS)
    if ratio is None:
        return 0.0 if number == 0 else None
    return round(number * ratio, _DECIMALS)


def _share(source: Source, number: float, numbers: Sequence[float]) -> float | None:
    """A part over its whole, scaled; None where the whole is not there."""
    whole = None if source.whole is None else numbers[source.whole]
    if whole is None or not 0 < whole < _LARGEST:
        return None
    return round(number / whole * source.take.name.scale, _DECIMALS)


def _merged(merge: Merge, parts: Sequence[float]) -> float:
    match merge:
        case "sum":
            return sum(parts)
        case "max":
            return max(parts)
        case "min":
            return min(parts)
        case "last":
            return parts[0]
