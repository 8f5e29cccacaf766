"""Answers about alerts and rules, as `status`, `alerts` and the API give them in JSON and every other face repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from app.domain.alert import SEVERITIES, Ack, Alert, Comparison, Rule, Silence, label, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.snapshot import Snapshot
from app.engine.alerting.muting import is_flapping

SCHEMA = 1


def alerts(now: AlertsNow, at: float, snapshot: Snapshot | None = None) -> list[dict[str, Any]] | None:
    """Every alert, the worst first; None when nobody has evaluated lately."""
    if not now.is_current(at):
        return None
    acks = {one.alert: one for one in now.acks}
    order = {"critical": 0, "warning": 1, "info": 2}
    states = {"firing": 0, "no_data": 0, "pending": 1, "resolved": 2}
    some = sorted(now.alerts, key=lambda one: (states[one.state], order[one.severity], one.since, one.id))
    return [alert_status(one, now.muted.get(one.id, ()), acks.get(one.id), at, snapshot) for one in some]


def firing(now: AlertsNow, at: float) -> int | None:
    """How many fire and are told; None when nobody has evaluated lately."""
    if not now.is_current(at):
        return None
    return sum(one.is_active and one.id not in now.muted for one in now.alerts)


def alert_status(
    one: Alert, muted: tuple[str, ...], ack: Ack | None, at: float, snapshot: Snapshot | None = None
) -> dict[str, Any]:
    """One alert. One without data still stands as firing, and says so."""
    gpu = label(one.labels, "gpu")
    node = label(one.labels, "node")
    index = int(gpu) if gpu.isdigit() else None
    found = snapshot.gpu(node, index) if snapshot is not None and index is not None else None
    return {
        "id": one.id,
        "rule": one.rule,
        "severity": one.severity,
        "state": "firing" if one.state == "no_data" else one.state,
        "no_data": one.state == "no_data",
        "subject": {
            "node": node,
            "gpu": index,
            "uuid": found.uuid if found is not None else None,
            "job": label(one.labels, "job") or None,
            "service": label(one.labels, "service") or None,
        },
        "since": round(one.since, 3),
        "active_at": round(one.active_at, 3),
        "value": _number(one.value),
        "text": one.text,
        "labels": dict(one.labels),
        "muted": list(muted),
        "flapping": is_flapping(one, at),
        "ack": None if ack is None else {"at": ack.at, "by": ack.by, "note": ack.note},
    }


def answer(now: AlertsNow, at: float, snapshot: Snapshot | None = None) -> dict[str, Any]:
    """What `alerts list --json` prints."""
    return {
        "schema": SCHEMA,
        "at": round(at, 3),
        "alerts": alerts(now, at, snapshot),
        "silences": [silence_status(one) for one in now.silences if one.ends_at > at],
        "troubles": dict(now.troubles),
    }


def silence_status(one: Silence) -> dict[str, Any]:
    """One silence."""
    return {
        "id": one.id,
        "matchers": [str(matcher) for matcher in one.matchers],
        "starts_at": round(one.starts_at, 3),
        "ends_at": round(one.ends_at, 3),
        "by": one.by,
        "comment": one.comment,
    }


def rule_status(rule: Rule) -> dict[str, Any]:
    """One rule; in the simple form where it was written so."""
    simple: dict[str, Any] = {}
    if rule.comparison is not None:
        simple[rule.comparison] = True if rule.comparison == "absent" else rule.threshold
    return {
        "name": rule.name,
        "metric": rule.metric,
        **simple,
        "expr": rule.expr,
        "for_s": rule.for_s,
        "keep_firing_for_s": rule.keep_firing_for_s,
        "severity": rule.severity,
        "text": rule.text,
        "labels": dict(rule.labels),
        "enabled": rule.enabled,
        "source": rule.source,
        "origin": rule.origin,
    }


def rule_of(status: Mapping[str, Any]) -> Rule:
    """The rule that `rule_status` tells of. Raises KeyError, TypeError or ValueError for what is none."""
    comparison: Comparison | None = next((one for one in get_args(Comparison) if one in status), None)
    threshold = None if comparison in (None, "absent") else float(status[comparison])
    severity = status["severity"]
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity!r}")
    metric = status.get("metric")
    return Rule(
        name=str(status["name"]),
        expr=str(status["expr"]),
        severity=severity,
        for_s=float(status["for_s"]),
        keep_firing_for_s=float(status["keep_firing_for_s"]),
        text=str(status["text"]),
        labels=labels_of({str(name): str(value) for name, value in dict(status["labels"]).items()}),
        metric=None if metric is None else str(metric),
        comparison=comparison,
        threshold=threshold,
        source=str(status["source"]),
        origin=str(status["origin"]),
        enabled=status["enabled"] is True,
    )


def rules_answer(rules: Iterable[Rule], problems: Iterable[object] = ()) -> dict[str, Any]:
    """What `alerts rules list --json` prints."""
    return {"schema": SCHEMA, "rules": [rule_status(one) for one in rules], "problems": [str(one) for one in problems]}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
