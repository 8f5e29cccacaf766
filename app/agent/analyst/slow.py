"""Answers to: why is this job, GPU or node slow."""

from __future__ import annotations

from collections.abc import Mapping

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, others, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text
from app.agent.analyst.jobs import job_failed
from app.agent.analyst.pending import why_pending
from app.agent.analyst.subject import node_of_gpu, subject_of
from app.agent.analyst.telling import percent, valued

_METRICS = ["utilization", "power", "temperature", "sm_clock", "memory_used"]
_BUSY, _LOW, _APART = 85.0, 50.0, 15.0
"""Percent: at work; not at work; so far behind the others that it is the one that is waited for."""
_REASONS: Mapping[str, str] = {
    "gpu_idle": "idle",
    "clocks_setting": "held at application clocks that somebody set",
    "power_cap": "at its power limit, which is as it should be under full load",
    "hw_slowdown": "slowed by the hardware (heat or the power supply)",
    "sync_boost": "held to the clock of its group (sync boost)",
    "sw_thermal": "hot: the driver slows it down",
    "hw_thermal": "too hot: the hardware slows it down",
    "hw_power_brake": "braked by the power supply",
    "display_clocks": "held at the clock of its display",
}
"""By the names that `app.domain.health` gives."""


async def why_slow(ask: Inquiry) -> str:
    """The cause where the diagnosis has one, else what the numbers say."""
    about = subject_of(ask)
    if about is None:
        return await _slowest(ask)
    if about.kind == "job":
        return await _slow_job(ask, str(about.arguments["job"]))
    if about.kind == "gpu":
        return await _slow_gpu(ask, about.name)
    diagnosed, numbers = await ask.look_at(
        ("diagnose", {"about": about.name}), ("current_metrics", {"node": about.name, "metrics": _METRICS})
    )
    draft = Draft()
    if not _causes(draft, diagnosed, ask):
        _without_cause(draft, about.told, diagnosed, numbers)
    _behind(draft, numbers)
    return draft.text


async def _slow_job(ask: Inquiry, key: str) -> str:
    details = await ask.look("job_details", job=key)
    state = details.text("state")
    if state == "PENDING":
        return await why_pending(ask)
    if not details.is_there:
        return Draft().say(f"I cannot look into job {key}: {details.use.error} {details.cite}").text
    if state not in ("RUNNING", "SUSPENDED", "COMPLETING"):
        return await job_failed(ask)
    diagnosed, numbers, history = await ask.look_at(
        ("diagnose", {"about": f"job {key}"}),
        ("current_metrics", {"job": key, "metrics": _METRICS, "order_by": "utilization", "order": "lowest"}),
        ("metric_history", {"metric": "utilization", "job": key, "since": "1h"}),
    )
    draft = Draft()
    if not _causes(draft, diagnosed, ask):
        _without_cause(draft, f"job {key}", diagnosed, numbers)
    _behind(draft, numbers)
    draft.points("", [_course(history)])
    if not draft.blocks:
        draft.say(f"I see nothing that slows job {key}. {diagnosed.cite}")
    return draft.text


async def _slow_gpu(ask: Inquiry, name: str) -> str:
    diagnosed, details, numbers = await ask.look_at(
        ("diagnose", {"about": name}),
        ("gpu_details", {"gpu": name}),
        ("current_metrics", {"node": node_of_gpu(name), "metrics": _METRICS}),
    )
    draft = Draft()
    if not details.is_there:
        return draft.say(f"I cannot look into {name}: {details.use.error} {details.cite}").text
    if not _causes(draft, diagnosed, ask):
        _without_cause(draft, name, diagnosed, None)
    draft.points("Its own numbers", [own_numbers(details), clock_reasons(details)])
    draft.points("", [_among(numbers, name)])
    return draft.text


async def _slowest(ask: Inquiry) -> str:
    diagnosed, numbers = await ask.look_at(
        ("diagnose", {}), ("current_metrics", {"metrics": _METRICS, "order_by": "sm_clock", "order": "lowest"})
    )
    draft = Draft()
    if not _causes(draft, diagnosed, ask):
        _without_cause(draft, "the cluster", diagnosed, numbers)
    draft.say("Name a job, a GPU or a node, and I look closer: `why is job 812 slow?`".replace("812", _a_job(ask)))
    return draft.text


def _a_job(ask: Inquiry) -> str:
    return next(iter(ask.known.jobs.values()), "ID")


def _causes(draft: Draft, diagnosed: Seen, ask: Inquiry) -> bool:
    """Tell the cause that the diagnosis has; whether there is one."""
    some = [one for one in grave_first(diagnosed) if is_grave(one)] or diagnosed.rows("incidents")
    if not some:
        return False
    tell_incident(draft, some[0], diagnosed.cite, ask.now, deep=ask.reading.is_why)
    draft.points("Also", others(diagnosed, some[:1], ask.now))
    return True


def _without_cause(draft: Draft, what: str, diagnosed: Seen, numbers: Seen | None) -> None:
    draft.say(f"**The diagnosis has no cause for {what} being slow.** {diagnosed.cite}")
    if not diagnosed.is_there:
        draft.say(diagnosed.use.error)
    if numbers is None or not numbers.is_there:
        return
    used = part(numbers.part("statistics"), "utilization_percent")
    mean, low = number(used, "mean"), number(used, "min")
    if mean is None or low is None:
        return
    if low >= _BUSY:
        told = f"All its GPUs are at work (at least {percent(low)}): the program or its data limits it."
    elif mean < _LOW:
        told = (
            f"Its GPUs wait: {percent(mean)} busy on average. Such a job waits for data, for the network or a rank: "
            "its log tells which."
        )
    else:
        told = f"Its GPUs are {percent(mean)} busy on average, the least {percent(low)} on {text(used, 'min_on')}."
    draft.say(f"{told} {numbers.cite}")


def _behind(draft: Draft, numbers: Seen) -> None:
    """GPUs that are far behind the others of the same job."""
    statistics = numbers.part("statistics")
    lines = []
    for key in ("utilization_percent", "sm_clock_mhz"):
        told = part(statistics, key)
        low, mean, high = (number(told, name) for name in ("min", "mean", "max"))
        if low is None or mean is None or high is None or high <= 0:
            continue
        apart = 100 * (mean - low) / high
        if apart >= _APART and len(numbers.rows("gpus")) > 1:
            name = "utilization" if key == "utilization_percent" else "clock"
            lines.append(
                f"{text(told, 'min_on')} is behind: {name} {valued(key, low)}. On average they all have "
                f"{valued(key, mean)} {numbers.cite}"
            )
    hot = part(statistics, "temperature_c")
    high = number(hot, "max")
    if high is not None and lines:
        lines.append(f"the hottest is {text(hot, 'max_on')} at {valued('temperature_c', high)} {numbers.cite}")
    draft.points("How its GPUs compare", lines)


def own_numbers(details: Seen) -> str:
    """A GPU's few numbers that matter."""
    metrics = details.part("metrics")
    told = [
        f"{words} {valued(key, value)}"
        for key, words in (
            ("utilization_percent", "utilization"), ("sm_clock_mhz", "clock"), ("power_w", "power"),
            ("temperature_c", "temperature"), ("memory_used_mib", "memory"),
        )
        if (value := number(metrics, key)) is not None
    ]  # fmt: skip
    return f"{', '.join(told)} {details.cite}" if told else ""


def clock_reasons(details: Seen) -> str:
    """Why its clock is what it is."""
    some = details.found.get("clock_event_reasons")
    told = [_REASONS.get(str(one).replace(" ", "_"), str(one)) for one in some] if isinstance(some, list) else []
    return f"why its clock is what it is: {'; '.join(told)} {details.cite}" if told else ""


def _among(numbers: Seen, name: str) -> str:
    """How it stands among the GPUs of its node."""
    used = part(numbers.part("statistics"), "utilization_percent")
    clocks = part(numbers.part("statistics"), "sm_clock_mhz")
    mean, clock = number(used, "mean"), number(clocks, "mean")
    if mean is None:
        return ""
    told = f"the GPUs of {node_of_gpu(name)} are {percent(mean)} busy on average"
    at = f", at {valued('sm_clock_mhz', clock)}" if clock is not None else ""
    return f"{told}{at} {numbers.cite}"


def _course(history: Seen) -> str:
    """How the utilization went."""
    mean, trend = history.number("mean"), history.text("trend")
    if mean is None or not trend:
        return ""
    last = history.number("last")
    told = f"over the last hour its utilization was {percent(mean)} on average, {trend}"
    return f"{told}{f', {percent(last)} at the end' if last is not None else ''} {history.cite}"
