"""Marks what a question is about: each found piece is kept as a slot, and a mark stands in its place.

`why is job 812 on gpu-02/3 slow since 14:00` → `why is <JOB> on <GPU> slow <TIME>`: intents read the marked text. Pure.
"""
# ruff: noqa: E501 - a pattern reads best on one line

from __future__ import annotations

import re

from app.agent.analyst.known import Known
from app.agent.analyst.moments import Clock, find_length, find_span
from app.agent.analyst.places import find_people_and_jobs, find_places
from app.agent.analyst.quantities import find_quantity
from app.agent.analyst.slots import Marking, Slots
from app.domain.naming import clean

_NUMBER_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10,
                 "sixteen": 16}  # fmt: skip
_COUNT = r"(\d{1,5}|" + "|".join(_NUMBER_WORDS) + ")"


_WHY = re.compile(r"\s(?:because(?: of)?|since it|as it|reason(?: is)?|due to)\s+(.{3,200})$", re.IGNORECASE)
_WISH = re.compile(
    r"^\s*(?:cancel|kill|stop|hold|release|requeue|restart|drain|cordon|undrain|resume|take|put|get|pull|silence|mute|ack\w*|"
    r"i (?:want|would like) to)\b"
)
_XID = re.compile(r"\bs?xids?\s*(?:errors?\s*|codes?\s*|no\s*)?#?(\d{1,3})\b")
_INCIDENT = re.compile(r"(?:\bincident\s+#?(i?-?\d{1,6})\b|\b(i-\d{1,6})\b)")
_MODEL = re.compile(
    r"(?<![\w/.-])(?:(\d{1,4})\s?x\s?)?((?:nvidia[ -]|rtx[ -])?(?:gb?[hb]?200|[ablhv]\d{1,3}s?|t4|p100|mi\d{3}x?|rtx\d{4}))s?\b"
)
_TOP = re.compile(
    rf"\b(?:top|first)\s+{_COUNT}\b|\b{_COUNT}\s+(?=(?:most|least|hottest|busiest|idlest|biggest|worst|longest|largest|slowest|newest|oldest|coolest))"
)
_GPUS = re.compile(
    rf"\b{_COUNT}\s?(?:x\s)?(?:more |free |idle )?(?:<MODEL> ?)?(?:gpus?|cards?)\b(?!\s*#?\d)|\b{_COUNT}\s(?=<MODEL>)"
)
_NODES = re.compile(
    rf"\b{_COUNT}\s?(?:x\s)?(?:free |idle |whole |full )?(?:<MODEL> )?(?:nodes?|machines?|hosts?)\b(?!\s*#?\d)"
)


def find_slots(text: str, known: Known, clock: Clock) -> tuple[Slots, str]:
    """What a plain text is about, and the text with marks."""
    marking = Marking(f" {text} ", known)
    _reason(marking)
    for found in marking.take(_XID, "<XID>"):
        marking.note(xids=(*marking.slots.xids, int(found.group(1))))
    for found in marking.take(_INCIDENT, "<INCIDENT>"):
        number = re.sub(r"\D", "", found.group())
        marking.note(incident=f"i-{number}")
    find_places(marking)
    find_people_and_jobs(marking)
    _times(marking, clock)
    _counts(marking)
    quantity, marking.text = find_quantity(marking.text)
    marking.note(quantity=quantity)
    return marking.slots, re.sub(r"\s+", " ", marking.text).strip()


def _reason(marking: Marking) -> None:
    """Why something is wished for; a question about reasons is none."""
    found = _WHY.search(marking.text)
    if found is not None and _WISH.match(marking.text):
        marking.note(why=found.group(1).strip())
        marking.text = f"{marking.text[: found.start()]} <WHY> "


def said_why(question: str) -> str:
    """The reason in the person's own words, slips and all; empty where there is none."""
    found = _WHY.search(f" {clean(question, 1000)}")
    return found.group(1).strip().rstrip(".!") if found is not None else ""


def _times(marking: Marking, clock: Clock) -> None:
    length, marking.text = find_length(marking.text)
    span, marking.text = find_span(marking.text, clock)
    marking.note(span=span, length_s=length)


def _counts(marking: Marking) -> None:
    for found in marking.take(_MODEL, "<MODEL>"):
        marking.note(model=found.group(2).removeprefix("nvidia").strip(" -"))
        if found.group(1):
            marking.note(count=int(found.group(1)))
    for found in marking.take(_TOP, "<TOP> "):
        marking.note(count=_number(found.group(1) or found.group(2)))
    for found in marking.take(_NODES, "<COUNT> nodes"):
        marking.note(node_count=_number(found.group(1)))
    for found in marking.take(_GPUS, "<COUNT> gpus"):
        marking.note(count=_number(found.group(1) or found.group(2)))


def _number(said: str) -> int:
    return int(said) if said.isdigit() else _NUMBER_WORDS[said]
