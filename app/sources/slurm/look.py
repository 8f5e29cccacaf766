"""What a way to Slurm gives the source: one look, bounded, with how long the answers took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from app.domain.frozen import frozen
from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmReading
from app.transport import turns

T = TypeVar("T")
A = TypeVar("A")

THREAD_BYTES = 64 * 1024
"""Output larger than this is read in a thread: the screen must not wait for it."""
PARTITIONS_S = 60.0
"""Seconds between two looks at the partitions."""
HEALTH_S = 180.0
"""Seconds between two questions how slurmctld is doing."""

Tap = Callable[[str, bytes], None]
"""Told every answer: which part, and the bytes as they came."""


@frozen
class Load:
    """How slurmctld is doing by its own word."""

    threads: int | None = None
    queued: int | None = None


@frozen
class Look:
    """One look that went well."""

    reading: SlurmReading
    took_s: float
    """Seconds that Slurm took to answer what is asked at every look."""
    load: Load | None = None
    """None: not asked this time."""


class LookWay(Protocol):
    """One way to Slurm."""

    @property
    def target(self) -> str:
        """Where it leads, for people: `squeue (this machine)`, `unix:///run/slurmrestd.sock`."""

    @property
    def least_s(self) -> float:
        """Seconds between two looks at least, whatever is configured."""

    async def look(self, timeout_s: float) -> Look:
        """Look once, within the time. Raises SlurmError, SlurmParseError."""

    async def close(self) -> None:
        """Give back connections."""


async def parsed(parse: Callable[[A], T], answer: A, size: int) -> T:
    """What an answer says; a large one is read in a thread."""
    return parse(answer) if size <= THREAD_BYTES else await turns.in_thread(parse, answer)


async def parsed_in_pieces(reading: Callable[[A], Pieces[T]], answer: A, size: int) -> T:
    """As `parsed`, by a parser that works in pieces."""
    return whole(reading(answer)) if size <= THREAD_BYTES else await turns.in_pieces(reading, answer)
