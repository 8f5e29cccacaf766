"""One rule's alerts, moved by one evaluation, as Prometheus moves them. Pure; time is an argument.

Source: rules/alerting.go of prometheus v2.42 (`AlertingRule.Eval`). Told apart from it in one thing, and only where the
caller says what is unseen: an alert that fires over something that gives no value any more neither resolves nor claims
to be seen. It stays firing for its `keep_firing_for`, then becomes `no_data`, until a value says how it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.domain.alert import Alert, Labels, Rule, Transition, labels_of
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.engine.alerting.evaluate import EvaluationError, Vector

RESOLVED_KEPT_S = 900.0
"""A resolved alert is remembered for so long (Prometheus' `resolvedRetention`)."""
MOST_ALERTS = 9000
"""Label sets of one rule; more are a mistake in the rule, and none of them is told."""
FLAP_WINDOW_S = 3600.0
MOST_FIRED = 16

Alerts = Mapping[Labels, Alert]
Unseen = Callable[[Labels], bool]
"""Whether what a label set is about is known, but gives no value now."""


@frozen
class Moved:
    """A rule's alerts after an evaluation."""

    alerts: Alerts
    transitions: tuple[Transition, ...] = ()


def step(rule: Rule, alerts: Alerts, found: Vector, now: float, unseen: Unseen | None = None) -> Moved:
    """A rule's alerts after its expression was true of `found`.

    Without `unseen`, exactly Prometheus' meaning. Raises EvaluationError for too many label sets and for two that
    become one by the rule's own labels; the alerts are then as they were.
    """
    true = _with_rule_labels(rule, found)
    moved: dict[Labels, Alert] = {}
    changes: list[Transition] = []
    for labels, before in alerts.items():
        if labels not in true:
            after = _not_true(rule, before, now, is_unseen=unseen is not None and unseen(labels))
        elif before.state == "resolved":
            continue  # begins anew below
        else:
            after = _still_true(rule, before, true[labels], now)
        if after is not None:
            moved[labels] = after
            if after.state != before.state:
                changes.append(Transition(now, before.state, after))
    for labels, value in true.items():
        if labels not in moved:
            after = _begun(rule, labels, value, now, alerts.get(labels))
            moved[labels] = after
            changes.append(Transition(now, None if labels not in alerts else alerts[labels].state, after))
    return Moved(moved, tuple(changes))


def _with_rule_labels(rule: Rule, found: Vector) -> Vector:
    if len(found) > MOST_ALERTS:
        raise EvaluationError(
            f"it is true of {len(found):,} label sets; more than {MOST_ALERTS:,} are none of them told"
        )
    if not rule.labels:
        return found
    true: dict[Labels, float] = {}
    for labels, value in found.items():
        both = labels_of({**dict(labels), **dict(rule.labels)})
        if both in true:
            raise EvaluationError(f"two of its alerts have the same labels {dict(both)} once the rule's own are added")
        true[both] = value
    return true


def _begun(rule: Rule, labels: Labels, value: float, now: float, before: Alert | None) -> Alert:
    fired = before.fired if before is not None else ()
    alert = Alert(rule.name, rule.severity, labels, "pending", now, value, text_of(rule, labels, value), fired=fired)
    return _fired_if_due(rule, alert, now)


def _still_true(rule: Rule, alert: Alert, value: float, now: float) -> Alert:
    is_same = value == alert.value and alert.keep_since is None and alert.unseen_since is None
    if not is_same or alert.severity != rule.severity:
        state = "firing" if alert.state == "no_data" else alert.state
        alert = replace(
            alert,
            state=state,
            value=value,
            severity=rule.severity,
            text=text_of(rule, alert.labels, value),
            keep_since=None,
            unseen_since=None,
        )
    return _fired_if_due(rule, alert, now)


def _fired_if_due(rule: Rule, alert: Alert, now: float) -> Alert:
    if alert.state != "pending" or now - alert.active_at < rule.for_s:
        return alert
    lately = (*(at for at in alert.fired if now - at <= FLAP_WINDOW_S), now)
    return replace(alert, state="firing", fired_at=now, fired=lately[-MOST_FIRED:])


def _not_true(rule: Rule, alert: Alert, now: float, *, is_unseen: bool) -> Alert | None:
    """None: nothing is left of it."""
    if alert.state == "pending":
        return None
    if alert.state == "resolved":
        return alert if alert.resolved_at is None or now - alert.resolved_at <= RESOLVED_KEPT_S else None
    if is_unseen:
        since = alert.unseen_since if alert.unseen_since is not None else now
        state = alert.state if now - since < rule.keep_firing_for_s else "no_data"
        return (
            alert
            if since == alert.unseen_since and state == alert.state
            else replace(alert, state=state, unseen_since=since, value=None)
        )
    if rule.keep_firing_for_s > 0 and alert.state == "firing":
        since = alert.keep_since if alert.keep_since is not None else now
        if now - since < rule.keep_firing_for_s:
            return replace(alert, keep_since=since, unseen_since=None)
    return replace(alert, state="resolved", resolved_at=now, keep_since=None, unseen_since=None)


def text_of(rule: Rule, labels: Labels, value: float | None) -> str:
    """The rule's line for one alert, its places filled in; text from outside is cleaned."""
    line = rule.text or f"{rule.name}: {{where}} at {{value}}"
    for name, text in (*labels, ("where", where_of(labels)), ("value", number_text(value))):
        line = line.replace(f"{{{name}}}", clean(text, 120))
    return clean(line, 300)


def where_of(labels: Labels) -> str:
    """What an alert is about, in a word: `gpu-1/3`, `gpu-1`, `job 812`, else its labels."""
    known = dict(labels)
    if "node" in known and "gpu" in known:
        return f"{known['node']}/{known['gpu']}"
    for name, word in (("node", ""), ("job", "job "), ("service", ""), ("partition", "partition "), ("source", "")):
        if name in known:
            return f"{word}{known[name]}"
    return ", ".join(f"{name} {value}" for name, value in labels) or "the cluster"


def number_text(value: float | None) -> str:
    """A value for a person."""
    return "no value" if value is None else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
