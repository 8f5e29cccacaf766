"""Answers to: how is this node, why is it drained, how is this GPU, which nodes are down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, one_line, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, text
from app.agent.analyst.slow import clock_reasons, own_numbers
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import (
    behind,
    figure,
    job_line,
    joined,
    lasting,
    many,
    model_words,
    named,
    of_user,
    own,
    percent,
    since,
    valued,
    when,
)
from app.engine.reasons import node_reason, node_state_lines

_OUT = ("DRAIN", "DOWN", "FAIL", "NOT_RESPONDING", "MAINT", "RESERVED", "REBOOT", "INVAL", "POWER")
_HOST = (
    ("cpu_utilization_percent", "CPU"),
    ("load_1m", "load"),
    ("memory_percent", "memory"),
    ("disk_free_percent", "disk free"),
)


async def node(ask: Inquiry) -> str:
    """One node; out of service, why and since when, before all else."""
    slots = ask.reading.slots
    name = slots.nodes[0] if slots.nodes else node_of_gpu(slots.gpus[0]) if slots.gpus else None
    if name is None:
        return await nodes(ask)
    seen, diagnosed = await ask.look_at(("node_details", {"node": name}), ("diagnose", {"about": name}))
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I find no such node: {seen.use.error} {seen.cite}").text
    state = seen.text("slurm_state")
    is_out = any(word in state for word in _OUT) or seen.text("state") in ("down", "gone")
    some = [one for one in grave_first(diagnosed) if is_grave(one)]
    draft.say(f"**{name}: {joined((seen.text('state'), f'{state} in Slurm' if state else ''))}.** {seen.cite}")
    if is_out:
        draft.say(_why_out(seen, ask.now))
        draft.points("What Slurm's words mean", [f"{word}: {meaning}" for word, meaning in _meanings(state)])
    for one in some[:2]:
        tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
    draft.points("", [f"{line} {seen.cite}" for line in _node_lines(seen)])
    draft.points("Jobs on it", [_job(one, seen.cite) for one in seen.rows("jobs")[:8]])
    if is_out and not some and "DRAIN" in state:
        draft.steps(
            [f"once the reason is dealt with, take it back: `scontrol update nodename={name} state=resume`"], "Next"
        )
    return draft.text


def _job(one: Mapping[str, Any], cite: str) -> str:
    gpus, ran = number(one, "gpus"), number(one, "elapsed_s")
    held = "" if gpus is None else many(gpus, "GPU")
    return f"{job_line(one)}: {joined((held, behind('running for ', lasting(ran))))} {cite}"


def _why_out(seen: Seen, now: float) -> str:
    reason, by = seen.text("slurm_reason"), seen.text("slurm_reason_by")
    if not reason:
        return f"Slurm gives no reason. {seen.cite}"
    known = node_reason(reason)
    then = since(seen.text("slurm_reason_since_iso"), now)
    told = f"The reason given is {own(reason)}{behind(', by ', own(by, 40))}{then}. {seen.cite}"
    return f"{told} It means: {known.text}; {known.do}." if known is not None else told


def _meanings(state: str) -> list[tuple[str, str]]:
    first, *flags = state.split("+") if state else [""]
    return [(word, meaning) for word, meaning in node_state_lines(first, tuple(flags)) if word]


def _node_lines(seen: Seen) -> list[str]:
    present, expected = seen.number("gpus_present"), seen.number("gpus_expected")
    host = seen.part("host")
    lines = [model_words(seen.part("gpu_models"))]
    if present is not None and expected is not None and present < expected:
        lines.append(f"{figure(present)} of {figure(expected)} GPUs are there")
    given, configured = seen.number("slurm_gpus_allocated"), seen.number("slurm_gpus_configured")
    if given is not None and configured is not None:
        lines.append(f"{figure(given)} of {figure(configured)} GPUs are given to jobs")
    lines.append(
        joined(f"{words} {valued(key, value)}" for key, words in _HOST if (value := number(host, key)) is not None)
    )
    sick = [one for one in seen.rows("gpus") if text(one, "health") in ("warning", "critical") or text(one, "state")]
    lines += [
        f"GPU {text(one, 'index')}: {joined((text(one, 'state'), text(one, 'health'), text(one, 'why')))}"
        for one in sick[:6]
    ]
    return [one for one in lines if one]


async def nodes(ask: Inquiry) -> str:
    """Which nodes there are, and which are not in service."""
    wanted: list[tuple[str, Mapping[str, Any]]] = [("cluster_status", {})]
    if ask.known.has_slurm:
        wanted.append(("slurm_status", {}))
    seen, *more = await ask.look_at(*wanted)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    slurm = more[0] if more else None
    closed = slurm.rows("nodes_taking_no_jobs") if slurm is not None else []
    down = [one for one in seen.rows("nodes") if text(one, "state") not in ("up", "ok", "")]
    if not closed and not down:
        draft.say(
            f"**Every node is up{' and takes jobs' if more and more[0].is_there else ''}.** {seen.cite}"
            + "".join(one.cite for one in more)
        )
    else:
        draft.say("**Some nodes are not in service.**")
    draft.points(
        "Not in service by Slurm", [_closed(one, slurm.cite if slurm is not None else "", ask.now) for one in closed]
    )
    draft.points(
        "Not seen",
        [f"{text(one, 'node')}: {joined((text(one, 'state'), text(one, 'why')))} {seen.cite}" for one in down],
    )
    if not ask.reading.wants("down", "drain", "drained", "offline", "out"):
        draft.table(
            ("node", "state", "GPUs", "utilization", "Slurm"),
            [
                (
                    text(one, "node"), text(one, "state"), text(one, "gpus"),
                    percent(number(one, "mean_utilization_percent")), text(one, "slurm_state"),
                )
                for one in seen.rows("nodes")
            ],
            16,
        )  # fmt: skip
    return draft.text


def _closed(one: Mapping[str, Any], cite: str, now: float) -> str:
    reason = own(text(one, "reason"))
    by = own(text(one, "by"), 40)
    told = f"{text(one, 'node')}: {text(one, 'slurm_state')}{behind(', ', reason)}{behind(' by ', by)}"
    return f"{told}{since(text(one, 'since_iso'), now)} {cite}"


async def gpu(ask: Inquiry) -> str:
    """One GPU as it stands."""
    slots = ask.reading.slots
    if not slots.gpus:
        from app.agent.analyst.itself import which_node  # noqa: PLC0415 - it asks back

        return which_node(ask) if slots.indices else await node(ask)
    name = slots.gpus[0]
    seen, diagnosed = await ask.look_at(("gpu_details", {"gpu": name}), ("diagnose", {"about": name}))
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I find no such GPU: {seen.use.error} {seen.cite}").text
    some = [one for one in grave_first(diagnosed) if is_grave(one)]
    state, health = seen.text("state"), seen.text("health")
    gone = (
        f" since {when_lost}"
        if (when_lost := since(seen.text("lost_since_iso"), ask.now).removeprefix(" since "))
        else ""
    )
    verdict = f"lost{gone}" if state == "lost" else joined((health, seen.text("health_reason")), ": ")
    draft.say(f"**{name} ({seen.text('model') or 'model not known'}): {verdict}.** {seen.cite}")
    for one in some[:1]:
        tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
    draft.points("Also", [f"{one_line(one, ask.now)} {diagnosed.cite}" for one in some[1:4]])
    draft.points("", [own_numbers(seen), clock_reasons(seen), *_holders(seen), *xid_lines(seen, ask.now)])
    return draft.text


def _holders(seen: Seen) -> list[str]:
    jobs = [str(one) for one in seen.found.get("job_ids", ())]
    lines = []
    if jobs:
        lines.append(f"held by job{'s' if len(jobs) > 1 else ''} {named(jobs)}{of_user(seen.text('user'))} {seen.cite}")
    elif seen.found.get("allocated") is False:
        lines.append(f"no job holds it {seen.cite}")
    idle = seen.number("idle_s")
    if idle is not None and idle >= 60:
        lines.append(f"it has done nothing for {lasting(idle)} {seen.cite}")
    return lines


def xid_lines(seen: Seen, now: float) -> list[str]:
    """Its Xids, each with what it means."""
    from app.engine.xids import xid  # noqa: PLC0415 - late: most GPUs have none

    lines = []
    for one in seen.rows("xids"):
        code, count = number(one, "code"), number(one, "count")
        if code is not None:
            means = xid(int(code)).means
            last = behind(", last at ", when(text(one, "last_iso"), now))
            times = f" × {figure(count)}" if count and count > 1 else ""
            lines.append(f"Xid {figure(code)}{times}{last} — {means} {seen.cite}")
    return lines
