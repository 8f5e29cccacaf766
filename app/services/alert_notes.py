"""What alerting writes down, as notes of the store: state, and what people made and said. Both directions pure.

Each note stands alone: one that cannot be read costs itself, not the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from hashlib import blake2b
from typing import Any, TypeVar

from app.domain.alert import Ack, Alert, Labels, Matcher, Silence
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.codec import decode, encode
from app.domain.frozen import frozen
from app.engine.alerting.round import AlertingState
from app.engine.alerting.rule_table import RuleError, rule_from
from app.engine.alerting.rulebook import Problem, RuleBook

PREFIX = "alerting."
AT, ALERTS, ACKS, SILENCES, RULES = (f"{PREFIX}{name}" for name in ("at", "alerts", "acks", "silences", "rules"))
MADE_HERE = "made here"
"""Origin of rules that were made or changed through the API."""
_CONDITIONS = ("expr", "above", "below", "equals", "absent")
T = TypeVar("T")


@frozen
class Kept:
    """What notes held."""

    at: float = 0.0
    """Epoch seconds of the last evaluation."""
    alerts: tuple[Alert, ...] = ()
    acks: tuple[Ack, ...] = ()
    silences: tuple[Silence, ...] = ()
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    now: AlertsNow | None = None
    """As it was told."""


def clocks(state: AlertingState) -> Mapping[tuple[str, Labels], tuple[object, ...]]:
    """All of an alert that a kill must not lose."""
    return {
        (one.rule, one.labels): (
            one.state,
            one.active_at,
            one.fired_at,
            one.keep_since,
            one.unseen_since,
            one.resolved_at,
        )
        for one in state.all()
    }


def is_timed(state: AlertingState) -> bool:
    """Whether a clock runs that stands still while nobody evaluates."""
    return any(one.state == "pending" or one.keep_since is not None for one in state.all())


def pack(now: AlertsNow) -> dict[str, str | None]:
    """The alerts as notes."""
    return {ALERTS: _dump(encode(now))}


def pack_wishes(
    rules: Mapping[str, Mapping[str, Any]], silences: Iterable[Silence], acks: Iterable[Ack]
) -> dict[str, str | None]:
    """What people made and said as notes."""
    return {
        RULES: _dump(rules),
        SILENCES: _dump([encode(one) for one in silences]),
        ACKS: _dump([encode(one) for one in acks]),
    }


def read(notes: Mapping[str, str]) -> Kept:
    """What notes hold; what cannot be read is left out."""
    now = next(_values(AlertsNow, f"[{notes[ALERTS]}]"), None) if ALERTS in notes else None
    try:
        at = float(notes.get(AT, 0.0))
        rules = json.loads(notes.get(RULES, "{}"))
    except ValueError:
        at, rules = now.at if now is not None else 0.0, {}
    return Kept(
        at,
        now.alerts if now is not None else (),
        tuple(_values(Ack, notes.get(ACKS, "[]"))),
        tuple(_values(Silence, notes.get(SILENCES, "[]"))),
        {name: table for name, table in rules.items() if isinstance(table, dict)} if isinstance(rules, dict) else {},
        now,
    )


def current(notes: Mapping[str, str]) -> AlertsNow:
    """What another process told last, at the time of its last evaluation."""
    kept = read(notes)
    if kept.now is None:
        return NO_ALERTS
    return replace(kept.now, at=max(kept.at, kept.now.at), acks=kept.acks, silences=kept.silences)


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule's table with changes; a new condition takes the place of the old one, null takes a key back."""
    kept = dict(before)
    if any(key in changes for key in _CONDITIONS):
        kept = {key: value for key, value in kept.items() if key not in _CONDITIONS}
        if "expr" in changes:
            kept.pop("metric", None)
            kept.pop("where", None)
    kept |= changes
    return {key: value for key, value in kept.items() if value is not None}


def with_own(book: RuleBook, own: Mapping[str, Mapping[str, Any]]) -> RuleBook:
    """The rules of files with those that were made or changed through the API."""
    rules, problems = dict(book.rules), list(book.problems)
    for name, table in own.items():
        try:
            rules[name] = rule_from(name, table, rules.get(name), MADE_HERE)
        except RuleError as error:
            problems.append(Problem(f"rule {name}", 0, str(error)))
    return replace(book, rules=rules, problems=tuple(problems))


def silence_id(matchers: tuple[Matcher, ...], now: float) -> str:
    """A short id for a new silence."""
    return f"s-{blake2b(f'{matchers}{now!r}'.encode(), digest_size=4).hexdigest()}"


def _values(kind: type[T], text: str) -> Iterator[T]:
    try:
        raw = json.loads(text)
    except ValueError:
        return
    for one in raw if isinstance(raw, list) else ():
        try:
            yield decode(kind, one)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            continue


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
