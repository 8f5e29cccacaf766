"""Answers about alerts: which fire, on what, which are silenced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, number, text, texts
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import at, behind, figure, many, own, since, when

_MOST = 10


def place_of(ask: Inquiry) -> tuple[str | None, str | None]:
    """(node, exact place) that alerts are asked of."""
    slots = ask.reading.slots
    if slots.gpus:
        return node_of_gpu(slots.gpus[0]), slots.gpus[0]
    return (slots.nodes[0], None) if slots.nodes else (None, None)


def fitting(ask: Inquiry, seen: Seen) -> list[Mapping[str, Any]]:
    """The alerts that are meant."""
    slots = ask.reading.slots
    _, exact = place_of(ask)
    some = seen.rows("alerts")
    if exact is not None:
        some = [one for one in some if text(one, "on") == exact]
    if slots.rule is not None:
        some = [one for one in some if slots.rule in (text(one, "rule"), text(one, "id"))]
    if slots.jobs:
        some = [one for one in some if text(one, "on") == f"job {slots.jobs[0]}"]
    return some


async def alerts(ask: Inquiry) -> str:
    """What fires, the worst first, and what is silenced."""
    node, _ = place_of(ask)
    seen = await ask.look("alerts", node=node)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    if seen.rows("alert_events"):
        return _past(draft, seen, ask.now).text
    if ask.is_past:
        return draft.say(f"**No alert began or ended in the day before that moment.** {seen.cite}").text
    if seen.found.get("alerts") is None:
        return draft.say(f"**Nobody evaluates alert rules here, so I cannot say what would fire.** {seen.cite}").text
    some = fitting(ask, seen)
    if ask.reading.wants("critical"):
        some = [one for one in some if text(one, "severity") == "critical"]
    firing = [one for one in some if text(one, "state") == "firing"]
    pending = [one for one in some if text(one, "state") == "pending"]
    if ask.reading.wants("silenced", "muted", "silences", "silence", "acknowledged", "acked"):
        return _silenced(draft, seen, some, ask.now).text
    if not firing:
        draft.say(
            f"**No {'critical ' if ask.reading.wants('critical') else ''}alert fires{behind(' on ', node or '')}.** "
            f"{seen.cite}"
        )
    else:
        told = many(len(firing), "alert fires", "alerts fire")
        draft.say(f"**{told}{f' on {node}' if node else ''}, the worst {text(firing[0], 'severity')}.** {seen.cite}")
    draft.points("", [_line(one, seen.cite, ask.now) for one in firing[:_MOST]])
    if len(firing) > _MOST:
        draft.points(
            "By rule",
            [f"{rule}: {figure(float(count))} {seen.cite}" for rule, count in list(seen.part("by_rule").items())[:8]],
        )
    draft.points("About to fire", [_line(one, seen.cite, ask.now) for one in pending[:4]])
    draft.points("Silences", [_silence(one, seen.cite, ask.now) for one in seen.rows("silences")[:4]])
    if firing:
        draft.say("Alerts are symptoms: `what is wrong?` tells the causes.")
    return draft.text


def _past(draft: Draft, seen: Seen, now: float) -> Draft:
    draft.say(f"**Of a past moment I know only when alerts began and ended.** {seen.cite}")
    some = seen.rows("alert_events")[:_MOST]
    return draft.points("", [f"{at(text(one, 'at_iso'), now)} {own(text(one, 'text'))} {seen.cite}" for one in some])


def _line(one: Mapping[str, Any], cite: str, now: float) -> str:
    muted = texts(one, "muted_because")
    extra = f" (not told: {', '.join(own(why, 80) for why in muted[:2])})" if muted else ""
    acked = f" (taken on by {text(one, 'acknowledged_by')})" if text(one, "acknowledged_by") else ""
    value = number(one, "value")
    said = own(text(one, "text"), 120)
    shown = said or ("" if value is None else f"value {figure(value, 2)}")
    what = f"{text(one, 'severity')}: {text(one, 'rule')} on {text(one, 'on')}{since(text(one, 'since_iso'), now)}"
    return f"{what}{behind(' — ', shown)}{extra}{acked} {cite}"


def _silenced(draft: Draft, seen: Seen, some: list[Mapping[str, Any]], now: float) -> Draft:
    quiet = [one for one in some if texts(one, "muted_because") or text(one, "acknowledged_by")]
    silences = seen.rows("silences")
    if not quiet and not silences:
        return draft.say(f"**Nothing is silenced or acknowledged.** {seen.cite}")
    draft.say(f"**Silences: {len(silences)}; alerts that fire and are not told: {len(quiet)}.** {seen.cite}")
    draft.points("Silences", [_silence(one, seen.cite, now) for one in silences[:_MOST]])
    return draft.points("Alerts that fire and are not told", [_line(one, seen.cite, now) for one in quiet[:_MOST]])


def _silence(one: Mapping[str, Any], cite: str, now: float) -> str:
    matchers = ", ".join(own(each, 80) for each in texts(one, "matchers"))
    by, comment = own(text(one, "by"), 40), own(text(one, "comment"), 80)
    until = when(text(one, "ends_iso"), now)
    return f"{matchers} until {until}{behind(' by ', by)}{behind(' — ', comment)} {cite}"
