"""Answers to: what is the temperature of X, how was it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text
from app.agent.analyst.moments import Span
from app.agent.analyst.subject import Subject, subject_of
from app.agent.analyst.telling import figure, first_upper, memory, named, of_user, title_of, valued, when
from app.agent.tools.told import unit_name
from app.domain.metrics import by_key

DEFAULT = "gpu.utilization"
"""What is meant where no quantity is named."""
_HOT = re.compile(r"\b(?:hot|hotter|hottest|warm|warmest|overheat\w*|cool|cooler|coolest|cold|coldest|degrees)\b")


def key_for(ask: Inquiry, scope: str) -> str:
    """The catalogue's key of what was asked, for such a subject."""
    quantity = ask.reading.slots.quantity
    if quantity is not None:
        return quantity.of(scope) or quantity.key
    return "gpu.temperature" if _HOT.search(ask.reading.words) else DEFAULT


async def value(ask: Inquiry) -> str:
    """One quantity of one thing, now."""
    slots = ask.reading.slots
    if slots.span is not None:
        return await history(ask)
    if slots.service is not None or (slots.quantity is not None and slots.quantity.key.startswith("service.")):
        from app.agent.analyst.serving import serving  # noqa: PLC0415 - servers have their own answer

        return await serving(ask)
    about = subject_of(ask)
    scope = "gpu" if about is None or about.kind in ("gpu", "job") else "node"
    key = key_for(ask, scope)
    row = by_key()[key]
    if row.scope == "node":
        return await _of_node(ask, about, key)
    given: dict[str, Any] = {} if about is None or about.kind == "incident" else {about.kind: _plain_name(about)}
    seen = await ask.look("current_metrics", **given, metrics=[key])
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    return _told(draft, seen, key, about.told if about is not None else "the cluster").text


def _plain_name(about: Subject) -> str:
    return str(next(iter(about.arguments.values())))


def _told(draft: Draft, seen: Seen, key: str, what: str) -> Draft:
    name = unit_name(by_key()[key])
    statistics = part(seen.part("statistics"), name)
    some = [one for one in seen.rows("gpus") if number(one, name) is not None]
    title = title_of(key)
    if not statistics:
        note = "; ".join(text(one, "why") for one in seen.rows("gpus")[:1] if text(one, "why"))
        return draft.say(
            f"**The {title} of {what} is not known{f' ({note})' if note else ''}:** no source tells it now. {seen.cite}"
        )
    if len(some) == 1:
        one = some[0]
        told = valued(name, number(one, name) or 0.0)
        return draft.say(f"**The {title} of {text(one, 'gpu')} is {told}**{of_job(one)}. {seen.cite}")
    mean, low, high = (number(statistics, one) for one in ("mean", "min", "max"))
    if mean is None or low is None or high is None:
        return draft
    draft.say(
        f"**The {title} of {what} is {valued(name, mean)} on average**, from {valued(name, low)} "
        f"({text(statistics, 'min_on')}) to {valued(name, high)} ({text(statistics, 'max_on')}). {seen.cite}"
    )
    return draft.table(("GPU", title, "job"), [
        (text(one, "gpu"), valued(name, number(one, name) or 0.0), jobs_of(one)) for one in some
    ], 16)  # fmt: skip


async def _of_node(ask: Inquiry, about: Subject | None, key: str) -> str:
    name = unit_name(by_key()[key])
    draft = Draft()
    if about is None or about.kind not in ("node", "gpu"):
        return draft.say(
            f"The {title_of(key)} is told of each node: name one of {named(list(ask.known.nodes.values()))}."
        ).text
    node = about.name.rpartition("/")[0] or about.name
    seen = await ask.look("node_details", node=node)
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    found = number(seen.part("host"), name)
    if found is None:
        return draft.say(f"**The {title_of(key)} of {node} is not known:** no source tells it now. {seen.cite}").text
    return draft.say(
        f"**The {title_of(key)} of {node} is {valued(name, found)}.** {seen.cite}", by_key()[key].help
    ).text


def iso_of(at: float) -> str:
    """A moment as tools take it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def span_arguments(span: Span | None, now: float) -> dict[str, str]:
    """A time as tools take it."""
    if span is None:
        return {"since": "1h"}
    given = {"since": iso_of(min(span.start, now - 60.0))}
    return given if span.end >= now - 5.0 else {**given, "until": iso_of(span.end)}


async def history(ask: Inquiry) -> str:
    """How a quantity went."""
    slots = ask.reading.slots
    about = subject_of(ask)
    scope = "service" if slots.service else "gpu" if about is None or about.kind in ("gpu", "job") else "node"
    key = key_for(ask, scope)
    given = span_arguments(slots.span, ask.now)
    if slots.service:
        given["service"] = slots.service
    elif about is not None and about.kind != "incident":
        given[about.kind] = _plain_name(about)
    seen = await ask.look("metric_history", metric=key, **given)
    what = slots.service or (about.told if about is not None else "the whole cluster")
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say how the {title_of(key)} of {what} was: {seen.use.error} {seen.cite}").text
    if not seen.number("samples"):
        return draft.say(f"**Nothing was kept of the {title_of(key)} of {what} in that time.** {seen.cite}").text
    return _told_history(draft, seen, what, ask.now).text


def _told_history(draft: Draft, seen: Seen, what: str, now: float) -> Draft:
    name, key = seen.text("metric"), seen.text("key")
    low, mean, high = (seen.number(one) for one in ("min", "mean", "max"))
    if low is None or mean is None or high is None:
        return draft
    peak, least = when(seen.text("max_at_iso"), now), when(seen.text("min_at_iso"), now)
    draft.say(
        f"**{first_upper(title_of(key))} of {what}: {valued(name, mean)} on average, highest {_bare(name, high)} "
        f"at {peak}, lowest {_bare(name, low)} at {least}; {_trend(seen.text('trend'))}.** {seen.cite}"
    )
    first, last = seen.number("first"), seen.number("last")
    lines = [
        f"from {when(seen.text('start_iso'), now)} to {when(seen.text('end_iso'), now)} — `{seen.text('sparkline')}`"
    ]
    if first is not None and last is not None:
        lines.append(f"it began at {valued(name, first)} and stood at {valued(name, last)} at the end")
    if (top := seen.number("p95")) is not None:
        lines.append(f"most of the time at or below {valued(name, top)}")
    if gaps := seen.number("gaps_s"):
        lines.append(f"nothing is known of {valued('gaps_s', gaps)} of it")
    return draft.points("", [f"{line} {seen.cite}" for line in lines])


def _bare(name: str, value: float) -> str:
    """A number beside one whose unit is told."""
    return memory(value) if name.endswith("_mib") else figure(value)


def _trend(trend: str) -> str:
    return {"unknown": "too few values for a trend"}.get(trend, trend)


def jobs_of(one: Mapping[str, Any]) -> str:
    """The jobs that hold a GPU."""
    return named([f"job {job}" for job in one.get("jobs", ())], 2)


def of_job(one: Mapping[str, Any]) -> str:
    """` (job 812 of ana)`; empty where nobody holds it."""
    jobs = [str(job) for job in one.get("jobs", ())]
    return f" (job {named(jobs)}{of_user(text(one, 'user'))})" if jobs else ""
