"""Answers to: which jobs run, wait or failed; how is Slurm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text
from app.agent.analyst.pending import clean_text
from app.agent.analyst.telling import behind, figure, joined, lasting, many, named, own, percent, when
from app.agent.analyst.values import iso_of
from app.domain.slurm import ENDED

_MOST = 12
_WAITING = ("pending", "waiting", "queued", "queue", "wait", "backlog", "squeue", "held")


def _state_of(ask: Inquiry) -> str | None:
    """Which jobs are asked for; None: all that run or wait."""
    if ask.reading.wants("held"):
        return "held"
    if ask.reading.wants(*_WAITING):
        return "pending"
    return "running" if ask.reading.wants("running", "runs", "run", "longest") else None


async def jobs(ask: Inquiry) -> str:
    """A list of jobs, by what was asked."""
    slots, reading = ask.reading.slots, ask.reading
    state = _state_of(ask)
    if reading.wants("failed", "ended", "finished", "completed", "crashed"):
        return await failed_jobs(ask)
    node = slots.nodes[0] if slots.nodes else slots.gpus[0].rpartition("/")[0] if slots.gpus else None
    seen = await ask.look(
        "jobs", state=state, user=slots.users[0] if slots.users else None, node=node,
        partition=slots.partitions[0] if slots.partitions else None,
    )  # fmt: skip
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot list jobs: {seen.use.error} {seen.cite}").text
    some = seen.rows("jobs")
    parts = (("of", slots.users), ("on", (node,) if node else ()), ("in", slots.partitions))
    where = joined((f"{word} {names[0]}" for word, names in parts if names), " ")
    kind = {"pending": "waits", "running": "runs", "held": "is held"}.get(state or "", "runs or waits")
    if not some:
        return draft.say(f"**No job {where + ' ' if where else ''}{kind}.** {seen.cite}").text
    if reading.wants("longest", "oldest"):
        some = sorted(some, key=lambda one: -(number(one, "elapsed_s") or number(one, "waits_s") or 0.0))
    elif reading.wants("newest"):
        some = sorted(some, key=lambda one: number(one, "elapsed_s") or number(one, "waits_s") or 0.0)
    states = ", ".join(f"{figure(float(count))} {name.lower()}" for name, count in seen.part("by_state").items())
    total = seen.number("jobs_matching")
    draft.say(f"**{many(total or len(some), 'job')}{f' {where}' if where else ''}: {states}.** {seen.cite}")
    job_rows(draft, some, ask.reading.slots.count or _MOST)
    if state == "pending":
        draft.say(f"To know more: `why is job {text(some[0], 'job')} pending?`")
    return draft.text


def job_rows(draft: Draft, some: list[Mapping[str, Any]], most: int = _MOST) -> Draft:
    """A table of jobs."""
    return draft.table(
        ("job", "user", "name", "state", "GPUs", "nodes", "time", "busy", "why"),
        [
            (
                f"job {text(one, 'job')}", text(one, "user"), own(text(one, "name"), 30), text(one, "state").lower(),
                text(one, "gpus"), named([str(node) for node in one.get("nodes", ())], 2),
                lasting(number(one, "elapsed_s") or number(one, "waits_s")),
                percent(number(one, "gpu_utilization_percent")), clean_text(text(one, "why")),
            )
            for one in some
        ],
        most,
        "…and more; narrow it by user, node or partition.",
    )  # fmt: skip


async def failed_jobs(ask: Inquiry) -> str:
    """Jobs that ended badly lately."""
    slots = ask.reading.slots
    seen = await ask.look(
        "jobs", state="ended", user=slots.users[0] if slots.users else None,
        since=iso_of(slots.span.start) if slots.span is not None else None,
    )  # fmt: skip
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot list jobs that ended: {seen.use.error} {seen.cite}").text
    some = [one for one in seen.rows("jobs") if text(one, "state") in ENDED and text(one, "state") != "COMPLETED"]
    if not some:
        return draft.say(f"**No job ended badly lately.** {seen.cite}").text
    first = some[0]
    draft.say(
        f"**{many(len(some), 'job')} ended badly, the last of them job {text(first, 'job')} of {text(first, 'user')} "
        f"({text(first, 'state').lower()}{behind(' at ', when(text(first, 'ended_iso'), ask.now))}).** {seen.cite}"
    )
    draft.table(
        ("job", "user", "name", "how", "exit code", "GPUs"),
        [
            (
                f"job {text(one, 'job')}", text(one, "user"), own(text(one, "name"), 30), text(one, "state").lower(),
                text(one, "exit_code"), text(one, "gpus"),
            )
            for one in some
        ],
    )  # fmt: skip
    return draft.say(f"To know more: `why did job {text(first, 'job')} fail?`").text


async def slurm(ask: Inquiry) -> str:
    """Slurm as a whole, its partitions, and what is wrong with it."""
    if not ask.known.has_slurm:
        return (
            "**No Slurm is read here**, so I know nothing of jobs, partitions or the queue. Name one in `[slurm]` of "
            "the configuration."
        )
    seen, diagnosed = await ask.look_at(("slurm_status", {}), ("diagnose", {}))
    draft = Draft()
    if not seen.is_there:
        draft.say(f"**Slurm cannot be read: {seen.use.error}** {seen.cite}")
    else:
        stale = seen.found.get("stale") is True
        age = seen.number("age_s")
        verdict = f"Slurm has not answered for {lasting(age)}" if stale else "Slurm answers"
        draft.say(f"**{verdict}: {_counts(seen)}.** {seen.cite}")
    for one in [one for one in diagnosed.rows("incidents") if _is_control(one)][:2]:
        draft.say(f"{clean_text(text(one, 'title'))} {diagnosed.cite}")
    draft.table(
        ("partition", "state", "nodes", "GPUs", "free", "time limit"),
        [
            (
                text(one, "partition"), text(one, "state"), text(one, "nodes"), text(one, "gpus"),
                text(one, "gpus_free"), lasting(number(one, "time_limit_s")) or "none",
            )
            for one in seen.rows("partitions")
        ],
    )  # fmt: skip
    draft.points(
        "Why jobs wait",
        [
            f"{own(reason, 60)}: {figure(float(count))} {seen.cite}"
            for reason, count in list(seen.part("pending_by_reason").items())[:6]
        ],
    )
    closed = [text(one, "node") for one in seen.rows("nodes_taking_no_jobs")]
    draft.points("", [f"nodes that take no jobs: {named(closed, 8)} {seen.cite}"] if closed else [])
    return draft.text


def _is_control(one: Mapping[str, Any]) -> bool:
    """It is about Slurm's own services."""
    fault = text(part(one, "root_cause"), "fault")
    return fault.startswith("slurm.control") or "slurmctld" in text(one, "title").lower()


def _counts(seen: Seen) -> str:
    running, pending = seen.number("jobs_running"), seen.number("jobs_pending")
    return joined((
        f"{many(running, 'job')} running" if running is not None else "",
        f"{figure(pending)} waiting" if pending is not None else "",
        f"version {seen.text('version')}" if seen.text("version") else "",
        f"read through {seen.text('read_through')}" if seen.text("read_through") else "",
    ))  # fmt: skip
