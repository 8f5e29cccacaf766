"""A Prometheus server's own alerts, as alerts and events of ours. Pure.

They carry the label `prometheus` with the server's name, so that nobody takes them for alerts that this program has
evaluated; who is told of them is the server's business (its Alertmanager), never ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from app.domain.alert import Alert, AlertState, labels_of
from app.domain.naming import clean
from app.domain.series import FLEET, Event, Severity, Subject
from app.sources.prometheus import host_of
from app.transport.prometheus import FiringAlert
from app.transport.prometheus_answer import Row

MARK = "prometheus"
"""The label that says whose alert it is."""
MOST = 5000
STEP_S = 15.0
"""Between two looks at the past of alerts."""
_SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(("critical", "error", "page", "emergency", "high", "fatal"), "critical"),
    **dict.fromkeys(("info", "none", "informational", "low", "debug"), "info"),
}
_NODES = ("node", "Hostname", "hostname", "nodename", "kubernetes_node", "exported_node")
_GPUS = ("gpu", "gpu_index", "index", "GPU_ID", "gpu_id")


def alerts_of(found: Sequence[FiringAlert], server: str) -> tuple[Alert, ...]:
    """The alerts of a server that are pending or firing there."""
    return tuple(_alert(one, server) for one in found[:MOST] if one.state in ("pending", "firing"))


def _alert(one: FiringAlert, server: str) -> Alert:
    state: AlertState = "firing" if one.state == "firing" else "pending"
    subject = subject_of(one.labels)
    told = {**one.labels, MARK: server}
    if subject.node:
        told["node"] = subject.node
    if subject.index is not None:
        told["gpu"] = str(subject.index)
    severity = told.pop("severity", "")
    told.pop("alertstate", None)
    at = one.active_at or 0.0
    return Alert(
        rule=one.name,
        severity=severity_of(severity),
        labels=labels_of(told),
        state=state,
        active_at=at,
        value=one.value,
        text=_text(one, subject, server),
        fired_at=at if state == "firing" else None,
    )


def _text(one: FiringAlert, subject: Subject, server: str) -> str:
    """Whose alert it is, and what of whom."""
    place = f"{subject.node}/{subject.index}" if subject.index is not None else subject.node
    said = one.text or one.name
    return f"{server}: {said}" if not place or place in said else f"{server}: {place}: {said}"


def severity_of(text: str) -> Severity:
    """A server's word for how bad it is; everybody has words of their own."""
    return _SEVERITIES.get(text.lower(), "warning")


def subject_of(labels: Mapping[str, str]) -> Subject:
    """Whom an alert is about, as far as its labels tell."""
    node = next((labels[name] for name in _NODES if labels.get(name)), "") or host_of(labels.get("instance", "")) or ""
    index = next((labels[name] for name in _GPUS if labels.get(name, "").isdigit()), "")
    if node and index and len(index) < 5:
        return Subject("gpu", node, int(index))
    return Subject("node", node) if node else FLEET


def events_of(rows: Sequence[Row], start: float, end: float, step_s: float, server: str) -> list[Event]:
    """Alerts that began to fire and were over, out of the series `ALERTS`; oldest first."""
    found: list[Event] = []
    by_labels: dict[tuple[tuple[str, str], ...], list[float]] = defaultdict(list)
    for row in rows[:MOST]:
        labels = {clean(name, 120): clean(value, 300) for name, value in row.labels.items() if name != "__name__"}
        by_labels[tuple(sorted(labels.items()))].extend(row.times)
    for pairs, times in by_labels.items():
        labels = dict(pairs)
        name, severity = labels.get("alertname", "unnamed"), severity_of(labels.get("severity", ""))
        subject = subject_of(labels)
        for begin, stop in runs(sorted(times), step_s):
            if begin > start + step_s:
                found.append(Event(begin, "alert.firing", severity, subject, f"{name} fires ({server})"))
            if stop < end - 1.5 * step_s:
                found.append(Event(stop + step_s, "alert.resolved", "info", subject, f"{name} is over ({server})"))
    return sorted(found, key=lambda one: one.at)


def runs(times: Sequence[float], step_s: float) -> list[tuple[float, float]]:
    """Times in a row, as (first, last) of each run without a gap."""
    found: list[tuple[float, float]] = []
    for at in times:
        if found and at - found[-1][1] <= 1.5 * step_s:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found
