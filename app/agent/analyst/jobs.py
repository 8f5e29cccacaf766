"""Answers to: how is this job, why did it fail."""

from __future__ import annotations

from collections.abc import Mapping

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, step, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, text, texts
from app.agent.analyst.pending import clean_text
from app.agent.analyst.telling import (
    behind,
    figure,
    first_upper,
    job_line,
    joined,
    lasting,
    many,
    memory,
    named,
    own,
    percent,
    sentence,
    when,
)

_ENDS: Mapping[str, str] = {
    "OUT_OF_MEMORY": "it used more memory of the machine than it was given, and was killed",
    "TIMEOUT": "it ran into its time limit",
    "CANCELLED": "somebody cancelled it",
    "NODE_FAIL": "a node it ran on failed",
    "PREEMPTED": "a job of higher priority took its place",
    "FAILED": "its program ended with an error",
    "COMPLETED": "it did not fail: it ended well",
    "DEADLINE": "it could not end before its deadline",
    "BOOT_FAIL": "a node did not boot for it",
}


async def job(ask: Inquiry) -> str:
    """One job as it stands."""
    slots = ask.reading.slots
    if not slots.jobs:
        from app.agent.analyst.queue import jobs  # noqa: PLC0415 - the two lean on each other

        return await jobs(ask)
    key = slots.jobs[0]
    seen = await ask.look("job_details", job=key)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I find no such job: {seen.use.error} {seen.cite}").text
    state = seen.text("state")
    draft.say(
        f"**{first_upper(job_line(seen.found))}: {state.lower()}{_so_long(seen, ask.now)}.** {seen.cite}", _why(seen)
    )
    draft.points("", [f"{line} {seen.cite}" for line in _job_lines(seen, ask.now)])
    draft.points(
        "Open incidents that hit it",
        [f"{clean_text(text(one, 'title'))} ({text(one, 'severity')}) {seen.cite}" for one in seen.rows("incidents")],
    )
    _gpus_now(draft, seen)
    if note := seen.text("note"):
        draft.say(f"({sentence(clean_text(note))})")
    if state == "RUNNING":
        draft.steps(
            [step("to see what it prints", f"tail -f {seen.text('stdout')}") if seen.text("stdout") else ""], "Next"
        )
    return draft.text


def _so_long(seen: Seen, now: float) -> str:
    ran, limit = seen.number("elapsed_s"), seen.number("time_limit_s")
    if seen.text("state") == "PENDING":
        return f", waiting since {when(seen.text('submit_iso'), now)}" if seen.text("submit_iso") else ""
    if not ran:
        return ""
    how = "for" if seen.text("state") == "RUNNING" else "after"
    return f" {how} {lasting(ran)}{f' of {lasting(limit)} at most' if limit else ''}"


def _why(seen: Seen) -> str:
    explained = seen.text("pending_explained")
    return sentence(first_upper(clean_text(explained))) if explained else ""


def _job_lines(seen: Seen, now: float) -> list[str]:
    gpus, cpus, held = (seen.number(key) for key in ("gpus", "cpus", "memory_mib"))
    nodes, kind = texts(seen.found, "nodes"), seen.text("gpu_type")
    asked = (
        f"{many(gpus, 'GPU')}{f' ({kind})' if kind else ''}" if gpus is not None else "",
        f"{figure(cpus)} CPUs" if cpus else "",
        f"{memory(held)} of memory" if held else "",
    )
    place = (
        f"on {named(nodes)}" if nodes else "",
        f"partition {own(seen.text('partition'), 40)}{_account(seen)}" if seen.text("partition") else "",
    )
    return [line for line in (joined(asked), joined(place), _times(seen, now)) if line]


def _times(seen: Seen, now: float) -> str:
    started, ends = seen.text("start_iso"), seen.text("end_iso")
    is_running = seen.text("state") == "RUNNING"
    ended = f"{'must end by' if is_running else 'ended'} {when(ends, now)}" if ends else ""
    return joined((f"started {when(started, now)}" if started and seen.text("state") != "PENDING" else "", ended))


def _account(seen: Seen) -> str:
    return f", account {own(seen.text('account'), 40)}" if seen.text("account") else ""


def _gpus_now(draft: Draft, seen: Seen) -> None:
    some = seen.rows("gpus_now")
    draft.table(
        ("GPU", "utilization", "memory", "temperature", "power"),
        [
            (
                text(one, "gpu"), percent(number(one, "utilization_percent")),
                memory(value) if (value := number(one, "memory_used_mib")) is not None else "",
                f"{figure(value)} °C" if (value := number(one, "temperature_c")) is not None else "",
                f"{figure(value)} W" if (value := number(one, "power_w")) is not None else "",
            )
            for one in some[:8]
        ],
        more="",
    )  # fmt: skip
    if len(some) > 8:
        draft.say(f"…and its other GPUs. {seen.cite}")


async def job_failed(ask: Inquiry) -> str:
    """How a job ended and why: the cause in the cluster, if there is one, before its own last words."""
    slots = ask.reading.slots
    if not slots.jobs:
        from app.agent.analyst.queue import failed_jobs  # noqa: PLC0415 - the two lean on each other

        return await failed_jobs(ask)
    key = slots.jobs[0]
    seen, diagnosed, said = await ask.look_at(
        ("job_details", {"job": key}),
        ("diagnose", {"about": f"job {key}"}),
        ("logs", {"source": "job", "job": key, "lines": 20}),
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I find no such job: {seen.use.error} {seen.cite}").text
    state = seen.text("state")
    if state in ("RUNNING", "PENDING"):
        draft.say(f"**Job {key} has not ended: it is {state.lower()}.** {seen.cite}")
    else:
        draft.say(
            f"**{first_upper(job_line(seen.found))} ended {state.lower().replace('_', ' ')}{_exit(seen)}"
            f"{behind(' at ', when(seen.text('end_iso'), ask.now))} — {_ENDS.get(state, 'Slurm gives no reason')}.** "
            f"{seen.cite}"
        )
    causes = [one for one in (*grave_first(diagnosed), *diagnosed.rows("ended_last_day")) if is_grave(one)]
    for one in causes[:1]:
        draft.say("What was behind it:")
        tell_incident(draft, one, diagnosed.cite, ask.now)
    if not causes and diagnosed.is_there:
        draft.say(f"No incident of the cluster is about this job: look for the cause in the program. {diagnosed.cite}")
    draft.points(
        "Its last words",
        [
            f"{own(line)} {said.cite}"
            for line in (*texts(said.found, "grave_lines"), *texts(said.found, "newest_lines")[-4:])
        ][:6],
    )
    if not said.is_there or said.text("note"):
        draft.say(f"Its output: {clean_text(said.use.error or said.text('note'))}. {said.cite}")
    return draft.text


def _exit(seen: Seen) -> str:
    code, signal = seen.number("exit_code"), seen.number("exit_signal")
    if signal:
        return f" (signal {figure(signal)})"
    return f" (exit {figure(code)})" if code else ""
