"""One look at Slurm through slurmrestd: the jobs each time, nodes and partitions when they are due.

An answer is decoded and read in a thread when it is large: a job weighs 6 to 40 kB here, a line of squeue 300 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from app.domain.slurm import SlurmReading
from app.sources.slurm.json_jobs import jobs_of
from app.sources.slurm.json_nodes import nodes_of
from app.sources.slurm.json_partitions import partitions_of
from app.sources.slurm.json_values import cluster_of, release_of
from app.sources.slurm.look import HEALTH_S, PARTITIONS_S, Load, Look, Tap, parsed
from app.sources.slurm.pace import Part
from app.sources.slurm.parsed import Parsed, SlurmParseError
from app.sources.slurm.rest import SlurmRest
from app.sources.slurm.rest_trouble import errors_of
from app.sources.slurm.trouble import SlurmError, kind_of
from app.transport.clock import Clock

LEAST_LEFT_S = 0.2
"""With less time left than this, a part is not asked for."""

T = TypeVar("T")


class RestWay:
    """slurmrestd over a unix socket, TCP, or either behind ssh."""

    least_s = 0.0

    def __init__(
        self,
        rest: SlurmRest,
        clock: Clock,
        tap: Tap | None = None,
        *,
        parts: Callable[[str], Part] | None = None,
    ) -> None:
        """`parts` is for a look of the past: which parts were due."""
        self._rest = rest
        self._clock = clock
        self._tap = tap
        self._parts = {"nodes": Part(0.0), "partitions": Part(PARTITIONS_S), "diag": Part(HEALTH_S)}
        if parts is not None:
            self._parts = {name: parts(name) for name in self._parts}
        self._release, self._cluster = "", ""
        self._counts: Mapping[str, float] = {}
        """What slurmctld last said of itself."""

    @property
    def target(self) -> str:
        return self._rest.where

    async def look(self, timeout_s: float) -> Look:
        """Look once. Raises SlurmError or SlurmParseError where the jobs cannot be had."""
        began = self._clock.monotonic()
        until = began + timeout_s
        jobs = await self._read("jobs", jobs_of, timeout_s)
        took_s = self._clock.monotonic() - began
        notes = list(jobs.notes)
        nodes = await self._part("nodes", nodes_of, until, notes)
        partitions = await self._part("partitions", partitions_of, until, notes)
        load = await self._health(until)
        reading = SlurmReading(
            way=f"slurmrestd {self._rest.version or ''}".rstrip(),
            jobs=jobs.items,
            nodes=nodes,
            partitions=partitions,
            version=self._release,
            cluster=self._cluster,
            counts=self._counts,
            notes=tuple(notes),
        )
        return Look(reading, took_s, load)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def _part(
        self, name: str, read: Callable[[object], Parsed[T]], until: float, notes: list[str]
    ) -> tuple[T, ...] | None:
        """A part of the look; None where it is not due or did not come. Notes say what went wrong."""
        began = self._clock.monotonic()
        if not self._parts[name].is_due(began) or began > until - LEAST_LEFT_S:
            return None
        try:
            found = await self._read(name, read, until - began)
        except (SlurmError, SlurmParseError) as error:
            notes.append(f"{name}: {error}")
            return None
        finally:
            self._parts[name] = self._parts[name].asked(began, self._clock.monotonic() - began)
        notes.extend(found.notes)
        return found.items

    async def _read(self, name: str, read: Callable[[object], Parsed[T]], timeout_s: float) -> Parsed[T]:
        """Ask for a list and read it. Raises SlurmError, also for an answer that holds an error and no list."""
        answer = await self._get(name, timeout_s)
        found, decoded = await parsed(lambda body: _decoded(name, body, read), answer, len(answer))
        self._release = release_of(decoded) or self._release
        self._cluster = cluster_of(decoded) or self._cluster
        return found

    async def _get(self, name: str, timeout_s: float) -> bytes:
        answer = await self._rest.get(name, timeout_s)
        if self._tap is not None:
            self._tap(name, answer)
        return answer

    async def _health(self, until: float) -> Load | None:
        """How slurmctld is doing; never at the first look, which somebody waits for."""
        began = self._clock.monotonic()
        part = self._parts["diag"]
        if part.asked_at is None or not part.is_due(began) or began > until - LEAST_LEFT_S:
            self._parts["diag"] = part if part.asked_at is not None else part.asked(began, 0.0)
            return None
        from app.sources.slurm.sdiag import sdiag_of  # noqa: PLC0415 - late: nothing of it is needed at the start

        try:
            said = sdiag_of(json.loads(await self._get("diag", until - began)))
        except (SlurmError, SlurmParseError, ValueError, RecursionError):
            return None
        finally:
            self._parts["diag"] = part.asked(began, self._clock.monotonic() - began)
        self._counts = said.counts
        return Load(said.server_threads, said.agent_queue)


def _decoded(name: str, body: bytes, read: Callable[[object], Parsed[T]]) -> tuple[Parsed[T], object]:
    """What a body says, and the body decoded. Raises SlurmParseError, or SlurmError where slurmctld is away."""
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SlurmParseError(f"slurmrestd {name}: not the JSON that was asked for: {error}") from error
    try:
        return read(answer), answer
    except SlurmParseError as error:
        said = errors_of(answer)
        kind = kind_of(said)
        if kind == "controller":
            raise SlurmError(kind, f"slurmctld does not answer (slurmrestd {name}): {said[0]}", said) from error
        raise
