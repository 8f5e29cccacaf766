"""Answers to: what happened at 03:10, last night; what changed since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import evidence, hit, is_grave, steps
from app.agent.analyst.inquiry import Inquiry, Seen, part, rows, text
from app.agent.analyst.moments import Span
from app.agent.analyst.subject import Subject, subject_of
from app.agent.analyst.telling import at, figure, harmless, own, valued, when
from app.agent.analyst.values import iso_of
from app.domain.alert import SEVERITIES

_MOST = 12
_HOUR_S = 3600.0


async def happened(ask: Inquiry) -> str:
    """The incidents of that time with their causes, then the events in order."""
    span = ask.reading.slots.span or Span(ask.now - 12 * _HOUR_S, ask.now, "since", "the last 12 hours")
    about = subject_of(ask)
    lead_in = 900.0 if span.shape == "moment" else 0.0
    diagnosed, changed = await ask.look_at(
        ("diagnose", {"about": about.name} if about is not None else {}),
        ("what_changed", {"since": iso_of(min(span.start - lead_in, ask.now - 60.0))}),
    )
    draft = Draft()
    some = [one for one in (*diagnosed.rows("incidents"), *diagnosed.rows("ended_last_day")) if _overlaps(one, span)]
    some.sort(key=lambda one: (not is_grave(one), text(one, "began_iso")))
    events = [
        one
        for one in (*changed.rows("events"), *changed.rows("job_events"))
        if _is_in(one, span) and _concerns(one, about)
    ]
    events.sort(key=lambda one: text(one, "at_iso"))
    what = _of_when(span, ask.now, about)
    if not diagnosed.is_there and not changed.is_there:
        return draft.say(
            f"I cannot say what happened {what}: {diagnosed.use.error or changed.use.error} {diagnosed.cite}"
        ).text
    if not some and not events:
        draft.say(f"**I know of nothing that happened {what}**: no incident, no event. {diagnosed.cite}{changed.cite}")
        return _not_kept(draft, changed).text
    grave = [one for one in some if is_grave(one)]
    if grave:
        first = grave[0]
        draft.say(f"**{what[0].upper()}{what[1:]} — {_titled(first)} ({text(first, 'severity')}).** {diagnosed.cite}")
    else:
        draft.say(f"**{what[0].upper()}{what[1:]} there was no incident; these are the events.** {changed.cite}")
    for one in grave[:3]:
        _incident(draft, one, diagnosed.cite, ask.now)
    draft.points("In order", _timeline(events, changed.cite, ask.now))
    return _not_kept(draft, changed).text


def _of_when(span: Span, now: float, about: Subject | None) -> str:
    """`between 02:55 and 03:25`."""
    start, end = when(iso_of(span.start), now), when(iso_of(span.end), now)
    told = f"since {start}" if span.shape == "since" else f"between {start} and {end}"
    return f"{told}{f' on {about.told}' if about is not None else ''}"


def _at(iso: str) -> float | None:
    try:
        return datetime.fromisoformat(iso).timestamp()
    except ValueError:
        return None


def _overlaps(one: Mapping[str, Any], span: Span) -> bool:
    began, ended = _at(text(one, "began_iso")), _at(text(one, "ended_iso"))
    return began is not None and began <= span.end and (ended is None or ended >= span.start)


def _is_in(one: Mapping[str, Any], span: Span) -> bool:
    at = _at(text(one, "at_iso"))
    return at is not None and span.start - 1.0 <= at <= span.end + 1.0


def _concerns(one: Mapping[str, Any], about: Subject | None) -> bool:
    if about is None:
        return True
    subject = text(one, "subject").partition(":")[2]
    name = about.name.removeprefix("job ")
    return subject == name or subject.startswith(f"{name}/") or name in text(one, "text")


def _titled(one: Mapping[str, Any]) -> str:
    title = text(part(one, "root_cause"), "title") or text(one, "title")
    return harmless(title)


def _incident(draft: Draft, one: Mapping[str, Any], cite: str, now: float) -> None:
    ended = text(one, "ended_iso")
    lasted = (
        f"from {when(text(one, 'began_iso'), now)} to {when(ended, now)}"
        if ended
        else f"since {when(text(one, 'began_iso'), now)}, and it lasts"
    )
    root = part(one, "root_cause")
    followed = [
        f"{_titled(each)} ({when(text(each, 'first_seen_iso'), now)})" for each in rows(one, "consequences")[:5]
    ]
    draft.points(f"Incident {text(one, 'id')}: {_titled(one)}", [
        f"{lasted} {cite}", *evidence(root, cite, now), *(f"then {each} {cite}" for each in followed), hit(one, cite),
    ])  # fmt: skip
    if not ended:
        draft.steps(steps(root))


def _timeline(events: list[Mapping[str, Any]], cite: str, now: float) -> list[str]:
    """The graver ones where there are many, in the order of time."""
    order: dict[str, int] = {name: at for at, name in enumerate(SEVERITIES)}
    chosen = sorted(events, key=lambda one: -order.get(text(one, "severity"), 0))[:_MOST]
    chosen.sort(key=lambda one: text(one, "at_iso"))
    lines = [f"{at(text(one, 'at_iso'), now)} {own(text(one, 'text'), 140)} {cite}" for one in chosen]
    return [*lines, "and lesser ones, which I leave out"] if len(events) > _MOST else lines


def _not_kept(draft: Draft, changed: Seen) -> Draft:
    if not changed.is_there:
        return draft.say(f"What was kept of events cannot be read: {changed.use.error} {changed.cite}")
    return draft


async def changed(ask: Inquiry) -> str:
    """What is otherwise than it was."""
    span = ask.reading.slots.span
    seen = await ask.look("what_changed", since=iso_of(span.start) if span is not None else None)
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say what changed: {seen.use.error} {seen.cite}").text
    about = subject_of(ask)
    events = [one for one in seen.rows("events") if _concerns(one, about)]
    incidents = seen.rows("incidents") if about is None else []
    new = [one for one in incidents if text(one, "change") != "was there before"]
    moved = [one for one in seen.rows("moved_most") if about is None or text(one, "gpu").startswith(about.name)]
    counts = seen.part("cluster") if about is None else {}
    since = when(seen.text("since_iso"), ask.now)
    if not events and not new and not moved and not counts and not seen.rows("job_events"):
        return draft.say(f"**Nothing has changed since {since}** that I could see. {seen.cite}", _note(seen)).text
    draft.say(f"**Since {since} — {_sum(new, counts, moved, seen)}.** {seen.cite}", _note(seen))
    draft.points(
        "Incidents",
        [
            f"{text(one, 'change')}: {_titled(one)} ({text(one, 'severity')}{_span(one, ask.now)}) {seen.cite}"
            for one in [*new, *(one for one in incidents if one not in new)][:6]
        ],
    )
    draft.points(
        "The cluster, then and now",
        [f"{_word(key)}: {_both(key, one)} {seen.cite}" for key, one in counts.items() if isinstance(one, Mapping)],
    )
    draft.points("What moved most", [_move(one, seen.cite) for one in moved[:6]])
    draft.points("Counters that rose", [_move(one, seen.cite) for one in seen.rows("counters_that_rose")[:6]])
    draft.points("Events", _timeline(events, seen.cite, ask.now))
    draft.points("Jobs", _timeline(seen.rows("job_events"), seen.cite, ask.now)[:8] if about is None else [])
    return draft.text


def _move(one: Mapping[str, Any], cite: str) -> str:
    key = text(one, "metric")
    return f"{text(one, 'gpu')} {_word(key)}: {_both(key, one)} {cite}"


def _note(seen: Seen) -> str:
    note = seen.text("note")
    return f"({note[0].upper()}{note[1:]}.)" if note else ""


def _sum(new: list[Mapping[str, Any]], counts: Mapping[str, Any], moved: list[Mapping[str, Any]], seen: Seen) -> str:
    told = [f"incident “{_titled(one)}” {text(one, 'change')}" for one in new if is_grave(one)][:2]
    if not told and counts:
        told = [f"{_word(key)} {_both(key, one)}" for key, one in list(counts.items())[:3] if isinstance(one, Mapping)]
    if not told and moved:
        told = [
            f"{text(moved[0], 'gpu')} {_word(text(moved[0], 'metric'))} {_both(text(moved[0], 'metric'), moved[0])}"
        ]
    kinds = [f"{figure(float(count))} × {kind}" for kind, count in list(seen.part("events_by_kind").items())[:3]]
    return ", ".join(told or kinds or ["only small things"])


def _span(one: Mapping[str, Any], now: float) -> str:
    began, ended = when(text(one, "began_iso"), now), when(text(one, "ended_iso"), now)
    return f", {began} to {ended}" if began and ended else f", since {began}" if began else ""


def _word(key: str) -> str:
    for ending in ("_percent", "_mib", "_w", "_c", "_mhz"):
        key = key.removesuffix(ending)
    return key.replace("_", " ").replace("gpus", "GPUs")


def _both(key: str, one: Mapping[str, Any]) -> str:
    then, now = one.get("then"), one.get("now")
    return " → ".join("?" if not isinstance(value, int | float) else valued(key, float(value)) for value in (then, now))
