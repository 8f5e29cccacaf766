"""One look at Slurm through its commands: the queue each time, the rest when it is due.

slurmctld is asked one thing after the other, so a controller that hangs has one command of ours waiting and never two.
Where the queue comes but a later part does not, the look is good: the part stays as it was, and a note says so.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from app.domain.pieces import Pieces, at_once
from app.domain.slurm import SlurmJob, SlurmReading
from app.sources.slurm.commands import SlurmCommands, config_of
from app.sources.slurm.details import Details, most_single, only, split
from app.sources.slurm.look import HEALTH_S, PARTITIONS_S, Load, Look, Tap, parsed_in_pieces
from app.sources.slurm.node_records import NodeReader
from app.sources.slurm.pace import Part
from app.sources.slurm.parsed import Parsed, SlurmParseError
from app.sources.slurm.scontrol import parse_jobs, parse_partitions, reading_jobs
from app.sources.slurm.squeue import QueueReader
from app.sources.slurm.trouble import SlurmError
from app.transport import turns
from app.transport.clock import Clock

CONFIG_S = 3600.0
"""Seconds between two looks at the controller's configuration: its name and version."""
AT_ONCE = 1 << 18
"""Bytes of details that are read at one look beside those that are wanted: some 200 jobs, in 20 ms."""
MOST_LOOKS = 32
"""Of more details than fit so many looks, more are read at each: before they are asked for again, all are read."""
JOB_BYTES = 256
"""About what a job is in squeue's output."""
_QUICK = 1
"""Of deflate; it makes a tenth of details in 3 ms a megabyte."""
LEAST_LEFT_S = 0.2
"""With less time left than this, a part is not asked for."""

T = TypeVar("T")
Ask = Callable[[float], Awaitable[bytes]]
"""Asks for a part within seconds."""


class CommandsWay:
    """squeue, scontrol and sdiag, on this machine or behind ssh."""

    least_s = 0.0

    def __init__(
        self,
        commands: SlurmCommands,
        details_s: float,
        clock: Clock,
        tap: Tap | None = None,
        *,
        mark: str = "",
        parts: Callable[[str], Part] | None = None,
    ) -> None:
        """`mark` and `parts` are for a look of the past: what its rows are marked with, and which parts were due."""
        self.commands = commands
        self._clock = clock
        self._tap = tap
        self._mark = mark or secrets.token_hex(8)
        self._queue = QueueReader(mark=self._mark)
        self._nodes = NodeReader()
        self._details = Details()
        self._left: list[bytes] = []
        """Details that are still to be read, a part a look; deflated, since a minute may pass until the last is."""
        self._parts = {
            "nodes": Part(0.0),
            "partitions": Part(PARTITIONS_S),
            "details": Part(details_s),
            "new jobs": Part(0.0),
            "config": Part(CONFIG_S),
            "health": Part(HEALTH_S),
        }
        if parts is not None:
            self._parts = {name: parts(name) for name in self._parts}
        self._version, self._cluster = "", ""
        self._counts: Mapping[str, float] = {}
        """What slurmctld last said of itself."""

    @property
    def target(self) -> str:
        where = self.commands.runner.where
        return "squeue (local)" if where == "this machine" else f"ssh {where}"

    async def look(self, timeout_s: float) -> Look:
        """Look once. Raises SlurmError or SlurmParseError where the queue cannot be had."""
        began = self._clock.monotonic()
        until = began + timeout_s
        answer = await self.commands.queue(timeout_s, self._mark)
        took_s = self._clock.monotonic() - began
        self._told("mark", self._mark.encode())
        self._told("queue", answer)
        queue = await parsed_in_pieces(self._queue.reading, answer, len(answer))
        notes = list(queue.notes)
        nodes = await self._part("nodes", self.commands.nodes, self._nodes.reading, until, notes)
        took_s += self._parts["nodes"].took_s if nodes is not None else 0.0
        partitions = await self._part("partitions", self.commands.partitions, at_once(parse_partitions), until, notes)
        jobs = await self._detailed(queue.items, until, notes)
        await self._introduce(until)
        load = await self._health(until)
        reading = SlurmReading(
            way=f"commands {self._version}".rstrip(),
            jobs=jobs,
            nodes=nodes,
            partitions=partitions,
            version=self._version,
            cluster=self._cluster,
            counts=self._counts,
            notes=tuple(notes),
        )
        return Look(reading, took_s, load)

    async def close(self) -> None:
        """Nothing is held between two looks."""

    async def _part(
        self,
        name: str,
        ask: Ask,
        parse: Callable[[bytes], Pieces[Parsed[T]]],
        until: float,
        notes: list[str],
    ) -> tuple[T, ...] | None:
        """A part of the look; None where it is not due or did not come. Notes say what went wrong."""
        if not self._is_due(name, until):
            return None
        try:
            answer = await self._ask(name, ask, until)
            found = await parsed_in_pieces(parse, answer, len(answer))
        except (SlurmError, SlurmParseError) as error:
            notes.append(f"{name}: {error}")
            return None
        notes.extend(found.notes)
        return found.items

    async def _detailed(self, queue: tuple[SlurmJob, ...], until: float, notes: list[str]) -> tuple[SlurmJob, ...]:
        """The queue's jobs with the GPUs they hold, as far as these are known or can be asked for now."""
        new = self._details.missing(queue)
        if bool(queue) and (self._parts["details"].asked_at is None or self._parts["details"].is_due(self._now)):
            parse = partial(self._wanted_first, frozenset(job.job_id for job in new))
            told = await self._part("details", self.commands.details, parse, until, notes)
            if told is not None:
                self._details.learn(told, queue)
        else:
            await self._catch_up(notes)
            await self._learn_new(new, most_single(len(queue)), until, notes)
        return await parsed_in_pieces(self._completing, queue, JOB_BYTES * len(queue))

    def _completing(self, queue: tuple[SlurmJob, ...]) -> Pieces[tuple[SlurmJob, ...]]:
        """The jobs with what is known of them, which is what their rows are from now on."""
        jobs = yield from self._details.merging(queue)
        yield
        self._queue.take_up(made for read, made in zip(queue, jobs, strict=True) if made is not read)
        return jobs

    async def _learn_new(self, new: tuple[SlurmJob, ...], most: int, until: float, notes: list[str]) -> None:
        """Look up new jobs: so many one by one, more with one question."""
        if len(new) <= most:
            for job in new:
                await self._look_up(job, until, notes)
            return
        wanted = frozenset(job.job_id for job in new)
        told = await self._part("new jobs", partial(self._some, wanted), reading_jobs, until, notes)
        if told is not None:
            self._details.learn(told, new)

    def _wanted_first(self, wanted: frozenset[int], answer: bytes) -> Pieces[Parsed[SlurmJob]]:
        """The details of the wanted jobs; of a long answer the others are left for the next looks.

        Ten thousand jobs take most of a second to read, and somebody waits for the first of them.
        """
        unread, left = len(self._left), list[bytes]()
        if len(answer) > AT_ONCE:
            answer, others = split(answer, wanted, max(AT_ONCE, len(answer) // MOST_LOOKS))
            for part in others:
                left.append(zlib.compress(part, _QUICK))
                yield
        # Those that were not come to the last time are the first now (the last is read first).
        self._left = left[unread:] + left[:unread]
        return (yield from reading_jobs(answer))

    async def _catch_up(self, notes: list[str]) -> None:
        """Read a part of the details that a look before has left."""
        if not self._left:
            return
        answer = zlib.decompress(self._left.pop())
        try:
            found = await parsed_in_pieces(reading_jobs, answer, len(answer))
        except SlurmParseError as error:
            notes.append(f"details: {error}")
            return
        notes.extend(found.notes)
        self._details.learn(found.items, ())

    async def _look_up(self, job: SlurmJob, until: float, notes: list[str]) -> None:
        """Ask about one job; one that is gone by now is no trouble."""
        if self._now > until - LEAST_LEFT_S:
            return
        try:
            answer = await self._ask("new jobs", partial(self._one, job.job_id), until)
            self._details.learn(parse_jobs(answer).items, (job,))
        except SlurmError as error:
            if error.kind == "failed":
                self._details.learn((), (job,))
            else:
                notes.append(f"job {job.id}: {error}")
        except SlurmParseError as error:
            self._details.learn((), (job,))
            notes.append(f"job {job.id}: {error}")

    async def _some(self, wanted: frozenset[int], timeout_s: float) -> bytes:
        """The details of some jobs, out of an answer about all: those of the others are known or will be."""
        answer = await self.commands.details(timeout_s)
        return await turns.in_thread(only, answer, wanted)

    def _one(self, job_id: int, timeout_s: float) -> Awaitable[bytes]:
        return self.commands.details(timeout_s, job_id)

    async def _introduce(self, until: float) -> None:
        """Learn the cluster's name and version; without an answer they stay as they were."""
        if not self._is_due("config", until):
            return
        try:
            answer = await self._ask("config", self.commands.config, until)
        except SlurmError:
            return
        said = config_of(answer)
        self._cluster = said.get("ClusterName", self._cluster)
        self._version = said.get("SLURM_VERSION", self._version)

    async def _health(self, until: float) -> Load | None:
        """How slurmctld is doing; never at the first look, which somebody waits for."""
        part = self._parts["health"]
        if part.asked_at is None:
            self._parts["health"] = replace(part, asked_at=self._now)
            return None
        if not self._is_due("health", until):
            return None
        from app.sources.slurm.sdiag import parse_sdiag  # noqa: PLC0415 - late: nothing of it is needed at the start

        try:
            said = parse_sdiag(await self._ask("health", self.commands.diagnostics, until))
        except (SlurmError, SlurmParseError):
            return None
        self._counts = said.counts
        return Load(said.server_threads, said.agent_queue)

    async def _ask(self, name: str, ask: Ask, until: float) -> bytes:
        """Ask for a part in the time that is left; remembers when, and how long it took."""
        began = self._now
        try:
            answer = await ask(max(LEAST_LEFT_S, until - began))
        finally:
            self._parts[name] = self._parts[name].asked(began, self._now - began)
        self._told(name, answer)
        return answer

    def _is_due(self, name: str, until: float) -> bool:
        return self._parts[name].is_due(self._now) and self._now <= until - LEAST_LEFT_S

    @property
    def _now(self) -> float:
        return self._clock.monotonic()

    def _told(self, name: str, answer: bytes) -> None:
        if self._tap is not None:
            self._tap(name, answer)
