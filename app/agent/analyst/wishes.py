"""Wishes for actions: they become a proposal that a person's key carries out; nothing is done here, ever."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.agent.analyst.alarms import fitting, place_of
from app.agent.analyst.draft import Draft
from app.agent.analyst.inquiry import Inquiry, Seen, text, texts
from app.agent.analyst.itself import which_node
from app.agent.analyst.pending import clean_text
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import named, opened, own

_HOUR_S = 3600.0
_ANY = re.compile(
    r"^\w+(?: (?:it|this|that|them|the|all|every|everything|alerts?|alarms?|of|firing|for|now|one|and|\d+\w*|an?|"
    r"hours?|minutes?|days?))*$"
)
"""A wish about alerts that names none."""
_MOST = 50
_ASKED = "the person asked for it"
_VERBS = {"cancel": "cancel", "hold": "hold", "release": "release", "requeue": "requeue"}


async def job_wish(ask: Inquiry) -> str:
    """Cancel, hold, release or requeue jobs."""
    intent = ask.reading.intent
    verb = _VERBS[intent.key] if intent is not None else "cancel"
    jobs = ask.reading.slots.jobs[:_MOST]
    if not jobs:
        return f"**Which job shall I propose to {verb}?** Write its number: `{verb} job ID`."
    seen = await ask.look(f"propose_{verb}", jobs=list(jobs), why=_why(ask))
    return _told(seen, f"{verb} job{'s' if len(jobs) > 1 else ''} {named(jobs, 8)}")


def _why(ask: Inquiry) -> str:
    return ask.reading.slots.why or _ASKED


async def node_wish(ask: Inquiry) -> str:
    """Drain nodes, or take them back."""
    slots, intent = ask.reading.slots, ask.reading.intent
    is_drain = intent is not None and intent.key == "drain"
    nodes = list(dict.fromkeys((*slots.nodes, *(node_of_gpu(one) for one in slots.gpus))))[:_MOST]
    if not nodes:
        return which_node(ask)
    if not is_drain:
        return _told(
            await ask.look("propose_undrain", nodes=nodes, why=_why(ask)), f"take {named(nodes, 8)} back into service"
        )
    reason = slots.why or await _reason(ask, nodes)
    seen = await ask.look("propose_drain", nodes=nodes, reason=reason, why=_why(ask))
    return _told(seen, f"drain {named(nodes, 8)}", f"The reason that Slurm keeps: {own(reason)}.")


async def _reason(ask: Inquiry, nodes: list[str]) -> str:
    """The open incident of the node; that somebody asked, where there is none."""
    seen = await ask.look("diagnose", about=nodes[0])
    titles = [text(one, "title") for one in seen.rows("incidents") if text(one, "severity") != "info"]
    return f"gpu-watchdog: {titles[0]}"[:120] if titles else "gpu-watchdog: drained by hand"


async def silence(ask: Inquiry) -> str:
    """Silence an alert, or all of a place."""
    seconds = ask.reading.slots.length_s or _HOUR_S
    lasts = f"{seconds / 60:.0f}m" if seconds < 2 * _HOUR_S or seconds % _HOUR_S else f"{seconds / _HOUR_S:.0f}h"
    node, exact = place_of(ask)
    if ask.reading.slots.rule is None and node is not None:
        index = exact.rpartition("/")[2] if exact is not None else ""
        matchers = f'node="{node}"' + (f',gpu="{index}"' if index else "")
        return _told(
            await ask.look("propose_silence", alert=matchers, lasts=lasts, why=_why(ask)),
            f"silence the alerts of {exact or node} for {lasts}",
        )
    seen = await ask.look("alerts", state="all")
    some = fitting(ask, seen)
    if not some or (ask.reading.slots.rule is None and (len(some) > 1 or not _means_any(ask))):
        return _which_alert(seen, "silence")
    first = some[0]
    rule = text(first, "rule")
    alert = text(first, "id") if len(some) == 1 else f'alertname="{rule}"'
    return _told(
        await ask.look("propose_silence", alert=alert, lasts=lasts, why=_why(ask)), f"silence {rule} for {lasts}"
    )


async def acknowledge(ask: Inquiry) -> str:
    """Take an alert on."""
    node, _ = place_of(ask)
    seen = await ask.look("alerts", node=node)
    some = [one for one in fitting(ask, seen) if text(one, "state") == "firing"]
    is_named = ask.reading.slots.rule is not None or node is not None or bool(ask.reading.slots.jobs)
    if not some or not (is_named or _means_any(ask)) or (not is_named and len(some) > 1 and not _means_all(ask)):
        return _which_alert(seen, "ack")
    keys = [text(one, "id") for one in some[:_MOST]]
    done = await ask.look("propose_acknowledge", alerts=keys, why=_why(ask))
    return _told(done, f"acknowledge {named([text(one, 'rule') for one in some], 4)}")


def _means_any(ask: Inquiry) -> bool:
    """It names no alert, and none that is not there: `silence it`, `ack the alert`."""
    return bool(_ANY.match(ask.reading.words))


def _means_all(ask: Inquiry) -> bool:
    return ask.reading.wants("all", "everything")


def _which_alert(seen: Seen, verb: str) -> str:
    if not seen.is_there:
        return f"I cannot look at the alerts: {seen.use.error} {seen.cite}"
    states = ("firing",) if verb == "ack" else ("firing", "pending")
    some: list[Mapping[str, Any]] = [one for one in seen.rows("alerts") if text(one, "state") in states]
    if not some:
        return f"**No alert fires**, so there is nothing to {verb}. {seen.cite}"
    draft = Draft().say(f"**Which alert shall I propose to {verb}?** {seen.cite}")
    return draft.points(
        "", [f"`{verb} {text(one, 'id')}`: {text(one, 'rule')} on {text(one, 'on')} {seen.cite}" for one in some[:8]]
    ).text


async def submit(ask: Inquiry) -> str:
    """A script cannot be read from here."""
    return (
        "**I cannot read script files, so I cannot propose that.** Submit it from the submit page (it checks the "
        "script against the cluster first), or by hand: `sbatch SCRIPT`; `sbatch --test-only SCRIPT` says what it "
        "would meet." + ("" if ask.known.has_slurm else " No Slurm is read here, though.")
    )


def _told(seen: Seen, what: str, *more: str) -> str:
    """What was proposed, whole; that nothing is done yet."""
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"**I cannot propose to {what}: {clean_text(seen.use.error)}.** {seen.cite}").text
    draft.say(
        f"**Proposed, not done: {clean_text(seen.text('summary') or what)}.** It waits for your key. {seen.cite}", *more
    )
    draft.points("It runs", [f"`{command}`" for command in texts(seen.found, "commands")])
    draft.points("It hits", [f"{own(opened(one), 200)} {seen.cite}" for one in texts(seen.found, "hits")[:8]])
    draft.points("Mind", [f"{clean_text(one)} {seen.cite}" for one in texts(seen.found, "warnings")[:5]])
    undo = seen.text("undo")
    return draft.say(f"To undo it: {clean_text(undo)}. {seen.cite}" if undo else "").text
