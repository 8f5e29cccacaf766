"""Answers to: why does this job wait, when does it start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import step
from app.agent.analyst.inquiry import Inquiry, Seen, number, text, texts
from app.agent.analyst.telling import (
    figure,
    harmless,
    job_line,
    joined,
    lasting,
    many,
    named,
    own,
    when,
)


async def why_pending(ask: Inquiry) -> str:
    """Why a job waits and when it starts; of several the queue's own reasons."""
    slots = ask.reading.slots
    if not slots.jobs:
        return await _all_waiting(ask)
    seen = await ask.look("why_pending", job=slots.jobs[0])
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say why job {slots.jobs[0]} waits: {seen.use.error} {seen.cite}").text
    if not seen.found.get("is_pending"):
        from app.agent.analyst.jobs import job  # noqa: PLC0415 - the two lean on each other

        return await job(ask)
    told = f" ({seen.text('reason')})" if seen.text("reason") else ""
    draft.say(
        f"**Job {seen.text('job')} waits{told}: {clean_text(seen.text('explanation'))}.** {seen.cite}",
        _starts(seen, ask.now),
    )
    draft.points("In numbers", [f"{clean_text(one)} {seen.cite}" for one in texts(seen.found, "meaning_and_numbers")])
    comes = [f"{job_line(one)}{_gives(one)} {seen.cite}" for one in seen.rows("room_comes_from")[:4]]
    draft.points("Room comes from", comes)
    what, see = seen.text("what_to_do"), seen.text("see")
    draft.steps([step(what) if what else "", step("to see more", see) if see else ""])
    return draft.text


def clean_text(told: str) -> str:
    """A sentence of our own engine, without its full stop."""
    return harmless(told).rstrip(".")


def _starts(seen: Seen, now: float) -> str:
    start, room = seen.text("starts_iso"), seen.number("room_in_s")
    told = f"Slurm expects it to start at {when(start, now)}." if start else ""
    if room is not None and room > 0:
        told = joined((told, f"Room comes in {lasting(room)} at the latest."), " ")
    return told or "Nobody can say yet when it starts."


def _gives(one: Mapping[str, Any]) -> str:
    gpus, left = number(one, "gpus"), number(one, "ends_in_s_at_the_latest")
    return joined(
        (f": {many(gpus, 'GPU')}" if gpus else "", f"in {lasting(left)} at the latest" if left is not None else ""), " "
    )


async def _all_waiting(ask: Inquiry) -> str:
    users = ask.reading.slots.users
    seen = await ask.look("why_pending")
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot look at the queue: {seen.use.error} {seen.cite}").text
    some = [one for one in seen.rows("jobs") if not users or text(one, "user") in users]
    whose = f" of {named(users)}" if users else ""
    if not some:
        return draft.say(f"**No job{whose} waits.** {seen.cite}").text
    total = seen.number("jobs_pending")
    told = f"{many(total, 'job waits', 'jobs wait')}" if total is not None and not users else f"These jobs{whose} wait"
    draft.say(f"**{told}.** {seen.cite}")
    for reason, count in [] if users else list(seen.part("by_reason").items())[:5]:
        draft.points("", [f"{own(str(reason), 60)}: {figure(float(count))} {seen.cite}"])
    draft.table(
        ("job", "user", "GPUs", "waits", "why"),
        [
            (
                f"job {text(one, 'job')}",
                text(one, "user"),
                text(one, "gpus"),
                lasting(number(one, "waits_s")),
                clean_text(text(one, "explanation")),
            )
            for one in some[:10]
        ],
    )
    draft.say(f"Ask about one: `why is job {text(some[0], 'job')} pending?`")
    return draft.text
