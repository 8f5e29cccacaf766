"""The pattern check: memory is filled, read back, and what is not as it was written is counted.

Alternating bits find cells that stick or lean on their neighbours; walking bits find single lines; numbers that depend
on the place find addresses that fold onto each other, which no constant pattern can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable  # noqa: UP035 - the nodes' Python may be 3.8

from pod.stress.engine import Memory, Words

_ALL = 0xFFFFFFFFFFFFFFFF
MOST_ADDRESSES = 4


@dataclass(frozen=True)
class Pattern:
    """One filling."""

    name: str
    words: Words


PATTERNS: tuple[Pattern, ...] = (
    Pattern("aa", lambda _: 0xAAAAAAAAAAAAAAAA),
    Pattern("55", lambda _: 0x5555555555555555),
    Pattern("address", lambda block: (block + 1) * 0x9E3779B97F4A7C15 & _ALL),
    Pattern("walking", lambda block: 1 << block % 64),
    Pattern("zeros", lambda _: 0),
    Pattern("ones", lambda _: _ALL),
)


@dataclass(frozen=True)
class Checked:
    """What the whole check found."""

    mismatches: int
    first: tuple[str, ...]
    """`pattern@address`, hexadecimal."""
    passes: int
    is_whole: bool
    """Every pattern was tried at least once."""


def check(memory: Memory, seconds: float, clock: Callable[[], float]) -> Checked:
    """Fill and read back, pattern after pattern, until the time is over; the first round has thrice as long."""
    began = clock()
    found, passes = 0, 0
    first: list[str] = []
    while passes == 0 or clock() - began < seconds * (1 if passes >= len(PATTERNS) else 3):
        pattern = PATTERNS[passes % len(PATTERNS)]
        memory.fill(pattern.words)
        said = memory.check(pattern.words)
        found += said.count
        first += [f"{pattern.name}@{address:#x}" for address in said.first]
        passes += 1
    return Checked(found, tuple(first[:MOST_ADDRESSES]), passes, passes >= len(PATTERNS))
