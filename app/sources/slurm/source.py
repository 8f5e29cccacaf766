"""Slurm as a source: one look an interval, by commands, slurmrestd or an exporter, at a pace that Slurm bears.

The interval grows by itself when answers take long, slurmctld says that it is busy, or a look was given up on
(`pace`); `spec` then says so, and ages are reckoned by it. Whatever goes wrong is a failed reading with a sentence;
what was known of jobs and nodes stays, with its age.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.config.settings import Slurm
from app.domain.reading import Reading, SourceSpec
from app.sources.registry import Making
from app.sources.slurm.look import Look, LookWay, Tap
from app.sources.slurm.pace import Pace
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError
from app.sources.slurm_ways import LONGEST_LOOK_S, SCHEME, way_of
from app.transport.clock import Clock, look_timeout
from app.transport.memory import return_large_blocks

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.ssh import SshForwards

MARGIN_S = 0.1
"""A look is given this much less than it may take, so that a command is ended by us and says why."""


class SlurmSource:
    """One Slurm as a source."""

    def __init__(self, spec: SourceSpec, way: LookWay, clock: Clock, timeout_s: float = 0.0) -> None:
        """`timeout_s` is what is wanted, 0 for no wish; the interval bounds it."""
        base_s = max(spec.interval_s, way.least_s)
        self._spec = replace(spec, target=way.target, interval_s=base_s)
        self._way = way
        self._clock = clock
        self._wanted_s = timeout_s or LONGEST_LOOK_S
        self._pace = Pace(base_s, base_s)

    @property
    def spec(self) -> SourceSpec:
        """Who it is, and how often it is read just now."""
        return self._spec

    @property
    def timeout_s(self) -> float:
        return look_timeout(self._spec.interval_s, self._wanted_s)

    async def read(self) -> Reading:
        """Look once; a failure is a reading."""
        began = self._clock.monotonic()
        try:
            look = await self._way.look(self.timeout_s - MARGIN_S)
        except (SlurmError, SlurmParseError) as error:
            if isinstance(error, SlurmError) and error.kind == "timeout":
                self._go(self._pace.after_timeout())
            name, now = self._spec.name, self._clock.now()
            return Reading.failed(name, now, str(error), self._clock.monotonic() - began)
        self._go(self._paced(look))
        told = look.reading
        if self._pace.note:
            told = replace(told, notes=(*told.notes, self._pace.note))
        duration_s = self._clock.monotonic() - began
        return Reading(source=self._spec.name, at=self._clock.now(), duration_s=duration_s, slurm=told)

    async def close(self) -> None:
        """Give back connections."""
        await self._way.close()

    def _paced(self, look: Look) -> Pace:
        pace = replace(self._pace, base_s=max(self._pace.base_s, self._way.least_s))
        if look.load is not None:
            pace = pace.told(look.load.threads, look.load.queued)
        return pace.after(look.took_s)

    def _go(self, pace: Pace) -> None:
        self._pace = pace
        if pace.interval_s != self._spec.interval_s:
            self._spec = replace(self._spec, interval_s=pace.interval_s)


class BrokenWay:
    """Settings that lead nowhere: every look says why."""

    least_s = 0.0

    def __init__(self, target: str, why: str) -> None:
        self.target = target
        self._why = why

    async def look(self, timeout_s: float) -> Look:  # noqa: ARG002 - the protocol's
        """Never looks."""
        raise SlurmError("setup", self._why)

    async def close(self) -> None:
        """Nothing is held."""


def make(making: Making) -> SlurmSource:
    """Make the source of `slurm:local`, `slurm:ssh`, `slurm:rest`, `slurm:exporter`, or of `slurm:` as configured."""
    return_large_blocks()  # the details of ten thousand jobs are megabytes, which nobody needs once they are read
    named = making.target.url.removeprefix(SCHEME)
    kind = named or way_of(making.slurm, making.environ) or "local"
    try:
        way = _way(kind, making)
    except ValueError as error:
        way = BrokenWay(kind, f"[slurm]: {error}")
    return SlurmSource(making.spec, way, making.clock, making.target.timeout_s)


def _way(kind: str, making: Making) -> LookWay:
    """The way in of a kind; what it needs is imported now. Raises ValueError for settings that cannot be used."""
    slurm, clock, tap = making.slurm, making.clock, _tap(making)
    match kind:
        case "local" | "ssh":
            from app.sources.slurm import by_commands, commands  # noqa: PLC0415 - late: one way of the three is used

            if kind == "local":
                found = commands.local_commands(slurm, making.environ)
            else:
                found = commands.ssh_commands(_needs(slurm, "ssh"), _forwards(making))
            return by_commands.CommandsWay(found, slurm.details_s, clock, tap)
        case "rest":
            from app.sources.slurm import by_rest, rest  # noqa: PLC0415 - late: as above

            return by_rest.RestWay(rest.SlurmRest(_needs(slurm, "rest_url"), making.client.forwards), clock, tap)
        case "exporter":
            from app.sources.slurm import by_exporter  # noqa: PLC0415 - late: as above

            return by_exporter.ExporterWay(_needs(slurm, "exporter_url").exporter_url, making.client, clock, tap)
    raise ValueError(f"{kind!r} is no way to Slurm: write slurm:local, slurm:ssh, slurm:rest or slurm:exporter")


def _needs(slurm: Slurm, key: str) -> Slurm:
    """The settings, if the one this way needs is there. Raises ValueError."""
    if not getattr(slurm, key):
        raise ValueError(f"via = {slurm.via!r} needs {key}")
    return slurm


def _forwards(making: Making) -> SshForwards:
    """The connections through ssh hosts. Raises ValueError where none may be made."""
    if making.client.forwards is None:
        raise ValueError("ssh is not available here")
    return making.client.forwards


def _tap(making: Making) -> Tap | None:
    """The recorder's ear: an answer goes by the source's name and the part it is."""
    told, clock, name = making.tap, making.clock, making.spec.name
    if told is None:
        return None
    return lambda part, answer: told(name, part, clock.now(), answer)
