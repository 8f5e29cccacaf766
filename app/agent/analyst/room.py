"""Answers to: what is free, where can I run 4 GPUs, is it safe to drain X."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, one_line
from app.agent.analyst.inquiry import Inquiry, Seen, number, text, texts
from app.agent.analyst.pending import clean_text
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import figure, job_line, joined, lasting, many, named, own, when

_SIZE = re.compile(r"^(\d+) GPUs? on (one node|each of (\d+) nodes)")
_REBOOT = re.compile(
    r"\b(?:reboot|restart|shut|power|reset|pull|replace|take|offline|down|upgrade|lose|service|maint)\w*\b"
)
_MOST_JOBS = 4
"""Jobs whose end is asked for; each is a question to Slurm."""


async def free(ask: Inquiry) -> str:
    """What is free, and whether what is wanted would start now."""
    slots = ask.reading.slots
    if not ask.known.has_slurm:
        return await _free_by_driver(ask)
    seen = await ask.look("slurm_status")
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say what is free: {seen.use.error} {seen.cite}").text
    starts = texts(seen.found, "largest_free")
    is_sized = slots.count is not None or slots.node_count is not None
    if is_sized:
        draft.say(_wanted(starts, slots.count or 1, slots.node_count or 1, seen))
    draft.say(_in_all(seen, is_lead=not is_sized))
    _by_model(draft, seen, slots.model)
    draft.points("What would start now", [f"{own(one)} {seen.cite}" for one in starts])
    wanted = [
        one for one in seen.rows("partitions") if not slots.partitions or text(one, "partition") in slots.partitions
    ]
    draft.points("By partition", [_partition(one, seen.cite) for one in wanted])
    if note := seen.text("free_gpus_basis"):
        draft.say(f"(Free is {clean_text(note)}; limits of users and the line before you are not looked at.)")
    if slots.count is not None:
        nodes = f"--nodes={slots.node_count} --gpus-per-node" if slots.node_count else "--gpus"
        draft.steps([f"try it without running it: `sbatch --test-only {nodes}={slots.count} SCRIPT`"], "Next")
    return draft.text


def _in_all(seen: Seen, *, is_lead: bool) -> str:
    total = seen.part("free_gpus")
    count, whole = number(total, "free"), number(total, "total")
    if count is None:
        return ""
    told = f"{many(count, 'GPU is', 'GPUs are')} free{f' of {figure(whole)}' if whole is not None else ''}"
    told = told[0].upper() + told[1:]
    return f"**{told}.** {seen.cite}" if is_lead else f"{told} in all. {seen.cite}"


def _by_model(draft: Draft, seen: Seen, model: str | None) -> None:
    some = seen.rows("free_by_model")
    fitting = [one for one in some if model is None or model in text(one, "name").casefold()]
    if model is not None and not fitting:
        draft.say(f"No GPU here is a {own(model, 30)}; there are {_names_of(seen)}. {seen.cite}")
    if len(some) < 2 and model is None:
        return
    lines = ((own(text(one, "name"), 60), number(one, "free") or 0, number(one, "total") or 0) for one in fitting)
    draft.points(
        "By model", [f"{name}: {figure(left)} of {figure(all_)} GPUs free {seen.cite}" for name, left, all_ in lines]
    )


def _names_of(seen: Seen) -> str:
    return named([own(text(one, "name"), 60) for one in seen.rows("free_by_model")])


def _partition(one: Mapping[str, Any], cite: str) -> str:
    gpus, left = number(one, "gpus"), number(one, "gpus_free")
    if gpus is None or left is None:
        return ""
    return f"{own(text(one, 'partition'), 40)} has {figure(left)} of {figure(gpus)} GPUs free {cite}"


def _wanted(starts: list[str], gpus: int, nodes: int, seen: Seen) -> str:
    """The line of the smallest size that has what is wanted."""
    best: tuple[int, int, str] | None = None
    for line in starts:
        found = _SIZE.match(line)
        if found is None:
            continue
        size, many_nodes = int(found.group(1)), int(found.group(3) or 1)
        if size >= gpus and many_nodes >= nodes and (best is None or (many_nodes, size) < best[:2]):
            best = (many_nodes, size, line)
    asked = f"{many(gpus, 'GPU')}{f' on each of {figure(nodes)} nodes' if nodes > 1 else ' on a single node'}"
    if best is None:
        return f"**No node here is large enough for {asked}.** {seen.cite}"
    is_free = "free on" in best[2]
    if is_free:
        return f"**Yes: {asked} would find room now** ({own(best[2])}). {seen.cite}"
    return f"**Not now: {asked} would have to wait** ({own(best[2])}). {seen.cite}"


async def _free_by_driver(ask: Inquiry) -> str:
    seen = await ask.look(
        "current_metrics", metrics=["utilization", "memory_used"], order_by="memory_used", order="lowest"
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say what is free: {seen.use.error} {seen.cite}").text
    some = [one for one in seen.rows("gpus") if _is_empty(one)]
    if not some:
        return draft.say(
            f"**No GPU is idle and empty now.** No Slurm is read here, so that is all I can go by. {seen.cite}"
        ).text
    draft.say(
        f"**Idle and empty now: {named([text(one, 'gpu') for one in some], 12)}.** No Slurm is read here, so GPUs that "
        f"do nothing and hold nothing are taken for free. {seen.cite}"
    )
    return draft.text


def _is_empty(one: Mapping[str, Any]) -> bool:
    used, held = number(one, "utilization_percent"), number(one, "memory_used_mib")
    return used is not None and used < 5.0 and held is not None and held < 1024.0 and not text(one, "state")


async def safe_drain(ask: Inquiry) -> str:
    """Who would be hit, whose jobs, how long they still run, and how it is done."""
    slots = ask.reading.slots
    name = slots.nodes[0] if slots.nodes else node_of_gpu(slots.gpus[0]) if slots.gpus else None
    if name is None:
        from app.agent.analyst.itself import which_node  # noqa: PLC0415 - it asks back

        return which_node(ask)
    seen, diagnosed = await ask.look_at(("node_details", {"node": name}), ("diagnose", {"about": name}))
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I find no such node: {seen.use.error} {seen.cite}").text
    is_harsh = bool(_REBOOT.search(ask.reading.words)) and "drain" not in ask.reading.words
    some = seen.rows("jobs")
    for line in _verdict(name, some, seen, ask, is_harsh=is_harsh):
        draft.say(line)
    details = await ask.look_at(*(("job_details", {"job": text(one, "job")}) for one in some[:_MOST_JOBS]))
    ends = {one.text("job"): (one.text("end_iso"), one.cite) for one in details if one.is_there}
    draft.points("Jobs on it", [_on_it(one, ends, ask.now, seen.cite) for one in some[:12]])
    open_now = [one for one in grave_first(diagnosed) if is_grave(one)]
    draft.points("What speaks for it", [f"{one_line(one, ask.now)} {diagnosed.cite}" for one in open_now[:4]])
    if "DRAIN" in seen.text("slurm_state"):
        draft.steps([f"take it back when done: `scontrol update nodename={name} state=resume`"], "Next")
    elif ask.known.has_slurm:
        draft.steps([
            f"keep new jobs off: `scontrol update nodename={name} state=drain reason=…`, or write `drain {name}` here",
            f"see when it is empty: `squeue -w {name}`" if some else "",
        ], "How")  # fmt: skip
    return draft.text


def _verdict(name: str, some: list[Mapping[str, Any]], seen: Seen, ask: Inquiry, *, is_harsh: bool) -> tuple[str, ...]:
    if not ask.known.has_slurm:
        return (
            f"**I cannot say: no Slurm is read here, so I do not know whose work is on {name}.** {seen.cite}",
            _busy(seen),
        )
    if "DRAIN" in seen.text("slurm_state"):
        left = f"{many(len(some), 'job is', 'jobs are')} still on it" if some else "and no job is left on it"
        return (
            f"**{name} is drained already ({seen.text('slurm_state')}), {left}.** {seen.cite}",
            own(seen.text("slurm_reason")),
        )
    if not some:
        return (f"**Yes: no job runs on {name}.** {seen.cite}",)
    users = named(list(dict.fromkeys(text(one, "user") for one in some)))
    those = f"the {many(len(some), 'job')} on it"
    whose = f"Whose they are: {users}. {seen.cite}"
    if is_harsh:
        lead = f"**Not now: it would end {those}.** Drain {name} first, and wait until they are through. {seen.cite}"
        return (lead, whose)
    goes = "goes" if len(some) == 1 else "go"
    return (
        f"**Yes, a drain ends nothing: {those} {goes} on to the end, and no new one starts.** {seen.cite}",
        f"{whose} Rebooting or resetting it before that would end {'it' if len(some) == 1 else 'them'}.",
    )


def _busy(seen: Seen) -> str:
    busy = [text(one, "index") for one in seen.rows("gpus") if (number(one, "utilization_percent") or 0.0) >= 5.0]
    return f"Its GPUs {named(busy, 8)} are busy. {seen.cite}" if busy else f"None of its GPUs is busy. {seen.cite}"


def _on_it(one: Mapping[str, Any], ends: Mapping[str, tuple[str, str]], now: float, cite: str) -> str:
    from datetime import datetime  # noqa: PLC0415 - for ends only

    gpus, ran = number(one, "gpus"), number(one, "elapsed_s")
    end, where = ends.get(text(one, "job"), ("", ""))
    left = ""
    if end:
        seconds = datetime.fromisoformat(end).timestamp() - now
        left = (
            f"ends by {when(end, now)} at the latest (in {lasting(seconds)}) {where}"
            if seconds > 0
            else f"should have ended by {when(end, now)} {where}"
        )
    elif where:
        left = f"without a time limit {where}"
    told = joined(
        (many(gpus, "GPU") if gpus is not None else "", f"for {lasting(ran)} so far" if ran is not None else "", left)
    )
    return f"{job_line(one)}: {told} {cite}"
