"""Whom an action hits: the jobs an id means, those that wait for them, and what a person should know first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from app.domain.frozen import frozen
from app.domain.hostlist import compress
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPicture
from app.services.action_targets import JOB_ID

MOST_LINES = 12
"""Jobs told of by name; more are told as a number."""
_DEPENDENCY = re.compile(r"(?P<kind>after\w*|singleton)?:?(?P<id>\d+(?:_(?:\d+|\*|\[[^\]]*\]))?)")


@frozen
class Found:
    """The jobs that ids mean, in the picture."""

    jobs: tuple[SlurmJob, ...]
    missing: tuple[str, ...]
    """Ids that no job of the picture has; empty where the picture lists no jobs."""


def find(ids: Sequence[str], picture: SlurmPicture | None) -> Found:
    """The jobs behind ids: `820` means all tasks of the array, `820_[7-9]` some, `830` every part."""
    known = (picture.jobs if picture is not None else None) or {}
    is_listed = picture is not None and picture.jobs is not None
    found: dict[str, SlurmJob] = {}
    missing: list[str] = []
    for one in ids:
        hit = _hit(one, known)
        found.update((job.id, job) for job in hit)
        if not hit:
            missing.append(one)
    return Found(tuple(found.values()), tuple(missing) if is_listed else ())


def _hit(wanted: str, known: Mapping[str, SlurmJob]) -> list[SlurmJob]:
    if wanted in known:
        return [known[wanted]]
    parts = JOB_ID.fullmatch(wanted)
    if parts is None:
        return []
    base = int(parts["base"])
    if parts["task"] is None and parts["tasks"] is None:
        return [job for job in known.values() if base in (job.job_id, job.array_job_id, job.het_job_id)]
    return [
        job
        for job in known.values()
        if job.array_job_id == base and _shares(parts["task"] or parts["tasks"], job.array_task)
    ]


def _shares(wanted: str | None, has: str | None) -> bool:
    """Whether two descriptions of array tasks (`3`, `7-99%4`) have one in common."""
    return any(a <= d and c <= b for a, b in _spans(wanted) for c, d in _spans(has))


def _spans(text: str | None) -> list[tuple[int, int]]:
    """First and last of each run; a step (`1-9:2`) is taken for the whole run: to warn of too much is safe."""
    found = []
    for part in (text or "").partition("%")[0].split(","):
        first, dash, last = part.partition(":")[0].partition("-")
        if first.isdigit() and (not dash or last.isdigit()):
            found.append((int(first), int(last if dash else first)))
    return found


def dependents(jobs: Iterable[SlurmJob], picture: SlurmPicture | None) -> tuple[tuple[SlurmJob, str], ...]:
    """Jobs that wait for one of these, each with the kind of its dependency (`afterok`)."""
    ours = {name for job in jobs for name in _names(job)}
    hit = {job.id for job in jobs}
    found = []
    for job in (picture.jobs or {}).values() if picture is not None else ():
        if not job.dependency or job.id in hit or not job.is_pending:
            continue
        kind = "after"
        for one in _DEPENDENCY.finditer(job.dependency):
            kind = one["kind"] or kind
            if one["id"] in ours:
                found.append((job, kind))
                break
    return tuple(found)


def _names(job: SlurmJob) -> tuple[str, ...]:
    """How a dependency may name a job."""
    names = [job.id, str(job.job_id)]
    if job.array_job_id is not None:
        names += [str(job.array_job_id), f"{job.array_job_id}_*"]
    return tuple(names)


def job_line(job: SlurmJob, now: float) -> str:
    """`812 ana llama-ft: RUNNING 3 h 12 min on gpu-[1-2] with 16 GPUs`."""
    who = f"{job.id} {clean(job.user, 32)} {clean(job.name, 40)}".rstrip()
    state = clean(job.state, 24) or "state unknown"
    if not job.holds_nodes:
        return f"{who}: {state}" + (f", wants {gpus_text(job.gpus)}" if job.gpus else "")
    run = job.elapsed_s(now)
    told = f"{who}: {state}" + (f" for {span_text(run)}" if run is not None else "")
    if job.nodes:
        told += f" on {clean(compress(job.nodes), 60)}"
    return told + (f" with {gpus_text(job.gpus)}" if job.gpus else "")


def hit_lines(jobs: Sequence[SlurmJob], now: float) -> tuple[str, ...]:
    """One line a job, the running ones first; a sum for those beyond the most."""
    ordered = sorted(jobs, key=lambda job: not job.holds_nodes)
    lines = [job_line(job, now) for job in ordered[:MOST_LINES]]
    rest = ordered[MOST_LINES:]
    if rest:
        running = sum(job.holds_nodes for job in rest)
        gpus = sum(job.gpus or 0 for job in rest if job.holds_nodes)
        lines.append(
            f"and {len(rest)} more jobs, {running} of them running" + (f" with {gpus_text(gpus)}" if gpus else "")
        )
    return tuple(lines)


def waiting_lines(waiting: Sequence[tuple[SlurmJob, str]], verb: str) -> tuple[str, ...]:
    """What becomes of jobs that wait for those that an action hits."""
    lines = []
    for job, kind in waiting[:MOST_LINES]:
        fate = f"waits for it ({kind})"
        if verb == "cancel":
            fate = "then never starts" if kind in ("afterok", "aftercorr") else "then may start"
        lines.append(
            f"{job.id} {clean(job.user, 32)} {clean(job.name, 40)}: {fate}" + (f" ({kind})" if verb == "cancel" else "")
        )
    if len(waiting) > MOST_LINES:
        lines.append(f"and {len(waiting) - MOST_LINES} more jobs wait for them")
    return tuple(lines)


def others_warning(jobs: Iterable[SlurmJob], user: str) -> tuple[str, ...]:
    """That jobs belong to somebody else; nothing where the user is not known."""
    others = sorted({clean(job.user, 32) for job in jobs if job.user and job.user != user}) if user else []
    if not others:
        return ()
    named = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    allowed = "" if user == "root" else ": Slurm lets only operators do this"
    return (f"jobs of {named}, not yours{allowed}",)


def gpus_text(number: int | None) -> str:
    """`1 GPU`, `8 GPUs`."""
    return f"{number or 0} GPU" + ("" if number == 1 else "s")


def span_text(seconds: float) -> str:
    """`41 s`, `12 min`, `3 h 10 min`, `2 d 4 h`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
