"""Alerts as values: rules, what they found, and what keeps an alert from being told. Frozen; the engine moves them.

A label set is the identity of an alert: it never holds a changing value. What an expression means is the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from app.domain.frozen import frozen
from app.domain.series import Severity

AlertState = Literal["pending", "firing", "no_data", "resolved"]
"""`no_data`: it was firing, and what it watches gives no value any more; it is neither over nor seen."""
Comparison = Literal["above", "below", "equals", "absent"]
Labels = tuple[tuple[str, str], ...]
"""Names and values in the order of the names."""
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


def labels_of(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """A label set; a label without a value is none."""
    found = dict(pairs)
    return tuple(sorted((name, value) for name, value in found.items() if value))


def label(labels: Labels, name: str) -> str:
    """The value of a label; empty where there is none."""
    return next((value for key, value in labels if key == name), "")


@frozen
class Matcher:
    """One condition on a label."""

    name: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str

    def matches(self, text: str) -> bool:
        """Whether a label's value fits; a pattern must fit all of it."""
        if self.op == "=":
            return text == self.value
        if self.op == "!=":
            return text != self.value
        return (_pattern(self.value).fullmatch(text) is not None) is (self.op == "=~")

    def __str__(self) -> str:
        """As PromQL writes it."""
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{value}"'


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def fits(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether a label set meets every condition."""
    values = dict(labels)
    return all(one.matches(values.get(one.name, "")) for one in matchers)


@frozen
class Rule:
    """What is to be alarmed about."""

    name: str
    expr: str
    """The condition, in the alert language: PromQL's words over the catalogue's keys."""
    severity: Severity = "warning"
    for_s: float = 0.0
    """It must hold so long before it fires."""
    keep_firing_for_s: float = 0.0
    """It goes on firing so long after it is over."""
    text: str = ""
    """One line for a person; `{value}` and names of labels in braces are filled in."""
    labels: Labels = ()
    """Labels added to every alert."""
    metric: str | None = None
    """The simple form, where the rule was written in it: a metric, how it is compared, and with what."""
    comparison: Comparison | None = None
    threshold: float | None = None
    source: str = ""
    """Where the rule comes from: a document, or whose practice it is."""
    origin: str = ""
    """File and line it was read from; `built in` for ours."""
    enabled: bool = True


@frozen
class Alert:
    """One alert of one rule: a label set for which its condition holds, or did until lately."""

    rule: str
    severity: Severity
    labels: Labels
    """Without the rule's name."""
    state: AlertState
    active_at: float
    """Epoch seconds since when the condition holds, as the rule's clock counts."""
    value: float | None = None
    text: str = ""
    fired_at: float | None = None
    keep_since: float | None = None
    """Since when it fires only because the rule keeps it firing."""
    resolved_at: float | None = None
    unseen_since: float | None = None
    """Since when no value is seen."""
    fired: tuple[float, ...] = ()
    """When it began to fire, the latest times: what flapping is judged by."""

    @property
    def id(self) -> str:
        """Short and stable: the same rule and label set have the same id, at every start."""
        return alert_id(self.rule, self.labels)

    @property
    def is_active(self) -> bool:
        """It fires, seen or not."""
        return self.state in ("firing", "no_data")

    @property
    def since(self) -> float:
        """Epoch seconds since when it is in its state."""
        if self.state == "resolved" and self.resolved_at is not None:
            return self.resolved_at
        return self.active_at if self.fired_at is None else self.fired_at


@lru_cache(maxsize=65536)
def alert_id(rule: str, labels: Labels) -> str:
    """The id of a rule's alert with a label set."""
    text = "\0".join((rule, *(f"{name}\1{value}" for name, value in labels)))
    return f"a-{blake2b(text.encode('utf-8', 'replace'), digest_size=5).hexdigest()}"


@frozen
class Transition:
    """An alert that went from one state into another."""

    at: float
    before: AlertState | None
    """None: it is new."""
    alert: Alert


@frozen
class Silence:
    """Alerts that are not to be told for a while, by their labels (`alertname` and `severity` among them)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    by: str = ""
    comment: str = ""

    def is_active(self, now: float) -> bool:
        """Whether it holds at a time."""
        return self.starts_at <= now < self.ends_at


@frozen
class Ack:
    """Somebody has taken an alert on. It ends when the alert is over."""

    alert: str
    """Id of the alert."""
    at: float
    by: str = ""
    note: str = ""


@frozen
class Inhibition:
    """Alerts that say nothing new while another one fires."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]
    """Labels that must be the same in both."""
    why: str = ""
