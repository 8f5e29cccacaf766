"""Who holds each GPU, and which GPUs work together: asked anew only of those about which something changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from app.domain.allocation import Held, allocations, jobs_named
from app.domain.frozen import frozen
from app.domain.reading import GpuProcess
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Snapshot
from app.engine.columns import gpu_table

_SURE = ("exact", "node")


@frozen
class Groups:
    """Rows by who holds them."""

    at_work: Mapping[str, Sequence[int]]
    """Job that runs → what it surely holds alone."""
    unknown: Sequence[int]
    """Of these nobody says whether anybody holds them."""


NO_GROUPS = Groups({}, ())


@frozen
class Holders:
    """The holders of one look, by row of its `gpu_table`."""

    held: Sequence[Held] = ()
    groups: Groups = NO_GROUPS
    picture: SlurmPicture | None = None
    """Slurm's; None where it was past its age."""
    claims: object = None
    """All of Slurm's picture that says who holds what, but for jobs that only an exporter names."""
    places: object = None
    """Which GPUs and nodes there were, sliced or not."""
    named: Sequence[tuple[str, ...]] = ()
    """The jobs that exporters name, by row."""
    processes: Sequence[tuple[GpuProcess, ...] | None] = ()
    """By row."""

    def after(self, snapshot: Snapshot, now: float) -> Holders:
        """Those of another look."""
        joined, table = allocations(snapshot, now), gpu_table(snapshot)
        gpus, picture = table.subjects, joined.picture
        claims = self.claims if picture is self.picture else _claims(picture)
        places = list(snapshot.nodes), table.names, [bool(gpu.mig) for gpu in gpus]
        named, processes = list(map(jobs_named, gpus)), list(map(attrgetter("processes"), gpus))
        if places != self.places or claims != self.claims:
            held: Sequence[Held] = list(map(joined.held, gpus))
        else:
            told = zip(named, self.named, processes, self.processes, strict=True)
            asked = [row for row, (names, were, runs, ran) in enumerate(told) if names or names != were or runs != ran]
            held = _replaced(self.held, {row: joined.held(gpus[row]) for row in asked})
        groups = self.groups if held is self.held else _grouped(held)
        return Holders(held, groups, picture, claims, places, named, processes)


def _replaced(held: Sequence[Held], new: Mapping[int, Held]) -> Sequence[Held]:
    return [new.get(row, one) for row, one in enumerate(held)] if new else held


def _grouped(some: Sequence[Held]) -> Groups:
    at_work: dict[str, list[int]] = {}
    unknown: list[int] = []
    for row, held in enumerate(some):
        if held.allocated is None:
            unknown.append(row)
        elif held.allocated and len(held.jobs) == 1 and held.certainty in _SURE and held.jobs[0].is_running:
            at_work.setdefault(held.jobs[0].id, []).append(row)
    return Groups(at_work, unknown)


def _claims(picture: SlurmPicture | None) -> object:
    """Equal for two pictures in which the same jobs hold the same; jobs that did not change stay the same objects."""
    if picture is None:
        return None
    nodes = [(one.name, one.host, one.address, one.gres, one.gres_used) for one in picture.nodes.values()]
    return [job for job in (picture.jobs or {}).values() if job.holds_nodes], nodes
