"""Answers about money: what it costs now, today, per user or job, and what is wasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, text
from app.agent.analyst.telling import dollars, figure, joined, many, model_words
from app.agent.analyst.values import iso_of

_TABLES = {
    "user": "users",
    "job": "jobs",
    "node": "nodes",
    "account": "accounts",
    "partition": "partitions",
    "team": "accounts",
}


async def spending(ask: Inquiry) -> str:
    """What it costs, and what of it is for nothing."""
    slots = ask.reading.slots
    since = iso_of(slots.span.start) if slots.span is not None and not ask.reading.wants("today") else None
    seen = await ask.look("cost", since=since)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say what it costs: {seen.use.error} {seen.cite}").text
    now = seen.part("now")
    if not now:
        models = model_words(seen.part("unpriced_gpus"))
        return draft.say(
            f"**I know no price of the GPUs here{f' ({models})' if models else ''}.** Give one in `[prices]` of the "
            f'configuration: `"NVIDIA H100" = …`. {seen.cite}'
        ).text
    if (row := _asked_row(ask, seen)) is not None:
        return _told_row(draft, *row, seen).text
    per_hour, idle = number(now, "per_hour"), number(now, "idle_per_hour")
    is_waste = ask.reading.wants("wasted", "waste", "wasting", "idle")
    lead = (
        f"Idle GPUs cost {dollars(idle, '/h')}, of {dollars(per_hour, '/h')} in all"
        if is_waste
        else f"{dollars(per_hour, '/h')} now, {dollars(idle, '/h')} of it for GPUs that do nothing"
    )
    draft.say(f"**{lead}.** {seen.cite}")
    draft.points("", [f"{line} {seen.cite}" for line in _lines(now, seen, is_timed=since is not None)])
    _table(draft, ask, seen)
    if seen.part("unpriced_gpus"):
        draft.say(f"Without a price, and in no sum: {model_words(seen.part('unpriced_gpus'))}. {seen.cite}")
    return draft.text


def _lines(now: Mapping[str, Any], seen: Seen, *, is_timed: bool) -> list[str]:
    held, unheld = number(now, "held_idle_per_hour"), number(now, "unheld_per_hour")
    today, since, month = seen.part("today"), seen.part("since"), seen.part("month")
    ahead = seen.part("forecast")
    idle = (
        f"held by jobs and idle: {dollars(held, '/h')}" if held is not None else "",
        f"held by nobody: {dollars(unheld, '/h')}" if unheld is not None else "",
    )
    a_day, a_month = number(ahead, "per_day"), number(ahead, "per_month")
    rate = (
        f"at this rate {dollars(a_day)} a day" if a_day is not None else "",
        f"{dollars(a_month)} a month" if a_month is not None else "",
    )
    spent = (
        _spent("today", today),
        _spent("in the time you asked for", since) if is_timed else "",
        _spent("this month", month),
    )
    return [line for line in (joined(idle), *spent, joined(rate)) if line]


def _spent(what: str, one: Mapping[str, Any]) -> str:
    cost, idle, energy = number(one, "cost"), number(one, "idle_cost"), number(one, "energy_kwh")
    covered = number(one, "covered")
    if cost is None and energy is None:
        return ""
    told = joined((
        dollars(cost), f"{dollars(idle)} of it idle" if idle is not None else "",
        f"{energy:.1f} kWh" if energy is not None else "",
    ))  # fmt: skip
    return (
        f"{what}: {told}{' (the history covers only a part of it)' if covered is not None and covered < 0.95 else ''}"
    )


def _asked_row(ask: Inquiry, seen: Seen) -> tuple[str, Mapping[str, Any]] | None:
    slots = ask.reading.slots
    for table, keys in (
        ("users", slots.users),
        ("jobs", slots.jobs),
        ("nodes", slots.nodes),
        ("partitions", slots.partitions),
    ):
        for key in keys:
            found = next((one for one in seen.rows(table) if text(one, "name") == key), None)
            return (f"job {key}" if table == "jobs" else key), found or {}
    return None


def _told_row(draft: Draft, name: str, one: Mapping[str, Any], seen: Seen) -> Draft:
    if not one:
        return draft.say(f"**{name} costs nothing now**, or is not among the costliest that I am told of. {seen.cite}")
    so_far, idle = number(one, "so_far"), number(one, "idle_per_hour")
    lost = f" ({dollars(idle, '/h')})" if idle else ""
    draft.say(
        f"**{name} costs {dollars(number(one, 'per_hour'), '/h')}**: {many(number(one, 'gpus') or 0, 'GPU')}, "
        f"{figure(number(one, 'gpus_idle') or 0)} of them idle{lost}. {seen.cite}"
    )
    return draft.say(f"So far {dollars(so_far)}. {seen.cite}" if so_far is not None else "")


def _table(draft: Draft, ask: Inquiry, seen: Seen) -> None:
    words = ask.reading.words
    table = next((name for word, name in _TABLES.items() if word in words), "users" if seen.rows("users") else "nodes")
    draft.table(
        (table.removesuffix("s"), "GPUs", "idle", "cost now", "for nothing", "so far"),
        [
            (
                text(one, "name"), text(one, "gpus"), text(one, "gpus_idle"), dollars(number(one, "per_hour"), "/h"),
                dollars(number(one, "idle_per_hour"), "/h"), dollars(number(one, "so_far")),
            )
            for one in seen.rows(table)
        ],
        8,
        "…and others that cost less.",
    )  # fmt: skip
