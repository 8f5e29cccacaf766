"""Whom signs of Slurm are about, by the names that the snapshot has for them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from app.domain.finding import FindingSubject
from app.domain.slurm import SlurmPicture
from app.engine.diagnosis.sign import Look

MOST_NODES = 256
"""Nodes of one job that a sign names."""


def node_subject(look: Look, slurm_name: str) -> FindingSubject:
    """A node of Slurm's."""
    return FindingSubject(node=snapshot_name(look, slurm_name))


def snapshot_name(look: Look, slurm_name: str) -> str:
    """The name in the snapshot of a node of Slurm's."""
    return look.allocations.snapshot_name(slurm_name)


def node_names(look: Look, slurm_names: Iterable[str]) -> str:
    """The same of several, between commas."""
    found = [snapshot_name(look, name) for _, name in zip(range(MOST_NODES), slurm_names, strict=False)]
    return ",".join(found)


@lru_cache(maxsize=2)
def working(picture: SlurmPicture) -> Mapping[str, list[str]]:
    """Slurm's name of a node → ids of the jobs that hold it."""
    found: dict[str, list[str]] = defaultdict(list)
    for job in (picture.jobs or {}).values():
        if job.holds_nodes:
            for name in job.nodes:
                found[name].append(job.id)
    return dict(found)


def only_job(look: Look, node: str) -> str | None:
    """The job that has a node of the snapshot for itself; None where there is none, or several."""
    told = look.allocations.node(node)
    jobs = working(look.picture).get(told.name, []) if told is not None and look.picture is not None else []
    return jobs[0] if len(jobs) == 1 else None
