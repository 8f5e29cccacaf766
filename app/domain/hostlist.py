"""Slurm's host lists: `gpu-[01-03,7],login` written out as names, and names written short. Pure.

Bounded: a list may name millions of nodes in a few bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from app.domain.nodelist import split_commas

LONGEST = 65536
"""Names that one list is written out to at most."""
_PIECE = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)
_TAIL = re.compile(r"^(.*?)(\d+)$", re.ASCII)


def expand(text: str | None) -> tuple[str, ...]:
    """The names of a host list, in its order; what is no list is one name. Empty for nothing and Slurm's `(null)`."""
    wanted = (text or "").strip()
    if wanted in ("", "(null)", "None", "N/A", "None assigned"):
        return ()
    names = chain.from_iterable(_one(part) for part in split_commas(wanted) if part)
    return tuple(islice(names, LONGEST))


def _one(pattern: str) -> Iterator[str]:
    """The names of one pattern; brackets vary from the right, as Slurm counts."""
    found = _PIECE.search(pattern)
    if found is None:
        yield pattern
        return
    head, rest = pattern[: found.start()], pattern[found.end() :]
    for number in _numbers(found.group(1)):
        for tail in _one(rest):
            yield f"{head}{number}{tail}"


def _numbers(text: str) -> Iterator[str]:
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            yield part.strip()
            continue
        first, last = found.groups()
        width = len(first) if first.startswith("0") or len(first) == len(last) else 0
        for number in range(int(first), min(int(last), int(first) + LONGEST) + 1):
            yield str(number).zfill(width)


def compress(names: Iterable[str]) -> str:
    """Names written short, as people know them from Slurm: `gpu-[01-03,7]`; groups in order of first sight."""
    groups: dict[tuple[str, int], list[int]] = {}
    order: list[tuple[str, int] | str] = []
    split = [(name, _TAIL.match(name)) for name in dict.fromkeys(names)]
    # gpu-10 belongs to gpu-09 where its numbers are padded, and to gpu-9 where they are not.
    padded = {(found[1], len(found[2])) for _, found in split if found is not None and found[2].startswith("0")}
    for name, found in split:
        if found is None or len(found.group(2)) > 9:
            order.append(name)
            continue
        digits = found.group(2)
        key = (found.group(1), len(digits) if (found.group(1), len(digits)) in padded else 0)
        if key not in groups:
            groups[key] = []
            order.append(key)
        groups[key].append(int(digits))
    return ",".join(one if isinstance(one, str) else _short(one, groups[one]) for one in order)


def _short(key: tuple[str, int], numbers: list[int]) -> str:
    head, width = key
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    parts = [
        str(first).zfill(width) if first == last else f"{str(first).zfill(width)}-{str(last).zfill(width)}"
        for first, last in spans
    ]
    return f"{head}{parts[0]}" if len(spans) == 1 and spans[0][0] == spans[0][1] else f"{head}[{','.join(parts)}]"
