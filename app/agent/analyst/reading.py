"""What was asked: the intent with its slots, from the words, what is on screen, and what was asked before. Pure.

A follow-up (`and gpu 3?`, `why?`, `since when?`) takes from the question before what it does not say itself.
"""
# ruff: noqa: E501 - a pattern reads best on one line

from __future__ import annotations

import re
from dataclasses import replace
from datetime import tzinfo

from app.agent.analyst.intent import Intent
from app.agent.analyst.intents import intent_of, weigh
from app.agent.analyst.known import Known
from app.agent.analyst.marking import find_slots, said_why
from app.agent.analyst.moments import Clock
from app.agent.analyst.slots import Slots, of_chips
from app.agent.analyst.wording import plain
from app.agent.brain import Asked
from app.domain.chat import Exchange
from app.domain.frozen import frozen

_DEEPEST = 6
"""Questions back that a follow-up may lean on."""
_STANDS = 6
"""A short question that weighs so much stands by itself."""
_AND = re.compile(
    r"^(?:and|or|also|then|what about|how about|same (?:for|on|with)|what of|now|but|ok(?:ay)?)\b(?: (?:for|on|about|with|the|at|in|is|now))*\s*"
)
_ONLY_MARKS = re.compile(
    r"^(?:(?:<[A-Z-]+>|nodes?|gpus?|jobs?|the|of|on|in|at|for|and|since|then|now|top|user|'s|utilization|temperature|memory|power)\s*)+$"
)
_WHY = re.compile(
    r"^(?:(?:but|and|ok) )*why(?: (?:is|was|not|so|though|then|that|this|it|is (?:that|this|it)(?: so)?|do you (?:think|say) (?:so|that)))*$|^how (?:come|so)$|^what (?:is the|caused) (?:cause|reason|it|that|this)$|^what caused (?:it|that|this)$|^because of what$|^root cause$|^explain(?: (?:it|this|that|more))?$"
)
_MORE = re.compile(
    r"^(?:tell )?(?:me )?(?:more|details?|more details?|go on|continue|elaborate|show more|again|refresh|in detail|all of (?:it|them)|show all|and now|now|update|still|is it still (?:so|there|true))$"
)
_PRONOUN = re.compile(r"\b(?:it|its|this|that|these|those|them|they|there|he|she|his|her|one|same|him|here)\b")
_WHEN = re.compile(
    r"^(?:since when|how long(?: already| so far| now)?|when(?: (?:was|did) (?:it|that|this)(?: (?:start|begin|happen))?)?)$"
)


@frozen
class Reading:
    """What a question was taken for."""

    intent: Intent | None
    """None: it was not understood."""
    slots: Slots
    text: str
    """With marks."""
    words: str
    """Without marks."""
    is_follow_up: bool = False
    before: Intent | None = None
    """What the question before was about."""
    is_why: bool = False
    """It asks for the reasons of what was just told."""

    def wants(self, *words: str) -> bool:
        """Whether the question has one of these words."""
        return bool(set(words) & set(self.words.split()))


def read(asked: Asked, known: Known, now: float, zone: tzinfo | None = None) -> Reading:
    """What a question means, by all there is to lean on."""
    earlier = _earlier(asked.before[-_DEEPEST:], known, zone)
    return _read(asked.question, of_chips(asked.chips, known), earlier, known, Clock(now, zone))


def _earlier(before: tuple[Exchange, ...], known: Known, zone: tzinfo | None) -> Reading | None:
    found: Reading | None = None
    for one in before:
        read_now = _read(one.question, of_chips(one.chips, known), found, known, Clock(one.asked_at, zone))
        found = read_now if read_now.intent is not None or read_now.slots.has_place else found
    return found


def _read(question: str, chips: Slots, earlier: Reading | None, known: Known, clock: Clock) -> Reading:
    words = plain(question, known.own)
    slots, text = find_slots(words, known, clock)
    if slots.why:
        slots = replace(slots, why=said_why(question) or slots.why)
    reading = Reading(None, slots, text, words, before=earlier.intent if earlier is not None else None)
    if earlier is not None:
        leaning = _leaning(reading, chips, earlier)
        if leaning is not None:
            return _placed(leaning, chips, earlier, known)
    weighed = weigh(text)
    if weighed is None and (default := _by_marks(slots)) is not None:
        reading = replace(reading, intent=intent_of(default))
    elif weighed is not None:
        reading = replace(reading, intent=weighed.intent)
    elif _WHY.match(text) and chips.has_place:
        reading = replace(reading, intent=intent_of("trouble"))
    return _placed(_filled(reading, chips, earlier), chips, earlier, known)


def _leaning(reading: Reading, chips: Slots, earlier: Reading) -> Reading | None:
    """A follow-up with what it takes from the question before; None for a question that stands by itself."""
    text = reading.text
    if _WHY.match(text):
        intent = intent_of("trouble") if earlier.intent is None else _why_of(earlier.intent)
        slots = _kept(reading.slots, chips, earlier.slots)
        return replace(reading, intent=intent, slots=slots, is_follow_up=True, is_why=True)
    if _WHEN.match(text) or (_MORE.match(text) and not reading.slots.has_place):
        return replace(
            reading, intent=earlier.intent, slots=_kept(reading.slots, chips, earlier.slots), is_follow_up=True
        )
    begun = _AND.sub("", text, count=1)
    is_short = bool(_ONLY_MARKS.match(begun)) if begun else False
    if not is_short or earlier.intent is None:
        return None
    weighed = weigh(text)
    if begun == text and weighed is not None and (weighed.weight >= _STANDS or not reading.slots.has_place):
        return None
    intent = _fitting(earlier.intent, reading.slots)
    return replace(reading, intent=intent, slots=_kept(reading.slots, Slots(), earlier.slots), is_follow_up=True)


def _why_of(before: Intent) -> Intent:
    """What `why?` asks, after a question."""
    same = {"why_pending", "why_slow", "job_failed", "node", "vllm"}
    return (
        before
        if before.key in same
        else intent_of({"job": "why_slow", "jobs": "why_pending"}.get(before.key, "trouble"))
    )


def _fitting(before: Intent, slots: Slots) -> Intent:
    """The same question of something else, or what is always asked of such a thing."""
    kind = _kind(slots)
    if slots.quantity is not None and before.key not in ("value", "history", "top"):
        return intent_of("history" if slots.span is not None else "value")
    if slots.span is not None and before.key == "value":
        return intent_of("history")
    if kind is None or kind in before.about:
        return before
    if kind == "gpu" and "node" in before.about:
        return before
    found = _by_marks(slots)
    return intent_of(found) if found is not None else before


def _kind(slots: Slots) -> str | None:
    for kind, has in (
        ("gpu", slots.gpus or slots.indices), ("job", slots.jobs), ("node", slots.nodes), ("user", slots.users),
        ("service", slots.service), ("partition", slots.partitions),
    ):  # fmt: skip
        if has:
            return kind
    return None


def _by_marks(slots: Slots) -> str | None:
    """What is asked where only a name is given."""
    found = {"gpu": "gpu", "job": "job", "node": "node", "user": "usage", "service": "vllm", "partition": "slurm"}
    if slots.incident:
        return "trouble"
    if slots.rule:
        return "alerts"
    if slots.xids:
        return "term"
    kind = _kind(slots)
    return found[kind] if kind is not None else ("value" if slots.quantity else "happened" if slots.span else None)


def _kept(slots: Slots, chips: Slots, before: Slots) -> Slots:
    """Slots with the places, time and quantity that are not said anew."""
    lean = before if not chips.has_place else chips
    merged = slots if slots.has_place else _with_places(slots, lean)
    return replace(
        merged,
        span=slots.span or before.span,
        quantity=slots.quantity or before.quantity,
        count=slots.count if slots.count is not None else before.count,
        model=slots.model or before.model,
        xids=slots.xids or before.xids,
    )


def _with_places(slots: Slots, lean: Slots) -> Slots:
    return replace(
        slots, gpus=lean.gpus, nodes=lean.nodes, jobs=lean.jobs, users=lean.users, service=lean.service,
        partitions=lean.partitions, rule=lean.rule, incident=lean.incident, indices=lean.indices, unknown=lean.unknown,
    )  # fmt: skip


def _filled(reading: Reading, chips: Slots, earlier: Reading | None) -> Reading:
    """What is before the person, or was asked about, where the question names nothing itself."""
    slots, intent = reading.slots, reading.intent
    if chips.span is not None and slots.span is None and intent is not None and intent.key in ("happened", "history"):
        slots = replace(slots, span=chips.span)
    if slots.has_place or intent is None:
        return replace(reading, slots=slots)
    points = bool(_PRONOUN.search(reading.text)) or bool(
        re.search(r"\b(?:the|this|that|my) (?:job|gpu|node|alert)\b", reading.text)
    )
    if chips.has_place and (intent.takes_chips or points):
        return replace(reading, slots=_with_places(slots, chips))
    if earlier is not None and points and intent.about:
        return replace(reading, slots=_with_places(slots, earlier.slots), is_follow_up=True)
    if earlier is not None and intent.about and _needs_place(intent):
        return replace(reading, slots=_with_places(slots, earlier.slots), is_follow_up=True)
    return replace(reading, slots=slots)


def _needs_place(intent: Intent) -> bool:
    return intent.key in {
        "why_pending", "why_slow", "job_failed", "job", "gpu", "node", "cancel", "hold", "release", "requeue", "drain",
        "undrain", "safe_drain", "logs", "fix",
    }  # fmt: skip


def _placed(reading: Reading, chips: Slots, earlier: Reading | None, known: Known) -> Reading:
    """GPUs that were named without their node get it: from the question, the selection, or what was asked before."""
    slots = reading.slots
    if not slots.indices:
        return reading
    node = _node_for(slots, chips, earlier, known)
    if node is None:
        return reading
    has = known.gpus.get(node, ())
    fit = tuple(f"{node}/{index}" for index in slots.indices if not has or index in has)
    missing = tuple(f"{node}/{index}" for index in slots.indices if has and index not in has)
    nodes = tuple(one for one in slots.nodes if one != node)
    return replace(
        reading,
        slots=replace(slots, gpus=(*slots.gpus, *fit), indices=(), nodes=nodes, unknown=(*slots.unknown, *missing)),
    )


def _node_for(slots: Slots, chips: Slots, earlier: Reading | None, known: Known) -> str | None:
    for some in (slots, chips, earlier.slots if earlier is not None else Slots()):
        if len(some.nodes) == 1:
            return some.nodes[0]
        if some.gpus:
            return some.gpus[0].rpartition("/")[0]
    return known.only_node
