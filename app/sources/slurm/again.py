"""Looks at Slurm read again: the answers of then, through the way in that asked for them.

Which parts were due is not worked out anew: those are, whose answers are there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from app.domain.frozen import frozen
from app.domain.reading import Reading
from app.sources.again import Answer, PastLook
from app.sources.slurm.look import LookWay
from app.sources.slurm.pace import Part
from app.sources.slurm.trouble import SlurmError

if TYPE_CHECKING:
    from app.sources.slurm.commands import SlurmCommands
    from app.sources.slurm.rest import SlurmRest

PATIENCE_S = 3600.0


@dataclass(slots=True)
class _Told:
    """The answers of the look that is read now, and its time; a clock and every kind of client in one."""

    at: float = 0.0
    answers: dict[str, deque[bytes]] = field(default_factory=dict)
    version: str = ""

    def take(self, look: PastLook) -> None:
        """Let this look be the one that is read."""
        self.at, self.answers = look.at, {}
        for one in look.answers:
            self.answers.setdefault(one.part, deque()).append(one.body)

    def has(self, part: str) -> bool:
        """Whether there is another answer of a part."""
        return bool(self.answers.get(part))

    def next(self, part: str) -> bytes:
        """The next answer of a part. Raises SlurmError where there is none."""
        if not self.has(part):
            raise SlurmError("failed", f"{part} was not asked for")
        return self.answers[part].popleft()

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Nobody waits for the past."""

    async def get(self, name: str, timeout_s: float) -> bytes:  # noqa: ARG002 - as `SlurmRest.get`
        return self.next(name)

    async def queue(self, timeout_s: float, mark: str) -> bytes:  # noqa: ARG002 - as `SlurmCommands`
        return self.next("queue")

    async def nodes(self, timeout_s: float) -> bytes:  # noqa: ARG002 - likewise
        return self.next("nodes")

    async def partitions(self, timeout_s: float) -> bytes:  # noqa: ARG002 - likewise
        return self.next("partitions")

    async def details(self, timeout_s: float, job_id: int | None = None) -> bytes:  # noqa: ARG002 - likewise
        return self.next("details" if job_id is None and self.has("details") else "new jobs")

    async def config(self, timeout_s: float) -> bytes:  # noqa: ARG002 - likewise
        return self.next("config")

    async def diagnostics(self, timeout_s: float) -> bytes:  # noqa: ARG002 - likewise
        return self.next("health")

    async def close(self) -> None:
        """Nothing is held."""


@frozen
class _AsTold(Part):
    """A part that is due where it was answered."""

    name: str = ""
    told: _Told = field(default_factory=_Told)

    def is_due(self, now: float) -> bool:  # noqa: ARG002 - the past knows
        return self.told.has(self.name)


class SlurmAgain:
    """One Slurm."""

    def __init__(self) -> None:
        self._told = _Told()
        self._way: LookWay | None = None

    async def read(self, look: PastLook) -> Reading:
        """Raises ValueError or LookupError for what no look brings."""
        first = look.answers[0] if look.answers else Answer("", 0.0, b"")
        if first.part.startswith(("page", "/")):
            from app.sources.slurm.counts import read_pages  # noqa: PLC0415 - late: one way of the three is used

            pages = [one.body for one in look.answers]
            slurm = read_pages(pages[1:] or pages)
        else:
            self._told.take(look)
            try:
                if self._way is None:
                    self._way = self._new_way(look, first)
                slurm = (await self._way.look(PATIENCE_S)).reading
            except SlurmError as error:
                raise ValueError(str(error)) from error
        slurm = replace(slurm, notes=look.notes, way=look.way or slurm.way)
        return Reading(source=look.spec.name, at=look.at, duration_s=look.duration_s, slurm=slurm)

    def _new_way(self, look: PastLook, first: Answer) -> LookWay:
        told = self._told
        if first.part == "jobs":
            from app.sources.slurm.by_rest import RestWay  # noqa: PLC0415 - late: as above

            return RestWay(cast("SlurmRest", told), told, parts=lambda name: _AsTold(0.0, 0.0, 0.0, name, told))
        from app.sources.slurm.by_commands import CommandsWay  # noqa: PLC0415 - late: as above

        return CommandsWay(
            cast("SlurmCommands", told),
            0.0,
            told,
            mark=look.body("mark").decode("ascii", "replace"),
            parts=lambda name: _AsTold(0.0, 0.0, 0.0, name, told),
        )
