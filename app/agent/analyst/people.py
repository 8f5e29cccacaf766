"""Answers to: who uses what, who wastes GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, steps
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import dollars, figure, job_line, joined, lasting, many, named, of_user, percent

_IDLE_PERCENT = 5.0
_IDLE_FAULTS = ("idle", "unused", "unheld")


async def waste(ask: Inquiry) -> str:
    """Who holds GPUs and lets them idle, the costliest first."""
    slots = ask.reading.slots
    user = slots.users[0] if slots.users else None
    if not ask.known.has_slurm:
        return await _waste_without_slurm(ask)
    running, money, diagnosed = await ask.look_at(
        ("jobs", {"state": "running", **({"user": user} if user else {})}), ("cost", {}), ("diagnose", {})
    )
    draft = Draft()
    if not running.is_there:
        return draft.say(f"I cannot say who wastes GPUs: {running.use.error} {running.cite}").text
    idle = [one for one in running.rows("jobs") if _is_idle(one)]
    users = [
        one for one in money.rows("users") if (number(one, "gpus_idle") or 0) > 0 and user in (None, text(one, "name"))
    ]
    now = money.part("now")
    if not idle and not users:
        whose = f"{user} wastes" if user else "Nobody wastes"
        told = f"**{whose} {'no' if user else ''} GPUs now:** no job that holds GPUs leaves all of them idle.".replace(
            "  ", " "
        )
        return draft.say(f"{told} {running.cite}").say(_rate(now, money)).text
    draft.say(f"**{_worst(users, idle)}.** {money.cite if users else ''}{running.cite}").say(_rate(now, money))
    draft.points("Who holds idle GPUs", [_user(one, money.cite) for one in users[:6]])
    draft.points("Jobs whose GPUs do nothing", [_job(one, running.cite) for one in idle[:8]])
    found = [
        one
        for one in grave_first(diagnosed)
        if any(word in text(part(one, "root_cause"), "fault") for word in _IDLE_FAULTS)
    ]
    for one in found[:1]:
        draft.steps(steps(part(one, "root_cause")))
    if not found and idle:
        key = text(idle[0], "job")
        draft.steps([f"ask {text(idle[0], 'user')} whether job {key} is still needed; ending it: `scancel {key}`"])
    return draft.text


def _is_idle(one: Mapping[str, Any]) -> bool:
    used, gpus = number(one, "gpu_utilization_percent"), number(one, "gpus")
    return used is not None and used < _IDLE_PERCENT and bool(gpus)


def _worst(users: list[Mapping[str, Any]], idle: list[Mapping[str, Any]]) -> str:
    if users:
        first = users[0]
        return f"{text(first, 'name')} lets the most GPUs idle: {_share(first)}"
    held = many(number(idle[0], "gpus") or 0, "GPU")
    return f"{text(idle[0], 'user')} holds {held} with job {text(idle[0], 'job')} and does nothing with them"


def _share(one: Mapping[str, Any]) -> str:
    return f"{figure(number(one, 'gpus_idle') or 0)} of {figure(number(one, 'gpus') or 0)}"


def _rate(now: Mapping[str, Any], seen: Seen) -> str:
    held, unheld, idle = (number(now, key) for key in ("held_idle_per_hour", "unheld_per_hour", "idle_per_hour"))
    if held is not None:
        told = f"GPUs that are held and idle cost {dollars(held, '/h')}"
        return f"{told}, GPUs that nobody holds {dollars(unheld or 0.0, '/h')}. {seen.cite}"
    return f"Idle GPUs cost {dollars(idle, '/h')}. {seen.cite}" if idle is not None else ""


def _user(one: Mapping[str, Any], cite: str) -> str:
    cost = number(one, "idle_per_hour")
    told = f", {dollars(cost, '/h')}" if cost else ""
    return f"{text(one, 'name')}: {_share(one)} GPUs idle{told} {cite}"


def _job(one: Mapping[str, Any], cite: str) -> str:
    told = joined(
        (
            many(number(one, "gpus") or 0, "GPU"),
            f"{percent(number(one, 'gpu_utilization_percent'))} busy",
            f"for {lasting(number(one, 'elapsed_s'))} so far",
        )
    )
    return f"{job_line(one)}: {told} {cite}"


async def _waste_without_slurm(ask: Inquiry) -> str:
    seen = await ask.look(
        "current_metrics", metrics=["utilization", "memory_used"], order_by="utilization", order="lowest"
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    idle = [
        one
        for one in seen.rows("gpus")
        if (number(one, "utilization_percent") or 0.0) < _IDLE_PERCENT
        and number(one, "utilization_percent") is not None
    ]
    draft.say("No Slurm is read here, so I cannot say who holds which GPU.")
    if not idle:
        return draft.say(f"**No GPU is idle.** {seen.cite}").text
    return draft.say(f"**Idle now: {named([text(one, 'gpu') for one in idle], 8)}.** {seen.cite}").text


async def usage(ask: Inquiry) -> str:
    """Who holds what: of all, of a user, or of a place."""
    slots = ask.reading.slots
    if slots.gpus or slots.nodes:
        return await _on(ask)
    if not ask.known.has_slurm:
        return await _processes(ask)
    draft = Draft()
    if slots.users:
        user = slots.users[0]
        seen = await ask.look("jobs", user=user)
        if not seen.is_there:
            return draft.say(f"{user} has no job now. {seen.cite}").text
        running = [one for one in seen.rows("jobs") if text(one, "state") != "PENDING"]
        waiting = [one for one in seen.rows("jobs") if text(one, "state") == "PENDING"]
        held = sum(int(number(one, "gpus") or 0) for one in running)
        draft.say(
            f"**{user} holds {many(held, 'GPU')} with {many(len(running), 'running job')}; "
            f"{many(len(waiting), 'job waits', 'jobs wait')}.** {seen.cite}"
        )
        return _job_table(draft, [*running, *waiting]).text
    slurm, money = await ask.look_at(("slurm_status", {}), ("cost", {}))
    if not slurm.is_there:
        return draft.say(f"I cannot say who uses what: {slurm.use.error} {slurm.cite}").text
    some = [one for one in slurm.rows("users") if number(one, "gpus_held") or number(one, "pending")]
    if not some:
        return draft.say(f"**Nobody runs or waits for anything now.** {slurm.cite}").text
    idle = {text(one, "name"): number(one, "gpus_idle") for one in money.rows("users")}
    rates = {text(one, "name"): number(one, "per_hour") for one in money.rows("users")}
    first = some[0]
    draft.say(f"**{text(first, 'user')} holds the most: {many(number(first, 'gpus_held') or 0, 'GPU')}.** {slurm.cite}")
    draft.table(
        ("user", "GPUs held", "of these idle", "running", "waiting", "cost"),
        [
            (
                text(one, "user"), text(one, "gpus_held"), _idle_of(idle.get(text(one, "user"))),
                text(one, "running"), text(one, "pending"), dollars(rates.get(text(one, "user")), "/h"),
            )
            for one in some
        ],
    )  # fmt: skip
    return draft.say(f"Costs and idle GPUs are as of {money.cite}." if idle else "").text


def _idle_of(value: float | None) -> str:
    return "" if value is None else figure(value)


def _job_table(draft: Draft, some: list[Mapping[str, Any]]) -> Draft:
    from app.agent.analyst.queue import job_rows  # noqa: PLC0415 - the two lean on each other

    return job_rows(draft, some)


async def _on(ask: Inquiry) -> str:
    """Who is on a GPU or a node."""
    slots = ask.reading.slots
    draft = Draft()
    if slots.gpus:
        seen = await ask.look("gpu_details", gpu=slots.gpus[0])
        if not seen.is_there:
            return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
        jobs = [str(one) for one in seen.found.get("job_ids", ())]
        if jobs:
            whose = f" of {seen.text('user')}" if seen.text("user") else ""
            draft.say(
                f"**{slots.gpus[0]} is held by job{'s' if len(jobs) > 1 else ''} {named(jobs)}{whose}.** {seen.cite}"
            )
        else:
            draft.say(f"**No job holds {slots.gpus[0]}.** {seen.cite}")
        draft.points("Processes on it", [_process(one, seen.cite) for one in seen.rows("processes")[:6]])
        return draft.text
    node = slots.nodes[0] if slots.nodes else node_of_gpu(slots.gpus[0])
    seen = await ask.look("node_details", node=node)
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    jobs_on = seen.rows("jobs")
    if not jobs_on:
        return draft.say(f"**No job is on {node}.** {seen.cite}").text
    users = list(dict.fromkeys(text(one, "user") for one in jobs_on))
    draft.say(f"**On {node}: {named(users)}.** {seen.cite}")
    return draft.points(
        "",
        [
            f"{job_line(one)}: {many(number(one, 'gpus') or 0, 'GPU')}, for {lasting(number(one, 'elapsed_s'))} so far "
            f"{seen.cite}"
            for one in jobs_on[:12]
        ],
    ).text


def _process(one: Mapping[str, Any], cite: str) -> str:
    from app.agent.analyst.telling import memory, own  # noqa: PLC0415 - for processes only

    held = number(one, "memory_mib")
    told = f"{own(text(one, 'name'), 60)}{of_user(text(one, 'user'))} (pid {text(one, 'pid')})"
    return f"{told}{f', {memory(held)}' if held is not None else ''} {cite}"


async def _processes(ask: Inquiry) -> str:
    draft = Draft()
    draft.say(
        "No Slurm is read here, so I cannot say whose jobs hold what; I can tell of the processes on one GPU: "
        "`who is on NODE/INDEX?`"
    )
    seen = await ask.look("current_metrics", metrics=["utilization", "memory_used"], order_by="utilization")
    busy = [
        text(one, "gpu") for one in seen.rows("gpus") if (number(one, "utilization_percent") or 0.0) >= _IDLE_PERCENT
    ]
    return draft.say(f"**Busy now: {named(busy, 8) if busy else 'no GPU'}.** {seen.cite}").text
