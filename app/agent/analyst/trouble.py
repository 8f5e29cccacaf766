"""Answers to: is everything ok, what is wrong, what is wrong with X, what should I do, why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, others, steps, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, rows, text
from app.agent.analyst.overview import facts_line, told_blind
from app.agent.analyst.pending import clean_text
from app.agent.analyst.subject import Subject, subject_of
from app.agent.analyst.telling import many, named, own, since, valued

_FULL = 2
"""Incidents that are told in full; of the others there is a line."""


async def trouble(ask: Inquiry) -> str:
    """What is wrong, the root cause before what follows from it."""
    about = subject_of(ask)
    if about is not None:
        return await trouble_of(ask, about)
    diagnosed, status, alerts = await ask.look_at(("diagnose", {}), ("cluster_status", {}), ("alerts", {}))
    draft = Draft()
    some = [one for one in grave_first(diagnosed) if is_grave(one)]
    if not diagnosed.is_there or diagnosed.found.get("healthy") is None:
        draft.say(_not_diagnosed(diagnosed), facts_line(status))
        return told_alerts(draft, alerts, ask).text
    if not some:
        draft.say(f"**Nothing is wrong as far as I can see.** {diagnosed.cite}").say(facts_line(status))
        _minor(draft, diagnosed)
    else:
        lead = "One thing is wrong" if len(some) == 1 else "Several things are wrong, each with its own cause"
        draft.say(f"**{lead}; the worst is {text(some[0], 'severity')}.** {diagnosed.cite}")
        draft.say(facts_line(status))
        full = some[: 1 if ask.reading.is_why else _FULL]
        for one in full:
            tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
        draft.points("Also", others(diagnosed, full, ask.now))
    told_blind(draft, diagnosed)
    return (draft if some else told_alerts(draft, alerts, ask)).text


def _not_diagnosed(seen: Seen) -> str:
    if not seen.is_there:
        return f"**I cannot say**: {seen.use.error} {seen.cite}"
    return f"**Nobody has diagnosed yet, so I cannot say whether something is wrong.** {seen.cite}"


def _minor(draft: Draft, seen: Seen) -> None:
    some = (*seen.rows("incidents"), *seen.rows("other_findings"))[:5]
    draft.points("Worth knowing, and no fault", [f"{_title(one)} {seen.cite}" for one in some])


def _title(one: Mapping[str, Any]) -> str:
    return clean_text(text(one, "title"))


def told_alerts(draft: Draft, alerts: Seen, ask: Inquiry) -> Draft:
    """Alerts that fire, where the diagnosis has said nothing of them."""
    firing = [
        one for one in alerts.rows("alerts") if text(one, "state") == "firing" and text(one, "severity") != "info"
    ]
    draft.points(
        "Alerts that fire",
        [
            f"{text(one, 'rule')} on {text(one, 'on')}{since(text(one, 'since_iso'), ask.now)} {alerts.cite}"
            for one in firing[:5]
        ],
    )
    return draft


async def trouble_of(ask: Inquiry, about: Subject) -> str:
    """What is wrong with one thing; where nothing is, how it stands."""
    wanted: list[tuple[str, Mapping[str, Any]]] = [("diagnose", {"about": about.name})]
    if about.tool:
        wanted.append((about.tool, about.arguments))
    diagnosed, *more = await ask.look_at(*wanted)
    draft = Draft()
    detail = more[0] if more else None
    if not diagnosed.is_there:
        return draft.say(f"I cannot say: {diagnosed.use.error} {diagnosed.cite}").text
    some = [one for one in grave_first(diagnosed) if is_grave(one)]
    if not some:
        draft.say(_nothing_with(about, diagnosed, detail))
        whole = await ask.look("diagnose", about=None)
        if any(is_grave(one) for one in grave_first(whole)):  # who asks of one thing must not go back to bed
            draft.points("Elsewhere", others(whole, [], ask.now)[:_FULL])
    for one in some[:_FULL]:
        tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
    draft.points("Also", others(diagnosed, some[:_FULL], ask.now))
    if detail is not None and detail.is_there:
        draft.points("As it stands", _standing(detail))
    elif detail is not None:
        draft.say(f"{detail.use.error} {detail.cite}")
    return draft.text


def _nothing_with(about: Subject, diagnosed: Seen, detail: Seen | None) -> str:
    if diagnosed.found.get("healthy") is None:
        return (
            f"**Nobody has diagnosed yet: whether something is wrong with {about.told} is not known.** {diagnosed.cite}"
        )
    health = detail.text("health") if detail is not None else ""
    if health in ("warning", "critical"):
        why, cite = (detail.text("health_reason"), detail.cite) if detail is not None else ("", "")
        return f"**No incident is about {about.told}, but its health is {health}**: {why} {cite}"
    return f"**Nothing is wrong with {about.told} as far as I can see.** {diagnosed.cite}"


def _standing(seen: Seen) -> list[str]:
    """The few facts that one wants beside a verdict."""
    found = seen.found
    metrics = part(found, "metrics")
    told = [
        f"{name}: {found[key]}"
        for key, name in (("state", "state"), ("slurm_state", "in Slurm"), ("health", "health"))
        if found.get(key)
    ]
    told += [own(text(found, "slurm_reason"))] if text(found, "slurm_reason") else []
    for key, name in (("utilization_percent", "utilization"), ("temperature_c", "temperature"), ("power_w", "power")):
        value = number(metrics, key)
        told += [f"{name} {valued(key, value)}"] if value is not None else []
    jobs = [text(one, "job") for one in rows(found, "jobs")] or [str(one) for one in found.get("job_ids", ())]
    told += [f"job{'s' if len(jobs) > 1 else ''} {named(jobs)}"] if jobs else []
    return [f"{', '.join(told)} {seen.cite}"] if told else []


async def fix(ask: Inquiry) -> str:
    """What to do first: the steps of the gravest incident."""
    about = subject_of(ask)
    seen = await ask.look("diagnose", about=about.name if about is not None else None)
    draft = Draft()
    if not seen.is_there or seen.found.get("healthy") is None:
        return draft.say(_not_diagnosed(seen)).text
    some = [one for one in grave_first(seen) if is_grave(one)]
    if not some:
        where = f" for {about.told}" if about is not None else ""
        return draft.say(f"**Nothing needs doing{where}:** I see no incident. {seen.cite}").text
    first = some[0]
    root = part(first, "root_cause")
    draft.say(
        f"**Begin with {_title(first)}** (incident {text(first, 'id')}, {text(first, 'severity')}): it is the cause, "
        f"the rest follows from it. {seen.cite}"
    )
    draft.steps(steps(root))
    if not rows(root, "what_to_do"):
        draft.say("Our catalogue has no steps for it; look at its evidence (`what is wrong?`).")
    draft.points("After that", others(seen, [first], ask.now))
    draft.say("I only propose: a person's key does it (`drain …`, `cancel job …` make a proposal here).")
    return draft.text


async def lost(ask: Inquiry) -> str:
    """GPUs that are gone."""
    status, diagnosed = await ask.look_at(("cluster_status", {}), ("diagnose", {}))
    draft = Draft()
    gone = status.number("gpus_lost")
    if not status.is_there:
        return draft.say(f"I cannot say: {status.use.error} {status.cite}").text
    rows_of = [
        one
        for one in status.rows("gpus_not_well")
        if "lost" in text(one, "why") or "lost" in text(one, "health") or "gone" in text(one, "why")
    ]
    incidents = [one for one in grave_first(diagnosed) if _is_loss(one)]
    if not gone:
        draft.say(f"**No GPU is lost**: {status.cite}", facts_line(status))
    else:
        draft.say(f"**{many(gone, 'GPU is', 'GPUs are')} lost.** {status.cite}")
        draft.points("", [f"{text(one, 'gpu')}: {text(one, 'why')} {status.cite}" for one in rows_of])
    for one in incidents[:_FULL]:
        tell_incident(draft, one, diagnosed.cite, ask.now)
    return draft.text


def _is_loss(incident: Mapping[str, Any]) -> bool:
    root = part(incident, "root_cause")
    return any(
        word in f"{text(root, 'fault')} {text(incident, 'title')}"
        for word in ("lost", "missing", "gone", "fell", "bus")
    )
