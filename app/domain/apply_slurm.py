"""How a look at Slurm changes a snapshot. Pure.

What did not change stays the same object, so that whoever compares (store, screen, stream) finds out for nothing. A
node that only Slurm knows stands beside the others: without GPUs seen, with as many expected as Slurm counts.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from app.domain.happenings_slurm import slurm_events
from app.domain.naming import natural, same_node
from app.domain.reading import SourceSpec
from app.domain.series import Event
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture, SlurmReading
from app.domain.snapshot import Node, Snapshot


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_LAST = 1 << 40
_MOST_PLACED = 100
"""So many new jobs are put in their places one by one; of more, all are sorted."""

T = TypeVar("T")
N = TypeVar("N", bound=_Named)


def apply_slurm(
    before: Snapshot, spec: SourceSpec, said: SlurmReading, at: float
) -> tuple[Snapshot, tuple[Event, ...]]:
    """The snapshot with Slurm's newest, and what happened to jobs and nodes since."""
    was = before.slurm if before.slurm is not None and before.slurm.source == spec.name else None
    said = changes_of(was, said)
    picture = SlurmPicture(
        source=spec.name,
        interval_s=spec.interval_s,
        way=said.way,
        version=said.version or (was.version if was else ""),
        cluster=said.cluster or (was.cluster if was else ""),
        jobs=_jobs(was, said),
        nodes=_merged(was.nodes if was else {}, said.nodes),
        partitions=_merged(was.partitions if was else {}, said.partitions),
        counts=said.counts,
        notes=said.notes,
        at=at,
    )
    after = replace(before, slurm=picture)
    if said.nodes is not None:
        after = _with_nodes(after, spec, picture.nodes)
    return after, tuple(slurm_events(was, picture, at))


def changes_of(before: SlurmPicture | None, said: SlurmReading) -> SlurmReading:
    """The reading with only those jobs in it that are not in the picture before: what a stream sends."""
    known = before.jobs if before is not None else None
    if said.jobs is None or said.gone is not None or known is None:
        return said
    # Asked first whether it is the same: comparing a job with itself takes some forty comparisons.
    changed = [job for job in said.jobs if (was := known.get(job.id)) is not job and was != job]
    here = {job.id for job in said.jobs}
    return replace(said, jobs=tuple(changed), gone=tuple([one for one in known if one not in here]))


def job_order(job: SlurmJob) -> tuple[int, int, str]:
    """By number of the array or job, then by task or part; tasks that stand together come last."""
    _, sign, part = job.id.replace("+", "_").partition("_")
    at = (int(part) if part.isdecimal() else _LAST) if sign else -1
    return job.array_job_id or job.het_job_id or job.job_id, at, job.id


def _jobs(was: SlurmPicture | None, said: SlurmReading) -> Mapping[str, SlurmJob] | None:
    """The jobs there are now, by `job_order`; of thousands most stay where they are, and only the others are placed."""
    known = was.jobs if was is not None else None
    if said.jobs is None or (known is not None and not said.jobs and said.gone == ()):
        return known
    found = dict(known or {}) if said.gone is not None else {}
    for one in said.gone or ():
        found.pop(one, None)
    others: list[SlurmJob] = []
    for job in said.jobs:
        before = found.get(job.id)
        if before is not None and job_order(before) == job_order(job):
            found[job.id] = job
        else:
            found.pop(job.id, None)
            others.append(job)
    return _placed(found, others) if others else found


def _placed(found: Mapping[str, SlurmJob], others: Iterable[SlurmJob]) -> dict[str, SlurmJob]:
    """Jobs that stand in order with others among them."""
    new = {job.id: job for job in others}
    if len(new) > _MOST_PLACED:
        return {job.id: job for job in sorted([*found.values(), *new.values()], key=job_order)}
    ordered = list(found.values())
    for job in new.values():
        insort(ordered, job, key=job_order)
    return {job.id: job for job in ordered}


def _same(old: T | None, new: T) -> T:
    return old if old is not None and (old is new or old == new) else new


def _merged(known: Mapping[str, N], said: Iterable[N] | None) -> Mapping[str, N]:
    if said is None:
        return known
    found = {one.name: _same(known.get(one.name), one) for one in said}
    if list(found) == list(known):
        return found
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def _with_nodes(snapshot: Snapshot, spec: SourceSpec, told: Mapping[str, SlurmNode]) -> Snapshot:
    """The snapshot with Slurm's nodes among its own; one that only Slurm knew and no longer names is gone."""
    nodes = dict(snapshot.nodes)
    names = names_of(nodes, told)
    changed = False
    for slurm_name, name in names.items():
        node = nodes.get(name)
        gpus = told[slurm_name].gpus
        expected = max(gpus, len(node.gpus) if node else 0, (node.gpus_expected or 0) if node else 0) or None
        sources = (spec.name,) if node is None else node.sources
        if node is not None and spec.name not in sources:
            sources = (*sources, spec.name)
        if node is None or node.sources != sources or node.gpus_expected != expected:
            nodes[name] = replace(node or Node(name), gpus_expected=expected, sources=sources)
            changed = True
    named = set(names.values())
    for name, node in snapshot.nodes.items():
        if name not in named and spec.name in node.sources:
            changed = True
            if node.sources == (spec.name,) and not node.gpus:
                del nodes[name]
            else:
                nodes[name] = replace(node, sources=tuple(one for one in node.sources if one != spec.name))
    if not changed:
        return snapshot
    return replace(snapshot, nodes=dict(sorted(nodes.items(), key=lambda item: natural(item[0]))))


def names_of(nodes: Mapping[str, Node], told: Mapping[str, SlurmNode]) -> dict[str, str]:
    """Slurm's name of each of its nodes → the name it goes by in the snapshot: itself, its host, or a longer one."""
    shorts: dict[str, list[str]] = {}
    for name in nodes:
        shorts.setdefault(name.split(".", 1)[0], []).append(name)
    found: dict[str, str] = {}
    for slurm_name, node in told.items():
        if slurm_name in nodes:
            found[slurm_name] = slurm_name
            continue
        hosts = dict.fromkeys(one for one in (slurm_name, node.host, node.address) if one)
        alike = [name for one in hosts for name in shorts.get(one.split(".", 1)[0], ()) if same_node(name, one)]
        found[slurm_name] = alike[0] if len(set(alike)) == 1 and alike[0] not in told else slurm_name
    return found
