"""Which incident an alert belongs to. Pure.

It does when it is about what one of its findings is about, what holds that (a GPU's node), or a job that it hits. It
stays with an incident that is over for a while: a rule may keep it firing longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.alert import Alert
from app.domain.diagnosis import Diagnosis, Incident
from app.domain.finding import Finding

STAYS_S = 3600.0
"""An alert that fired before its incident ended is still that incident's for so long."""


class Places:
    """Which incident a place belongs to."""

    def __init__(self, diagnosis: Diagnosis, known: Mapping[str, Finding], now: float) -> None:
        self._found: dict[tuple[str, ...], Incident] = {}
        late = [one for one in diagnosis.ended if one.ended is not None and now - one.ended <= STAYS_S]
        for incident in (*diagnosis.incidents, *late):
            for key in incident.findings:
                if (finding := known.get(key)) is not None:
                    for place in _places(finding):
                        self._found.setdefault(place, incident)
            for job in incident.affects.jobs:
                self._found.setdefault(("hits", job), incident)

    def of(self, alert: Alert) -> tuple[Incident | None, bool]:
        """The incident that an alert belongs to, and whether it is about what one of its findings is about."""
        if not self._found:
            return None, False
        for place, is_exact in _wanted(dict(alert.labels)):
            incident = self._found.get(place)
            if incident is None:
                continue
            if incident.ended is not None and (alert.fired_at or alert.active_at) > incident.ended:
                continue
            return incident, is_exact
        return None, False


def _places(finding: Finding) -> Iterator[tuple[str, ...]]:
    subject = finding.subject
    if subject.node and subject.gpu is not None:
        yield ("gpu", subject.node, str(subject.gpu))
        yield ("on", subject.node)
    elif subject.node:
        yield ("node", subject.node)
    if subject.job:
        yield ("job", subject.job)
    if subject.service:
        yield ("service", subject.service)


def _wanted(labels: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Where to look, the closest first, and whether that is the same thing."""
    node, gpu = labels.get("node", ""), labels.get("gpu", "")
    job, service = labels.get("job", ""), labels.get("service", "")
    if node and gpu:
        yield ("gpu", node, gpu), True
    if service:
        yield ("service", service), True
    if job:
        yield ("job", job), True
    if node:
        yield ("node", node), not gpu
        if not gpu:
            yield ("on", node), False
    if job:
        yield ("hits", job), False
