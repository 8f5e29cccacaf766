"""Why a job waits, in plain words with numbers: `needs 4 H100 on one node; the best has 2; job 812 frees 4 in 1 h 10`.

Slurm's reason decides what is told; the numbers come from the same picture. What the picture does not hold is not
claimed, what is inferred says `probably`, and what is told of the future is the latest: time limits, not guesses. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPicture
from app.engine.pending_case import Case, filled
from app.engine.pending_limits import array_text, limit_lines, limit_text, partition_nodes_text, partition_time_text
from app.engine.pending_room import never_fits_text, room_lines, room_text
from app.engine.pending_waits import (
    begin_text,
    closed_nodes_text,
    dependency_lines,
    dependency_text,
    never_text,
    partition_state_text,
    reservation_text,
)
from app.engine.reasons import Reason, job_state_lines, reason_said
from app.engine.supply import supply_of
from app.engine.want import want_of
from app.engine.words import clock, span

OLD_ESTIMATE_S = 600.0
"""Slurm's start estimate is called old past this."""


@frozen
class Explained:
    """Why a job is where it is."""

    text: str
    """One line."""
    reason: Reason
    more: tuple[str, ...] = ()
    """Further lines: what the reason means, the numbers behind it, the estimate."""
    do: str = ""
    """What to do about it."""
    see: str = ""
    """A command that shows more, ready to be typed."""
    starts_at: float | None = None
    """Slurm's own estimate, while it lies ahead."""
    evaluated_at: float | None = None
    """When the scheduler last looked at the job: the estimate is that old."""
    frees_at: float | None = None
    """When time limits of running jobs have made room at the latest, if nobody ahead takes it."""
    blockers: tuple[str, ...] = ()
    """Jobs whose ends make that room, in order."""


def explain(job: SlurmJob, picture: SlurmPicture, now: float, zone: tzinfo | None = None) -> Explained:
    """Why a job waits or how it ended; empty text for a running one. `zone` is of clock times (None: the system)."""
    said = reason_said(job.reason)
    if not job.is_pending:
        return _not_waiting(job, said.reason)
    case = Case(job, said, want_of(job), supply_of(picture), now, zone)
    teller = TELLERS.get(said.reason.code) or _KINDS[said.reason.kind]
    text, lines = teller(case)
    release = case.fit.release if teller is _room else None
    starts_at = job.start_at if job.start_at is not None and job.start_at > now else None
    return Explained(
        text=text,
        reason=said.reason,
        more=(*lines, *_estimate(case, starts_at), *_age(case, picture)),
        do=filled(said.reason.do, job),
        see=filled(said.reason.see, job),
        starts_at=starts_at,
        evaluated_at=job.evaluated_at,
        frees_at=max(now, release.at) if release is not None else None,
        blockers=release.jobs if release is not None else (),
    )


def _not_waiting(job: SlurmJob, reason: Reason) -> Explained:
    states = [f"{word}: {text}" for word, text in job_state_lines(job.state, job.flags)]
    if not job.is_ended:
        return Explained("", reason, tuple(states))
    # Slurm leaves what a job waited for on one that was cancelled meanwhile: that is not how it ended.
    told = reason.kind == "ended" or not reason.is_known
    told = told or (reason.kind in ("broken", "node") and job.state not in ("CANCELLED", "COMPLETED"))
    says = reason.text if told else ""
    text = says or next(text for _, text in job_state_lines(job.state, ()))
    by = f" (signal {job.exit_signal})" if job.exit_signal else f" (exit code {job.exit_code})" if job.exit_code else ""
    if reason.kind in ("broken", "node"):  # it never ran, or not to its own end: the number is Slurm's filler
        by = ""
    return Explained(text + by, reason, tuple(states), filled(reason.do, job) if says else "", filled(reason.see, job))


Told = tuple[str, tuple[str, ...]]


def _meaning(case: Case) -> str:
    reason = case.said.reason
    return f"{reason.code}: {reason.text}" if reason.is_known else reason.text


def _plain(case: Case) -> Told:
    reason = case.said.reason
    rest = f" ({clean(case.said.rest, 80)})" if case.said.rest and reason.is_known else ""
    return reason.text + rest, ()


def _room(case: Case) -> Told:
    if case.job.priority == 0:  # some versions leave the old reason on a job that was held
        return "it is held: its priority is 0", (_meaning(case), f"release it: scontrol release {case.job.id}")
    return room_text(case) or case.said.reason.text, (_meaning(case), *room_lines(case))


def _unknown(case: Case) -> Told:
    room = room_text(case)
    return case.said.reason.text, ((room, *room_lines(case)) if room else ())


def _held(case: Case) -> Told:
    return case.said.reason.text, (f"once released it {case.want.needs}",)


def _limit(case: Case) -> Told:
    return limit_text(case), (_meaning(case), *limit_lines(case))


def _one(text: Callable[[Case], str]) -> Callable[[Case], Told]:
    """A teller of one line, and of what the reason means where the line is empty."""

    def tell(case: Case) -> Told:
        said = text(case)
        return (said, (_meaning(case),)) if said else _plain(case)

    return tell


def _nodes(case: Case) -> Told:
    text = closed_nodes_text(case)
    room = room_text(case)
    return text or room or case.said.reason.text, (_meaning(case), *((room,) if text and room else ()))


def _dependency(case: Case) -> Told:
    return dependency_text(case) or case.said.reason.text, dependency_lines(case)


_KINDS: Mapping[str, Callable[[Case], Told]] = {
    "waiting": _plain,
    "limit": _limit,
    "held": _held,
    "broken": _plain,
    "dependency": _dependency,
    "node": _nodes,
    "ended": _plain,
    "unknown": _unknown,
}
"""Who tells a reason that has no teller of its own."""
TELLERS: Mapping[str, Callable[[Case], Told]] = {
    "None": _room,
    "Priority": _room,
    "Resources": _room,
    "NodesUnavailable": _room,
    "KeptForOthers": _room,
    "Constraints": _room,
    "BadConstraints": _one(never_fits_text),
    "Topology": _room,
    "BeginTime": _one(begin_text),
    "Dependency": _dependency,
    "DependencyNeverSatisfied": _one(never_text),
    "PartitionDown": _one(partition_state_text),
    "PartitionInactive": _one(partition_state_text),
    "PartitionTimeLimit": _one(partition_time_text),
    "PartitionNodeLimit": _one(partition_nodes_text),
    "JobArrayTaskLimit": _one(array_text),
    "Reservation": _one(reservation_text),
}
"""Who tells a reason; the rest by its kind."""


def _estimate(case: Case, starts_at: float | None) -> tuple[str, ...]:
    if starts_at is None:
        return ()
    job, now = case.job, case.now
    line = f"Slurm expects it to start at {clock(starts_at, now, case.zone)}, in {span(starts_at - now)}"
    if job.evaluated_at is None or job.evaluated_at > now:
        return (line,)
    age = now - job.evaluated_at
    return (f"{line}; reckoned {span(age)} ago" + (", which is old" if age > OLD_ESTIMATE_S else ""),)


def _age(case: Case, picture: SlurmPicture) -> tuple[str, ...]:
    if not picture.is_stale(case.now):
        return ()
    return (f"this is how Slurm stood {span(picture.age(case.now))} ago",)
