"""One job, or the queue as it is this moment, straight from Slurm: for what acts on it or reads its output."""

from __future__ import annotations

import json
import secrets

from app.domain.apply_slurm import job_order
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition, SlurmPicture
from app.services.action_targets import JOB_ID, ActionError
from app.services.slurm_access import SlurmAccess
from app.sources.slurm.trouble import SlurmError

TIMEOUT_S = 20.0
_INTERVAL_S = 60.0


async def picture_now(
    access: SlurmAccess, now: float, *, with_nodes: bool = False, with_partitions: bool = False
) -> SlurmPicture:
    """The queue of this moment, nodes and partitions where they are wanted. Raises SlurmError, SlurmParseError."""
    jobs = await _jobs(access)
    nodes = await _nodes(access) if with_nodes else ()
    partitions = await _partitions(access) if with_partitions else ()
    return SlurmPicture(
        source="slurm",
        interval_s=_INTERVAL_S,
        way=access.way,
        jobs={job.id: job for job in sorted(jobs, key=job_order)},
        nodes={node.name: node for node in nodes},
        partitions={partition.name: partition for partition in partitions},
        at=now,
    )


async def find_job(access: SlurmAccess, wanted: str) -> SlurmJob:
    """One job, living or ended, from the controller, else from the accounting.

    Raises ActionError for what is no id or names several jobs, LookupError with a sentence where Slurm knows none, and
    SlurmError where it does not answer.
    """
    if not JOB_ID.fullmatch(wanted) or "[" in wanted:
        raise ActionError(f"{clean(wanted, 60)!r} is no job id; write 812, 820_3 or 830+1")
    found = await _known(access, wanted) or await _accounted(access, wanted)
    exact = [job for job in found if job.id == wanted] or found
    if wanted.isdigit() and not any(job.array_job_id == int(wanted) for job in exact):
        exact = [job for job in found if str(job.job_id) == wanted] or exact
    if not exact:
        raise LookupError(f"Slurm knows no job {wanted}: it ended some time ago, or never was")
    if len(exact) > 1:
        names = ", ".join(job.id for job in exact[:6])
        raise ActionError(f"{wanted} means {len(exact)} jobs: name one of {names}{'…' if len(exact) > 6 else ''}")
    return exact[0]


async def _known(access: SlurmAccess, wanted: str) -> tuple[SlurmJob, ...]:
    """What the controller knows of it; nothing where it says that it knows no such job."""
    try:
        if access.commands is None:
            return await _rest_jobs(access, f"job/{wanted}")
        from app.sources.slurm.scontrol import JOB_WORDS, parse_jobs  # noqa: PLC0415 - late: for who looks one up

        return parse_jobs(await access.commands.text("scontrol", *JOB_WORDS, wanted, timeout_s=TIMEOUT_S)).items
    except SlurmError as error:
        if any("nvalid job id" in line for line in (*error.said, str(error))):
            return ()
        raise


async def _accounted(access: SlurmAccess, wanted: str) -> tuple[SlurmJob, ...]:
    if access.commands is None:
        return ()
    from app.sources.slurm.sacct import HISTORY_WORDS, parse_sacct  # noqa: PLC0415 - late: for who looks one up

    try:
        text = await access.commands.text("sacct", *HISTORY_WORDS, "-j", wanted, timeout_s=TIMEOUT_S)
    except SlurmError:
        return ()
    return parse_sacct(text).items


async def _jobs(access: SlurmAccess) -> tuple[SlurmJob, ...]:
    if access.commands is None:
        return await _rest_jobs(access, "jobs")
    from app.sources.slurm.squeue import QueueReader  # noqa: PLC0415 - late: for who acts

    mark = secrets.token_hex(8)
    return QueueReader(mark=mark).read(await access.commands.queue(TIMEOUT_S, mark)).items


async def _nodes(access: SlurmAccess) -> tuple[SlurmNode, ...]:
    if access.commands is None:
        from app.sources.slurm.json_nodes import nodes_of  # noqa: PLC0415 - late: for who uses slurmrestd

        return nodes_of(_read(await _rest(access, "nodes"))).items
    from app.sources.slurm.scontrol import parse_nodes  # noqa: PLC0415 - late: for who acts on nodes

    return parse_nodes(await access.commands.nodes(TIMEOUT_S)).items


async def _partitions(access: SlurmAccess) -> tuple[SlurmPartition, ...]:
    if access.commands is None:
        from app.sources.slurm.json_partitions import partitions_of  # noqa: PLC0415 - late: for who uses slurmrestd

        return partitions_of(_read(await _rest(access, "partitions"))).items
    from app.sources.slurm.scontrol import parse_partitions  # noqa: PLC0415 - late: for who submits

    return parse_partitions(await access.commands.partitions(TIMEOUT_S)).items


async def _rest_jobs(access: SlurmAccess, path: str) -> tuple[SlurmJob, ...]:
    from app.sources.slurm.json_jobs import jobs_of  # noqa: PLC0415 - late: for who uses slurmrestd

    return jobs_of(_read(await _rest(access, path))).items


async def _rest(access: SlurmAccess, path: str) -> bytes:
    if access.rest is None:
        raise SlurmError("setup", "Slurm cannot be asked here")
    return await access.rest.get(path, TIMEOUT_S)


def _read(answer: bytes) -> object:
    try:
        return json.loads(answer)
    except ValueError as error:
        raise SlurmError("failed", "slurmrestd answers with something that is no JSON") from error
