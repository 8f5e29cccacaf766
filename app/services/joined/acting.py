"""Which cluster an action is meant for, and its plan in that cluster's own names. Pure.

Nothing is done in a cluster that nobody named: where several are in view, a job or a node is written with its cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.config.settings import Member, Settings, Slurm
from app.domain.clusters import SEPARATOR, Naming, cluster_of
from app.domain.job_actions import Plan
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPicture
from app.services.action_targets import ActionError

NO_WAY = '[[member]] slurm = "local", "ssh" or "rest" says how you act on its jobs'


def clusters_of(members: Sequence[Member]) -> tuple[str, ...]:
    """The clusters in view, where they are several; else none need be named."""
    found = tuple(dict.fromkeys(one.cluster for one in members))
    return found if len(found) > 1 else ()


def cluster_meant(texts: Iterable[str], clusters: Sequence[str] = ()) -> str:
    """The one cluster that names begin with; empty where none does. Raises ActionError where they name several.

    Where `clusters` are in view, one of them must be named.
    """
    named = [cluster_of(part) for text in texts for part in re.split(r",(?![^\[]*\])", text.strip()) if part]
    found = tuple(dict.fromkeys(named))
    if len(found) > 1:
        these = ", ".join(clean(one, 40) or "none" for one in found)
        raise ActionError(f"one cluster at a time: these name {these}")
    meant = found[0] if found else ""
    if clusters and meant not in clusters:
        raise ActionError(f"which cluster? Write it first, as in {clusters[0]}:NAME; in view are {', '.join(clusters)}")
    return meant


def at_home(text: str, cluster: str) -> str:
    """A job's id, or names of nodes, as the cluster itself writes them."""
    begin = re.escape(f"{cluster}{SEPARATOR}")
    return re.sub(rf"(^\s*|,)({begin})", r"\1", text)


def home_job(job: SlurmJob) -> SlurmJob:
    """A job as its own cluster writes it."""
    naming = Naming(cluster_of(job.id))
    if not naming.cluster:
        return job
    return replace(
        job,
        id=naming.home(job.id),
        partition=",".join(naming.home(one) for one in job.partition.split(",")),
        nodes=tuple(map(naming.home, job.nodes)),
        gpus_on=tuple(replace(one, node=naming.home(one.node)) for one in job.gpus_on),
    )


def home_picture(picture: SlurmPicture | None, cluster: str) -> SlurmPicture | None:
    """One cluster's part of a picture, in its own names; what is in them already stays."""
    if picture is None:
        return None
    naming = Naming(cluster)
    jobs = None if picture.jobs is None else [one for key, one in picture.jobs.items() if naming.owns(key)]
    nodes = [one for key, one in picture.nodes.items() if naming.owns(key)]
    partitions = [one for key, one in picture.partitions.items() if naming.owns(key)]
    return replace(
        picture,
        jobs=None if jobs is None else {naming.home(one.id): home_job(one) for one in jobs},
        nodes={
            naming.home(one.name): replace(
                one, name=naming.home(one.name), partitions=tuple(map(naming.home, one.partitions))
            )
            for one in nodes
        },
        partitions={
            naming.home(one.name): replace(one, name=naming.home(one.name), nodes=tuple(map(naming.home, one.nodes)))
            for one in partitions
        },
    )


def planned_in(
    cluster: str,
    targets: Iterable[str],
    picture: SlurmPicture | None,
    make: Callable[[tuple[str, ...], SlurmPicture | None], Plan],
) -> Plan:
    """A plan made in a cluster's own names: its commands are what is typed there, its targets say which cluster."""
    plan = make(tuple(at_home(one, cluster) for one in targets), home_picture(picture, cluster))
    return replace(plan, targets=Naming(cluster).outs(plan.targets), summary=f"{cluster}: {plan.summary}")


def way_to(member: Member) -> Slurm:
    """How a member's Slurm is reached by who acts. Raises ActionError where no way is named."""
    if not member.slurm:
        raise ActionError(f"nothing can be done to jobs and nodes of {member.cluster} from this view: {NO_WAY}")
    return Slurm(
        via=member.slurm,
        bin_dir=member.slurm_bin_dir,
        ssh=member.slurm_ssh or member.ssh,
        rest_url=member.slurm_rest_url,
        token_file=member.slurm_token_file,
    )


def slurm_of(settings: Settings, cluster: str) -> Slurm:
    """The way to the Slurm of a cluster in view. Raises ActionError where none is named."""
    here = [one for one in settings.member if one.cluster == cluster]
    return way_to(next((one for one in here if one.slurm), here[0]))
