"""The `History` protocol: what the program asks of the past, whoever keeps it.

SQLite (`app.store.sqlite`) is the embedded default. A question has the same answer from every implementation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from app.domain.apply import Change
from app.domain.frozen import frozen
from app.domain.series import Event, Series, Subject
from app.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob


@frozen
class Tick:
    """What one interval brought: written as one transaction."""

    at: float
    """Epoch seconds."""
    changes: tuple[Change, ...]
    """Every layer that arrived since the tick before, and the fleet's folds (subject `fleet`, source `fold`)."""
    events: tuple[Event, ...] = ()
    snapshot: Snapshot | None = None
    """The picture at `at`: sources' states and identities, for those who ask `at`. None: nothing new to say of them."""


@frozen
class StoreHealth:
    """How the store is doing, for the Sources page, `doctor` and `status`."""

    state: str
    """`ok`, `read-only` (another process holds the lease), `full`, `failed`, or `closed`."""
    text: str
    """One sentence for a person."""
    path: str
    size_bytes: int
    samples: int
    """Samples kept, all levels."""
    oldest: float | None
    """Epoch seconds of the oldest raw sample."""
    dropped_ticks: int = 0
    """Ticks that could not be written (full disk, locked file) since start."""
    write_s: float | None = None
    """Duration of the last transaction."""


class History(Protocol):
    """Keeps readings and answers questions about them."""

    async def write(self, tick: Tick) -> None:
        """Keep one tick, in one transaction. Never raises for a full disk or a locked file: see `health`."""

    async def series(self, subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        """One metric of one subject in spans of `step_s` (0: raw samples), gaps as None.

        Raises LookupError with a sentence for a person when the subject was never seen.
        """

    async def at(self, when: float) -> Snapshot | None:
        """The picture as it stood at `when`; None when nothing was kept near that time."""

    async def last(self, since: float) -> Snapshot | None:
        """The last picture kept, for a new start; None when that was before `since`, or nothing was kept.

        Each GPU has a layer of every source that listed it, without values where those had passed their age by then.
        """

    async def moments(self, start: float, end: float) -> tuple[float, ...]:
        """Times within start…end (epoch seconds, at most a few hundred, newest last) at which something was kept."""

    async def events(
        self, start: float, end: float, subject: Subject | None = None, limit: int = 500
    ) -> Sequence[Event]:
        """Events within start…end, oldest first."""

    async def jobs(self, start: float, end: float, limit: int = 500) -> Sequence[SlurmJob]:
        """Slurm's jobs that were there within start…end, each as it stood last, newest first."""

    async def try_lease(self) -> bool:
        """Take over writing if nobody holds the lease (any more); says whether this one writes now."""

    async def put_notes(self, notes: Mapping[str, str | None]) -> bool:
        """Write small texts down at once, in one transaction (None strikes one out); says whether that was done."""

    async def notes(self, begins: str) -> Mapping[str, str]:
        """Every note whose key begins so.

        Empty where nothing can be read, but only after trying for some seconds: whoever takes them up would begin anew,
        and tell everything a second time, because a machine was busy.
        """

    async def health(self) -> StoreHealth:
        """How the store is doing."""

    async def close(self) -> None:
        """Finish the transaction in flight, give up the lease, close."""
