"""Answers to: which GPUs are the hottest, the busiest, idle; which nodes are the most loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text
from app.agent.analyst.telling import named, title_of, valued
from app.agent.analyst.values import DEFAULT, jobs_of, key_for, of_job, value
from app.agent.tools.told import unit_name
from app.domain.metrics import by_key

_LOWEST = re.compile(
    r"\b(?:coolest|coldest|idlest|least|lowest|idle|idling|unused|cooler|below|under|minimum|slowest|emptiest|cold)\b"
)
_BOUND = re.compile(
    r"\b(?:hotter|cooler|above|over|below|under|more|less|higher|lower|busier)(?: than)?\D{0,12}(\d+(?:\.\d+)?)"
)
_IDLE = re.compile(r"\b(?:idle|idling|unused)\b")
_BUSY_PERCENT = 5.0
_MOST = 10


async def top(ask: Inquiry) -> str:
    """The hottest, the busiest, the idle ones."""
    slots = ask.reading.slots
    words = ask.reading.words
    if re.search(r"\bjobs?\b", words) and "gpu" not in words:
        from app.agent.analyst.queue import jobs  # noqa: PLC0415 - jobs have their own list

        return await jobs(ask)
    key = key_for(ask, "gpu")
    if by_key()[key].scope != "gpu":
        return await value(ask)
    is_lowest = bool(_LOWEST.search(words))
    given = {"node": slots.nodes[0]} if slots.nodes else {}
    seen = await ask.look(
        "current_metrics", **given, metrics=_beside(key), order_by=key, order="lowest" if is_lowest else "highest"
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    some = [one for one in seen.rows("gpus") if number(one, unit_name(by_key()[key])) is not None]
    if re.search(r"\b(?:nodes?|machines?|hosts?)\b", words):
        return await _top_nodes(ask, key, is_lowest=is_lowest)
    bound = _BOUND.search(words)
    if bound is not None:
        some = [one for one in some if _is_beyond(one, key, float(bound.group(1)), is_lowest=is_lowest)]
    elif _IDLE.search(words) and key == DEFAULT:
        some = [one for one in some if (number(one, "utilization_percent") or 0.0) < _BUSY_PERCENT]
    return _ranked(draft, seen, some, key, ask).text


def _beside(key: str) -> list[str]:
    return list(dict.fromkeys([key, "gpu.utilization", "gpu.temperature", "gpu.power", "gpu.memory_used"]))


def _is_beyond(one: Mapping[str, Any], key: str, bound: float, *, is_lowest: bool) -> bool:
    found = number(one, unit_name(by_key()[key]))
    return found is not None and (found < bound if is_lowest else found > bound)


def _ranked(draft: Draft, seen: Seen, some: list[Mapping[str, Any]], key: str, ask: Inquiry) -> Draft:
    name, title = unit_name(by_key()[key]), title_of(key)
    words = ask.reading.words
    if not some:
        kind = "idle" if _IDLE.search(words) else "like that"
        return draft.say(f"**No GPU is {kind} now.** {seen.cite}")
    first = some[0]
    most = min(ask.reading.slots.count or _MOST, 50)
    is_one = bool(
        re.search(
            r"\b(?:which|what) (?:gpu|card) (?:is|has|uses)\b|\b(?:hottest|busiest|coolest|idlest) (?:gpu|card)$", words
        )
    )
    if _IDLE.search(words):
        draft.say(f"**These GPUs do nothing now:** {named([text(one, 'gpu') for one in some], 8)}. {seen.cite}")
    else:
        draft.say(f"**{text(first, 'gpu')} comes first: {title} {_cell(first, name)}{of_job(first)}.** {seen.cite}")
    if is_one and ask.reading.slots.count is None:
        some = some[:5]
    heads = (
        ("GPU", name),
        ("utilization", "utilization_percent"),
        ("temperature", "temperature_c"),
        ("power", "power_w"),
        ("memory", "memory_used_mib"),
    )
    keys = [(head if at else "GPU", one) for at, (head, one) in enumerate(heads)]
    order = [(title, name), *[(head, one) for head, one in keys[1:] if one != name]]
    draft.table(
        ("GPU", *(head for head, _ in order), "job"),
        [(text(one, "gpu"), *(_cell(one, column) for _, column in order), jobs_of(one)) for one in some[:most]],
        most,
    )  # fmt: skip
    mean = None if _IDLE.search(words) else number(part(seen.part("statistics"), name), "mean")
    return draft.say(f"The mean of all is {valued(name, mean)}. {seen.cite}" if mean is not None else "")


def _cell(one: Mapping[str, Any], column: str) -> str:
    found = number(one, column)
    return "" if found is None else valued(column, found)


async def _top_nodes(ask: Inquiry, key: str, *, is_lowest: bool) -> str:
    """Nodes by the mean of what they do."""
    seen = await ask.look("cluster_status")
    draft = Draft()
    some = [one for one in seen.rows("nodes") if number(one, "mean_utilization_percent") is not None]
    some.sort(key=lambda one: number(one, "mean_utilization_percent") or 0.0, reverse=not is_lowest)
    if not some:
        return draft.say(f"I cannot say: no node tells how busy its GPUs are. {seen.cite}").text
    first = some[0]
    draft.say(
        f"**{text(first, 'node')} comes first: its GPUs are {_cell(first, 'mean_utilization_percent')} busy on "
        f"average.** {seen.cite}"
    )
    if key != DEFAULT:
        draft.say(f"By {title_of(key)} I can only rank GPUs: `top GPUs by {title_of(key)}`.")
    draft.table(("node", "utilization", "GPUs", "state"), [
        (text(one, "node"), _cell(one, "mean_utilization_percent"), text(one, "gpus"), text(one, "state"))
        for one in some
    ], min(ask.reading.slots.count or _MOST, 50))  # fmt: skip
    return draft.text
