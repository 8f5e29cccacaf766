"""What an Alertmanager is told: every alert that fires and is not muted, and every incident. Pure.

Alertmanager wants the whole again and again, as Prometheus sends it: an alert ends when it is said to, or by itself
when nobody has spoken of it until its `endsAt`. So nothing must be remembered here, and no kill can lose anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from app.domain.alert import Alert
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.notice import Notice
from app.engine.notifying.topics import Picture, World, picture

RESOLVED_FOR_S = 900.0
"""What is over is said for so long, as Prometheus does."""
LIVES_RESENDS = 4
"""An alert lives as long as so many times it is sent."""


@frozen
class Shown:
    """One alert of Alertmanager's."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: float
    ends_at: float
    is_over: bool = False

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """What Alertmanager knows it by."""
        return tuple(sorted(self.labels.items()))


def shown(world: World, now: float, resend_s: float) -> tuple[Shown, ...]:
    """Everything it should know of now."""
    seen = picture(world, now)
    return (*_alerts(world, seen, now, resend_s), *_incidents(world, seen, now, resend_s))


def _alerts(world: World, seen: Picture, now: float, resend_s: float) -> Iterator[Shown]:
    alerts = world.alerts
    for one in alerts.alerts if alerts is not None else ():
        if alerts is None or one.id in alerts.muted or one.fired_at is None:
            continue
        over_at = one.resolved_at if one.state == "resolved" else None
        if over_at is not None and now - over_at > RESOLVED_FOR_S:
            continue
        ends_at = over_at if over_at is not None else now + LIVES_RESENDS * resend_s
        told = _told(one, seen.joined.get(one.id, ""))
        yield Shown(_labels(one, world.cluster), told, one.fired_at, ends_at, over_at is not None)


def _incidents(world: World, seen: Picture, now: float, resend_s: float) -> Iterator[Shown]:
    for topic in seen.incidents:
        if not topic.is_muted:
            notice = topic.notice
            yield Shown(
                _incident_labels(notice, world.cluster),
                _explained(notice),
                notice.began,
                now + LIVES_RESENDS * resend_s,
            )


def gone(before: Iterable[Shown], after: Iterable[Shown], now: float) -> tuple[Shown, ...]:
    """What was shown and is no more, ended now."""
    living = {one.key for one in after}
    return tuple(
        Shown(one.labels, one.annotations, one.starts_at, now if not one.is_over else one.ends_at, is_over=True)
        for one in before
        if one.key not in living
    )


def payload(some: Iterable[Shown]) -> list[dict[str, Any]]:
    """The body of `POST /api/v2/alerts`."""
    return [
        {
            "labels": one.labels,
            "annotations": one.annotations,
            "startsAt": _rfc3339(one.starts_at),
            "endsAt": _rfc3339(one.ends_at),
        }
        for one in some
    ]


def _labels(one: Alert, cluster: str) -> dict[str, str]:
    labels = {name: clean(value, 500) for name, value in one.labels}
    return _named({**labels, "alertname": one.rule, "severity": one.severity, "cluster": cluster})


def _told(one: Alert, incident: str) -> dict[str, str]:
    """No label: an alert that turns out to be an incident's must not become another alert."""
    return _named({"summary": one.text or one.rule, "id": one.id, "incident": incident.removeprefix("incident:")})


def _incident_labels(notice: Notice, cluster: str) -> dict[str, str]:
    """An incident that gets worse is another alert there: the one before is ended by `gone`."""
    labels = {name: value for name, value in notice.labels if name != "alertname"}
    return _named({**labels, "alertname": "Incident", "cluster": cluster})


def _explained(notice: Notice) -> dict[str, str]:
    action = next((f"{one.text}{f': {one.command}' if one.command else ''}" for one in notice.actions), "")
    said = {
        "summary": notice.title,
        "description": notice.root,
        "action": action,
        "jobs": ", ".join(notice.affects.jobs),
        "users": ", ".join(notice.users),
        "gpus": str(notice.affects.gpus or ""),
        "cost_per_hour": "" if notice.affects.cost_per_hour is None else f"{notice.affects.cost_per_hour:.2f}",
    }
    return {name: clean(value, 1000) for name, value in said.items() if value}


def _named(labels: dict[str, str]) -> dict[str, str]:
    """Without empty labels, which are none."""
    return {name: value for name, value in labels.items() if value}


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
