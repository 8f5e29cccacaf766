"""The diagnosis on the daemon's page of metrics: incidents, how fresh it is, and what could not be looked at. Pure.

Findings and costs are signals that rules may name, so they are on the page already; these are for dashboards alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.domain.alert import Labels, labels_of
from app.domain.diagnosis import GRAVITY, Diagnosis, Incident
from app.domain.frozen import frozen

Pairs = Iterator[tuple[Labels, float]]


@frozen
class Told:
    """One kind of series about the diagnosis."""

    key: str
    """As a metric's key: the page's name follows from it."""
    labels: tuple[str, ...]
    help: str
    read: Callable[[Diagnosis, float], Pairs]


def _age(diagnosis: Diagnosis, now: float) -> Pairs:
    yield (), max(0.0, now - diagnosis.at)


def _counts(diagnosis: Diagnosis, _now: float) -> Pairs:
    for severity in GRAVITY:
        yield labels_of({"severity": severity}), float(sum(one.severity == severity for one in diagnosis.incidents))


def _ages(diagnosis: Diagnosis, now: float) -> Pairs:
    for incident in diagnosis.incidents:
        yield _about(diagnosis, incident), max(0.0, now - incident.began)


def _costs(diagnosis: Diagnosis, _now: float) -> Pairs:
    for incident in diagnosis.incidents:
        cost = incident.affects.cost_per_hour
        if cost is not None:
            yield labels_of({"incident": incident.id, "severity": incident.severity}), cost


def _about(diagnosis: Diagnosis, incident: Incident) -> Labels:
    """Who it is and what its root says."""
    root = diagnosis.finding(incident.root)
    place = root.subject if root is not None else None
    return labels_of(
        {
            "incident": incident.id,
            "severity": incident.severity,
            "title": incident.title,
            "fault": root.fault if root is not None else "",
            "code": root.code if root is not None else "",
            "node": place.node if place is not None else "",
            "gpu": "" if place is None or place.gpu is None else str(place.gpu),
        }
    )


def _ended(diagnosis: Diagnosis, _now: float) -> Pairs:
    yield (), float(len(diagnosis.ended))


def _blind(diagnosis: Diagnosis, _now: float) -> Pairs:
    for what in sorted({one.what for one in diagnosis.blind}):
        yield labels_of({"what": what}), 1.0


# fmt: off
TOLD: tuple[Told, ...] = (
    Told("diagnosis.age", (), "Seconds since the diagnosis last looked.", _age),
    Told("diagnosis.blind", ("what",), "1 for each thing that could not be looked at.", _blind),
    Told("incidents", ("severity",), "Incidents there are now, by the gravest of their findings.", _counts),
    Told("incidents.ended", (), "Incidents of the last day that are over.", _ended),
    Told(
        "incident.age", ("incident", "severity", "title", "fault", "code", "node", "gpu"),
        "Seconds an incident has lasted, with what its root cause says.", _ages,
    ),
    Told("incident.cost_per_hour", ("incident", "severity"), "Price of the GPUs that an incident takes.", _costs),
)
# fmt: on
"""Every kind; the order is that of the page."""


def series(diagnosis: Diagnosis, now: float) -> Iterator[tuple[Told, dict[Labels, float]]]:
    """Each kind with its series; nothing before the first diagnosis."""
    if diagnosis.at <= 0:
        return
    for kind in TOLD:
        found = dict(kind.read(diagnosis, now))
        if found:
            yield kind, found
