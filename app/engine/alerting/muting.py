"""Which alerts are not to be told, and why: silences, inhibition, maintenance, flapping. Pure.

Muted alerts keep their states and clocks; only nobody is woken by them. As in Alertmanager: an alert that is source and
target of one inhibition does not mute itself or its like, and only alerts that fire mute others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.domain.alert import Alert, Inhibition, Labels, Silence, fits, label, labels_of

FLAPS = 4
"""Times an alert may begin to fire within an hour; from this one on it is told no more until it has settled."""
FLAP_WINDOW_S = 3600.0
GROUP_BY = ("node", "service", "partition", "source")
"""Alerts about one thing are one message: the first of these labels that an alert has."""


def matched_labels(alert: Alert) -> Labels:
    """What matchers see: the alert's labels, its rule as `alertname`, its `severity`."""
    return labels_of({**dict(alert.labels), "alertname": alert.rule, "severity": alert.severity})


def muted(
    alerts: Sequence[Alert],
    silences: Iterable[Silence],
    inhibitions: Sequence[Inhibition],
    maintained: Mapping[str, str],
    now: float,
) -> Mapping[str, tuple[str, ...]]:
    """Alert's id → why it is not told, for each that is not."""
    active = [alert for alert in alerts if alert.state != "resolved"]
    seen = {alert.id: matched_labels(alert) for alert in active}
    holding = [one for one in silences if one.is_active(now)]
    sources = _sources(active, inhibitions, seen)
    found: dict[str, tuple[str, ...]] = {}
    for alert in active:
        why = [f"silence {one.id}" for one in holding if fits(one.matchers, seen[alert.id])]
        why += _inhibited(alert, inhibitions, seen[alert.id], sources)
        if (node := label(alert.labels, "node")) in maintained and alert.severity != "critical":
            why.append(f"{node} is in maintenance ({maintained[node]})")
        if is_flapping(alert, now):
            why.append(f"flapping: it fired {len(alert.fired)} times within an hour")
        if why:
            found[alert.id] = tuple(why)
    return found


def is_flapping(alert: Alert, now: float) -> bool:
    """Whether it comes and goes too often to be told each time."""
    return sum(now - at <= FLAP_WINDOW_S for at in alert.fired) >= FLAPS


Sources = Mapping[str, Mapping[Labels, tuple[Alert, ...]]]


def _sources(active: Sequence[Alert], inhibitions: Sequence[Inhibition], seen: Mapping[str, Labels]) -> Sources:
    """Inhibition's name → labels that must be equal → alerts that mute."""
    found: dict[str, dict[Labels, tuple[Alert, ...]]] = {one.name: {} for one in inhibitions}
    for alert in active:
        if not alert.is_active:
            continue
        for one in inhibitions:
            if fits(one.source, seen[alert.id]):
                key = _equal(one, seen[alert.id])
                found[one.name][key] = (*found[one.name].get(key, ()), alert)
    return found


def _equal(one: Inhibition, labels: Labels) -> Labels:
    return tuple((name, label(labels, name)) for name in one.equal)


def _inhibited(alert: Alert, inhibitions: Sequence[Inhibition], labels: Labels, sources: Sources) -> list[str]:
    found = []
    for one in inhibitions:
        by = sources[one.name].get(_equal(one, labels), ())
        if not by or not fits(one.target, labels):
            continue
        is_source_too = fits(one.source, labels)
        others = [other for other in by if other.id != alert.id and not (is_source_too and _is_target(one, other))]
        if others:
            found.append(f"{others[0].rule} ({others[0].id}) says it already")
    return found


def _is_target(one: Inhibition, other: Alert) -> bool:
    return fits(one.target, matched_labels(other))


def groups(alerts: Iterable[Alert], by: Sequence[str] = GROUP_BY) -> Mapping[Labels, tuple[Alert, ...]]:
    """Alerts that belong into one message: by the first of these labels they have, else by their rule."""
    found: dict[Labels, list[Alert]] = {}
    for alert in alerts:
        values = dict(alert.labels)
        name = next((one for one in by if one in values), None)
        key = labels_of({"alertname": alert.rule} if name is None else {name: values[name]})
        found.setdefault(key, []).append(alert)
    return {key: tuple(some) for key, some in found.items()}
