"""What every line about alerts needs: state, sign, whom it is about, why nobody is told. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from app.domain.alert import Ack, Alert, AlertState, Labels, label
from app.domain.alerts_now import AlertsNow
from app.present.cells import Cell, Line, Tone, line, tidy, wrap
from app.present.incident_signs import TONES
from app.present.look import Look
from app.present.units import MISSING, format_age

STATES: Mapping[AlertState, str] = {
    "firing": "firing",
    "no_data": "no data",
    "pending": "pending",
    "resolved": "over",
}
_WHY = (
    (re.compile(r"silence \S+"), "silenced"),
    (re.compile(r".+ says it already"), "inhibited"),
    (re.compile(r".+ is in maintenance .*"), "maintenance"),
    (re.compile(r"flapping.*"), "flapping"),
)
"""Reasons as the engine words them, each in a word."""
_LABEL = 10
_PLACES = (("node", ""), ("job", "job "), ("service", ""), ("partition", "partition "), ("source", ""))


def about(labels: Labels) -> str:
    """Whom an alert is about, in a word: `gpu-1/3`, `gpu-1`, `job 812`; its labels where it names nothing of these."""
    node, gpu = label(labels, "node"), label(labels, "gpu")
    if node and gpu:
        return tidy(f"{node}/{gpu}", 80)
    for name, word in _PLACES:
        if label(labels, name):
            return tidy(f"{word}{label(labels, name)}", 80)
    return tidy(", ".join(f"{name} {value}" for name, value in labels), 80) or "the cluster"


def ack_of(one: Alert, now: AlertsNow) -> Ack | None:
    """Who has taken it on."""
    return next((ack for ack in now.acks if ack.alert == one.id), None)


def why_quiet(one: Alert, now: AlertsNow, acks: Mapping[str, Ack]) -> tuple[str, ...]:
    """Why nobody is told of an alert, each reason in a word; empty: somebody is."""
    words = ["acknowledged"] if one.id in acks else []
    words += [_in_a_word(text) for text in now.muted.get(one.id, ())]
    return tuple(dict.fromkeys(words))


def _in_a_word(why: str) -> str:
    return next((word for pattern, word in _WHY if pattern.fullmatch(why)), tidy(why, 40))


def sign(one: Alert, look: Look, *, is_quiet: bool) -> Cell:
    """How grave it is; in colour only where it fires and somebody is told."""
    glyphs = look.glyphs
    if one.state == "resolved":
        return Cell(glyphs.dot, "old")
    signs = {"critical": glyphs.critical, "warning": glyphs.warning, "info": glyphs.info}
    tone: Tone = "quiet" if is_quiet or one.state == "pending" else TONES[one.severity]
    return Cell(signs[one.severity], tone)


def tone_of(one: Alert, *, is_quiet: bool) -> Tone:
    """The tone of its words."""
    if one.state == "resolved":
        return "old"
    return "quiet" if is_quiet or one.state == "pending" else "plain"


def figure(value: float | None, unit: str = "") -> str:
    """A value in its rule's unit: `91 °C`, `41 min`; without one `97.3`, `1,024`, `—`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if unit == "s":
        return format_age(value)
    number = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.2e}"
    return f"{number} {unit}".rstrip()


def labelled(label: str, text: str, width: int, tone: Tone) -> Sequence[Line]:
    """A label at the left of the first line, the text beside it on as many as it takes."""
    parts = wrap(tidy(text, 2000), max(8, width - _LABEL - 1))
    return [
        line(Cell((label if not at else "").ljust(_LABEL), "head"), " ", Cell(part, tone))
        for at, part in enumerate(parts)
    ]
