"""Signs of the queue as it stands: what waits for what will not come, and what does not end. Pure; once a picture.

Of a reason and a user a few jobs stand for all: thousands of tasks that wait for one thing are one fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache

from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.engine.alerting.signals_slurm import drain_cause, is_planned
from app.engine.diagnosis.sign import Sign
from app.engine.pending import explain
from app.engine.pending_case import filled
from app.engine.reasons import Reason, Said, reason_said
from app.engine.words import names

MOST_EACH = 5
"""Jobs or arrays of one user that are told for one reason."""
MOST_GROUPS = 40
"""Reasons and users that are told of."""
_ALONE = frozenset({"slurm.job_limited", "slurm.job_nodes_missing"})
"""Signs of which one job for a reason and user says it all."""
_LAUNCH = frozenset({"LaunchFailedHeld", "UserEnvironmentHeld", "JobHoldMaxRequeue", "CredentialHeld"})
_NO_FAULT = frozenset({"InvalidReason", "ReservedForMaintenance", "KeptForOthers"})
"""Codes that say nothing of the job: old commands, a maintenance to come, the queue's own order."""


@lru_cache(maxsize=2)
def queue_signs(picture: SlurmPicture) -> tuple[Sign, ...]:
    """What a picture shows of jobs that wait in vain or hang while ending."""
    waiting: dict[str, list[SlurmJob]] = defaultdict(list)
    found: list[Sign] = []
    for job in (picture.jobs or {}).values():
        if job.state == "PENDING":
            waiting[job.reason or ""].append(job)
        elif job.flags and "COMPLETING" in job.flags:
            found.append(_completing(job, picture))
    left = MOST_GROUPS
    for raw, jobs in waiting.items():
        said = reason_said(raw)
        kind = _kind(said.reason)
        if kind and left > 0:
            groups = _by_user(jobs)
            for some in list(groups.values())[:left]:
                found += _waiting(kind, some, said, picture)
            left -= len(groups)
    return tuple(found)


def _kind(reason: Reason) -> str:
    """Which sign a reason is; empty for one that says that the queue works as it should."""
    if not reason.is_known or reason.code in _NO_FAULT:
        return ""
    match reason.kind:
        case "held":
            return "slurm.job_launch_held" if reason.code in _LAUNCH else "slurm.job_held"
        case "ended":
            return "slurm.job_launch_held" if reason.code == "JobLaunchFailure" else ""
        case "node":
            return "slurm.job_nodes_missing"
        case "limit" if reason.clears_itself:
            return "slurm.job_limited"
        case "broken" | "limit" | "dependency" if not reason.clears_itself:
            return "slurm.job_never_starts"
    return ""


def _by_user(jobs: list[SlurmJob]) -> Mapping[str, list[SlurmJob]]:
    """User → the jobs, of an array its first."""
    found: dict[str, dict[int, SlurmJob]] = defaultdict(dict)
    for job in jobs:
        found[job.user].setdefault(job.array_job_id or job.job_id, job)
    return {user: list(some.values()) for user, some in found.items()}


def _waiting(kind: str, jobs: list[SlurmJob], said: Said, picture: SlurmPicture) -> Iterator[Sign]:
    reason = said.reason
    most = 1 if kind in _ALONE else MOST_EACH
    for job in jobs[:most]:
        more = f" and {len(jobs) - 1} more of {clean(job.user, 32)}'s" if len(jobs) > 1 and job is jobs[0] else ""
        details = {
            "reason": reason.code,
            "user": clean(job.user, 32),
            "work": f"{clean(job.user, 32)} {reason.code}",
            "why": explain(job, picture, picture.at).text if job is jobs[0] else reason.text,
            "what": filled(reason.do, job),
            "others": more,
        }
        if kind == "slurm.job_nodes_missing":
            details |= _missing(job, said, picture)
        text = f"job {job.id}{more} waits ({reason.code}): {details['why']}"
        yield Sign(
            kind, FindingSubject(job=job.id), picture.at, clean(text, 300), picture.source, float(len(jobs)),
            details=details,
        )  # fmt: skip


def _missing(job: SlurmJob, said: Said, picture: SlurmPicture) -> Mapping[str, str]:
    """Which of the nodes that a job needs are out of service, and whether by fault or by somebody's wish."""
    wanted = dict.fromkeys((*said.nodes, *(job.required_nodes or "").split(",")))
    closed = [node for name in wanted if (node := picture.nodes.get(name)) is not None and not node.takes_jobs]
    by_fault = [node for node in closed if _is_fault(node)]
    told = [f"{node.name} ({clean(node.reason or node.text, 60)})" for node in by_fault or closed]
    return {
        "nodes": ",".join(node.name for node in by_fault or closed),
        "closed": "fault" if by_fault else "wish" if closed else "",
        "named": names(told) or "none is named",
    }


def _is_fault(node: SlurmNode) -> bool:
    if is_planned(node):
        return False
    return node.is_down if not node.is_draining else drain_cause(node) != "person"


def _completing(job: SlurmJob, picture: SlurmPicture) -> Sign:
    since = job.end_at if job.end_at is not None and job.end_at <= picture.at else None
    details = {"nodes": ",".join(job.nodes), "on": names(job.nodes), "user": clean(job.user, 32)}
    text = f"job {job.id} is COMPLETING on {names(job.nodes) or 'no node'}"
    subject = FindingSubject(job=job.id)
    return Sign("slurm.job_completing", subject, picture.at, text, picture.source, details=details, since=since)
