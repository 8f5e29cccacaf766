"""Signs of Slurm's jobs: how they ended since the last look, and what keeps them waiting or ending. Pure.

Of ten thousand jobs only those that changed are looked at, and once a picture those that wait for what will not come.
Jobs of one array are told by one of them; `nodes` names where a job is or was.

slurm.job_STATE          a job ended so: out_of_memory, node_fail, timeout, deadline, boot_fail, launch_failed,
                         preempted, cancelled; details user, work, exit, inferred                               (event)
slurm.job_requeued       it ran and waits again; details reason, held                                           (event)
slurm.job_idle           its GPUs do nothing, as watching found                                                 (event)
slurm.job_never_starts   it waits for what no waiting brings; details reason, why, what, do                     (state)
slurm.job_held           somebody holds it                                                                      (state)
slurm.job_launch_held    it could not be started, and is held                                                   (state)
slurm.job_limited        it waits on a limit                                                                    (state)
slurm.job_nodes_missing  nodes that it needs are out of service; details nodes, closed (fault, wish)            (state)
slurm.job_completing     it is ending                                                                           (state)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPicture
from app.engine.alerting.signals_slurm import is_planned
from app.engine.diagnosis.observe_slurm_queue import queue_signs
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.subjects import node_names
from app.engine.words import count, names, span

LATE_S = 1800.0
"""Ends longer ago are no news at the first look."""
MOST = 50
"""Jobs or arrays that one look tells of for each way to end."""
_TOLD = frozenset(
    {
        "OUT_OF_MEMORY", "NODE_FAIL", "TIMEOUT", "DEADLINE", "BOOT_FAIL", "LAUNCH_FAILED", "PREEMPTED", "CANCELLED",
    }
)  # fmt: skip
"""Ends that some fault is known by; a program that fails by itself is its owner's affair."""
_IDLE = ("slurm.allocated_idle", "slurm.no_process")


def observe_slurm_jobs(look: Look) -> Iterator[Sign]:
    """What changed among the jobs since the last look, and what stands in the queue."""
    picture = look.picture
    if picture is None or picture.jobs is None:
        return
    before = look.before.slurm if look.before is not None else None
    was = before.jobs if before is not None and before.source == picture.source else None
    if was is not picture.jobs:
        yield from _told(look, picture, _changes(was, picture, look.now))
    for one in look.findings:
        if one.fault in _IDLE and one.subject.job:
            subject = FindingSubject(job=one.subject.job)
            yield Sign("slurm.job_idle", subject, look.now, one.title, picture.source, is_event=True)
    yield from queue_signs(picture)


_Change = tuple[str, SlurmJob, SlurmJob | None]
"""How it is told, the job, and as it was."""


def _changes(was: Mapping[str, SlurmJob] | None, picture: SlurmPicture, now: float) -> Iterator[_Change]:
    jobs = picture.jobs or {}
    known: Mapping[str, SlurmJob] = was or {}
    for key, job in jobs.items():
        old = known.get(key)
        if old is job:
            continue
        if job.is_ended:
            is_news = old is None or not old.is_ended
            if is_news and job.state in _TOLD and (job.end_at is None or now - job.end_at <= LATE_S):
                yield job.state, job, old
        elif old is not None and old.holds_nodes and (job.is_pending or "REQUEUED" in job.flags):
            is_lost = any(_is_down(picture, name) for name in old.nodes)
            yield "NODE_FAIL" if is_lost else "REQUEUED", job, old
    for key, old in known.items():
        # Where ended jobs are not listed, one that goes with its node went with it.
        if key not in jobs and old.is_running and any(_is_down(picture, name) for name in old.nodes):
            yield "NODE_FAIL", old, old


def _is_down(picture: SlurmPicture, name: str) -> bool:
    node = picture.nodes.get(name)
    return node is not None and node.is_down and not is_planned(node)


def _told(look: Look, picture: SlurmPicture, changes: Iterable[_Change]) -> Iterator[Sign]:
    """The changes, each array and way to end once."""
    groups: dict[tuple[str, int, str], list[_Change]] = defaultdict(list)
    for change in changes:
        state, job, _ = change
        if state == "CANCELLED" and job.start_at is None:
            continue  # it never ran
        groups[state, job.array_job_id or 0, "" if job.array_job_id else job.id].append(change)
    told: dict[str, int] = defaultdict(int)
    is_first = look.before is None or look.before.slurm is None
    for (state, _, _), some in groups.items():
        told[state] += 1
        if told[state] <= MOST:
            yield _ended(look, picture, some, is_first=is_first)


def _ended(look: Look, picture: SlurmPicture, some: list[_Change], *, is_first: bool) -> Sign:
    state, job, old = some[0]
    nodes = job.nodes or (old.nodes if old is not None else ())
    is_gone = job is old
    at = job.end_at if job.end_at is not None and job.is_ended and job.end_at <= look.now else picture.at
    work = f"{clean(job.user, 32)} {job.array_job_id or clean(job.name, 40)}"
    details = {
        "user": clean(job.user, 32),
        "work": work,
        "nodes": node_names(look, nodes),
        "on": names(nodes),
        "on_words": f" on {names(nodes)}" if nodes else "",
        "requeued": "yes" if job.is_pending else "",
        "requeued_words": ", and put back into the queue" if job.is_pending else "",
        "how": _words(state, job),
        "inferred": "yes" if is_gone else "",
        "reason": clean(job.reason or "", 80),
        "exit": _exit(job),
        "ran": span(job.elapsed_s(look.now) or 0.0) if job.start_at is not None and not job.is_pending else "",
    }
    text = f"job {job.id} ({details['user']}) {details['how']}{details['on_words']}"
    if len(some) > 1:
        text += f", and {count(len(some) - 1, 'more task')} of its array"
    if is_gone:
        text += ": it went with its node and is no longer listed"
    return Sign(
        f"slurm.job_{state.lower()}", FindingSubject(job=job.id), at, text, picture.source, float(len(some)),
        details=details, is_event=True, is_history=is_first,
    )  # fmt: skip


def _words(state: str, job: SlurmJob) -> str:
    if job.is_pending:
        return "was requeued" + (", since its node failed" if state == "NODE_FAIL" else "")
    return {"CANCELLED": "was cancelled", "PREEMPTED": "made way for another"}.get(state, f"ended: {state}")


def _exit(job: SlurmJob) -> str:
    if job.exit_code is None:
        return ""
    return f"{job.exit_code}:{job.exit_signal or 0}"
