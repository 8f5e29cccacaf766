"""Answers to: how is the cluster, what can you not see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, one_line
from app.agent.analyst.inquiry import Inquiry, Seen, number, text
from app.agent.analyst.telling import figure, joined, lasting, many, model_words, own, percent

_MOST_BLIND = 4


def facts_line(seen: Seen) -> str:
    """`32 GPUs on 4 nodes, 28 busy (…).`; empty where it cannot be told."""
    if not seen.is_there:
        return ""
    return f"{_facts(seen)}. {seen.cite}"


def _facts(seen: Seen) -> str:
    gpus, nodes = seen.number("gpus") or 0, seen.number("nodes_total") or seen.number("nodes") or 0
    told = [f"{many(gpus, 'GPU')}" + (f" on {many(nodes, 'node')}" if nodes else "")]
    for key, words in (("gpus_busy", "busy"), ("gpus_lost", "lost"), ("nodes_down", "nodes down")):
        value = seen.number(key)
        told += [f"{figure(value)} {words}"] if value is not None and (value or key == "gpus_busy") else []
    return ", ".join(told)


async def status(ask: Inquiry) -> str:
    """The whole cluster in a few lines."""
    wanted: list[tuple[str, Mapping[str, Any]]] = [("cluster_status", {}), ("diagnose", {})]
    if ask.known.has_slurm:
        wanted.append(("slurm_status", {}))
    seen, diagnosed, *slurm = await ask.look_at(*wanted)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say how the cluster is: {seen.use.error} {seen.cite}").text
    some = [one for one in grave_first(diagnosed) if is_grave(one)]
    name = seen.text("cluster") or "The cluster"
    verdict = (
        "something is wrong"
        if some
        else (
            "nothing is wrong as far as I can see" if diagnosed.found.get("healthy") else "nobody has diagnosed it yet"
        )
    )
    draft.say(f"**{name}: {_facts(seen)}; {verdict}.** {seen.cite}")
    draft.points("", _lines(seen))
    if slurm:
        draft.points("", _slurm_lines(slurm[0]))
    draft.points("Open incidents", [f"{one_line(one, ask.now)} {diagnosed.cite}" for one in some[:5]])
    told_blind(draft, diagnosed)
    if some:
        draft.say("Ask `what is wrong?` for causes and what to do.")
    return draft.text


def _lines(seen: Seen) -> list[str]:
    models = seen.part("gpu_models")
    use, held = seen.number("mean_utilization_percent"), seen.number("memory_used_percent")
    power = seen.number("power_w")
    lines = [
        model_words(models),
        joined((
            f"mean utilization {percent(use)}" if use is not None else "",
            f"memory {percent(held)} used" if held is not None else "",
            f"{_watts(power)} in all" if power else "",
        )),
    ]  # fmt: skip
    servers = seen.found.get("model_servers")
    if isinstance(servers, list) and servers:
        lines.append(
            f"model server{'s' if len(servers) > 1 else ''}: {', '.join(own(str(one), 60) for one in servers[:4])}"
        )
    return [f"{line} {seen.cite}" for line in lines if line]


def _watts(power: float) -> str:
    return f"{figure(power / 1000)} kW" if power >= 10_000 else f"{figure(power)} W"


def _slurm_lines(seen: Seen) -> list[str]:
    if not seen.is_there:
        return [f"Slurm: {seen.use.error} {seen.cite}"]
    running, pending, held = (seen.number(key) for key in ("jobs_running", "jobs_pending", "gpus_allocated"))
    free = number(seen.part("free_gpus"), "free")
    jobs = joined((
        f"{many(running, 'job')} running" if running is not None else "",
        f"{figure(pending)} waiting" if pending is not None else "",
    ))  # fmt: skip
    room = joined((
        f"{many(held, 'GPU')} given to jobs" if held is not None else "",
        f"{figure(free)} free" if free is not None else "",
    ))  # fmt: skip
    return [f"{line} {seen.cite}" for line in (f"Slurm: {jobs}" if jobs else "", room) if line]


def told_blind(draft: Draft, diagnosed: Seen) -> Draft:
    """What could not be looked at, where that takes from the verdict."""
    some = diagnosed.rows("blind")
    lines = [
        f"{own(text(one, 'what'), 80)}: {own(text(one, 'why'), 160)} {diagnosed.cite}" for one in some[:_MOST_BLIND]
    ]
    if len(some) > _MOST_BLIND:
        lines.append("and more: ask `what can you not see?`")
    return draft.points("What I could not look at", lines)


async def blind(ask: Inquiry) -> str:
    """What cannot be seen here, and which sources do not answer."""
    diagnosed, status = await ask.look_at(("diagnose", {}), ("cluster_status", {}))
    draft = Draft()
    silent = status.rows("sources_not_answering")
    some = diagnosed.rows("blind")
    if not some and not silent:
        draft.say(
            "**Every source answers, and the diagnosis names nothing that it could not look at.** "
            f"{diagnosed.cite}{status.cite}"
        )
    else:
        draft.say("**Some of it I cannot see, so nothing I say covers it.**")
        draft.points(
            "Not looked at",
            [f"{own(text(one, 'what'), 80)}: {own(text(one, 'why'), 200)} {diagnosed.cite}" for one in some],
        )
        draft.points("Sources that do not answer", [_source(one, status.cite) for one in silent])
    if not ask.known.has_slurm:
        draft.say("No Slurm is read here, so I know nothing of jobs, users or the queue.")
    draft.say(
        "Beyond that I see what exporters, logs, Slurm and the history say: not inside programs, not the network's "
        "switches, not the room."
    )
    return draft.text


def _source(one: object, cite: str) -> str:
    row = one if isinstance(one, dict) else {}
    age = number(row, "age_s")
    told = joined(
        (
            text(row, "state"),
            f"last heard {lasting(age)} ago" if age is not None else "never heard",
            own(text(row, "error")),
        )
    )
    return f"{own(text(row, 'name'), 80)}: {told} {cite}"
