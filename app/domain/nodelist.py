"""Node patterns as Slurm's users write them: `gpu-[01-04,7]`, `gpu-0[1-4]`, `rack?-gpu*`, several by commas. Pure.

A pattern is matched, never expanded, so `gpu-[1-999999999]` costs nothing. As in Slurm, leading zeros of a range's
beginning are the width of its numbers: `[01-10]` takes 01 … 10, `[1-10]` takes 1 … 10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from app.domain.clusters import bare
from app.domain.frozen import frozen

_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?", re.ASCII)
_MOST_DIGITS = 12


class PatternError(ValueError):
    """A pattern that cannot be read; the message is for a person, `position` counts from its beginning."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@frozen
class _Numbers:
    """One range of a bracket."""

    first: int
    last: int
    width: int

    def takes(self, digits: str) -> bool:
        """Whether a number written like this is in the range."""
        number = int(digits)
        return self.first <= number <= self.last and digits == str(number).zfill(self.width)


def node_matcher(pattern: str) -> Callable[[str], bool]:
    """A predicate over node names; a name matches whole, by its host part, or by its name within its cluster.

    Raises PatternError.
    """
    parts: list[Callable[[str], bool]] = []
    start = 0
    for one in split_commas(pattern):
        if not one:
            raise PatternError("a name is missing", start)
        parts.append(_one(one, start))
        start += len(one) + 1

    def matches(name: str) -> bool:
        forms = [name]
        if "." in name:
            forms.append(name.split(".", 1)[0])
        if ":" in name:
            forms.append(bare(name))
        return any(part(form) for part in parts for form in forms)

    return matches


def split_commas(pattern: str) -> list[str]:
    """The parts between commas that stand outside brackets."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(pattern):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            parts.append(pattern[begin:at])
            begin = at + 1
    return [*parts, pattern[begin:]]


def _one(pattern: str, start: int) -> Callable[[str], bool]:
    """A predicate of one pattern without outer commas."""
    pieces: list[str | tuple[_Numbers, ...]] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at)
        if char == "]" or (char == "[" and end < 0):
            raise PatternError(f"{char} has no partner", start + at)
        if char == "[":
            pieces.append(_numbers(pattern[at + 1 : end], start + at + 1))
            at = end + 1
            continue
        if char != "*" or pieces[-1:] != ["*"]:
            pieces.append(char.lower())
        at += 1
    return lambda name: _matches(pieces, name.lower())


def _matches(pieces: list[str | tuple[_Numbers, ...]], name: str) -> bool:
    """Whether the pieces make up the whole name: follows every way of reading it at once, so it cannot blow up."""
    places = {0}
    for piece in pieces:
        if piece == "*":
            places = set(range(min(places), len(name) + 1))
        elif isinstance(piece, str):
            places = {at + 1 for at in places if at < len(name) and piece in ("?", name[at])}
        else:
            places = {end for at in places for end in _number_ends(piece, name, at)}
        if not places:
            return False
    return len(name) in places


def _number_ends(ranges: tuple[_Numbers, ...], name: str, at: int) -> Iterator[int]:
    """Where a number of one of the ranges, beginning at `at`, may end."""
    for end in range(at + 1, min(len(name), at + _MOST_DIGITS) + 1):
        if name[end - 1] not in "0123456789":
            return
        if any(one.takes(name[at:end]) for one in ranges):
            yield end


def _numbers(text: str, position: int) -> tuple[_Numbers, ...]:
    """The ranges within a bracket."""
    found: list[_Numbers] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise PatternError("brackets hold numbers and ranges, as in [01-04,7]", position)
        first, last = match.group(1), match.group(2) or match.group(1)
        if int(last) < int(first):
            raise PatternError(f"{part} runs backwards", position)
        found.append(_Numbers(int(first), int(last), len(first) if first.startswith("0") else 0))
        position += len(part) + 1
    return tuple(found)
