"""What tests of telling are built from: a time to begin at, alerts, incidents, worlds, and a teller that remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.config.secret import Secret
from app.domain.affects import Affects
from app.domain.alert import Ack, Alert, Silence, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis, Incident, gravest
from app.domain.finding import Advice, Finding, FindingSubject
from app.domain.notice import Notice
from app.domain.series import Severity
from app.engine.notifying.decide import decide
from app.engine.notifying.policy import Channel, Limit, Policy, Route, Timing
from app.engine.notifying.state import NotifyState
from app.engine.notifying.topics import World

NOW = 1_764_000_000.0
"""A Monday, 16:00 UTC."""


def alert(rule: str = "Hot", severity: Severity = "warning", at: float = NOW, **labels: str) -> Alert:
    """One that fires."""
    found = labels_of(labels or {"node": "gpu-1", "gpu": "3"})
    return Alert(rule, severity, found, "firing", at, 90.0, f"{rule} on {dict(found).get('node', '?')}", fired_at=at)


def finding(
    key: str, fault: str = "gpu.fell_off_bus", severity: Severity = "critical", at: float = NOW, **subject: object
) -> Finding:
    """One of incident `i-1`, unless it is put into another."""
    about = FindingSubject(**(subject or {"node": "gpu-1", "gpu": 3}))  # type: ignore[arg-type]  # as its fields are
    return Finding(
        fault,
        "B1",
        f"{fault} of {about}",
        severity,
        about,
        at,
        at,
        (),
        "The GPU does not answer on the bus.",
        (Advice("Drain the node", "scontrol update nodename=gpu-1 state=drain reason=xid79"),),
        id=key,
    )


def incident(key: str, *found: Finding, users: tuple[str, ...] = (), affects: Affects | None = None) -> Incident:
    """An incident of these, the root first."""
    return Incident(
        key,
        found[0].id,
        found[0].title,
        gravest(tuple(one.severity for one in found)),
        found[0].first_seen,
        found[0].last_seen,
        tuple(one.id for one in found),
        affects or Affects(("812",), 1, 2.5),
        users,
    )


def diagnosis(*groups: tuple[str, tuple[Finding, ...]], ended: tuple[Incident, ...] = ()) -> Diagnosis:
    """Incidents by id with their findings."""
    found = tuple(one for _, some in groups for one in some)
    return Diagnosis(NOW, found, tuple(incident(key, *some) for key, some in groups), ended=ended)


def alerts(
    *some: Alert,
    muted: Mapping[str, tuple[str, ...]] | None = None,
    acked: tuple[str, ...] = (),
    silences: tuple[Silence, ...] = (),
) -> AlertsNow:
    """What an evaluation left."""
    acks = tuple(Ack(one, NOW) for one in acked)
    return AlertsNow(NOW, 5.0, some, muted or {}, acks, silences)


def channel(name: str, limit: Limit | None = None) -> Channel:
    """A channel."""
    return Channel(name, "webhook", Secret(f"http://{name}.invalid/x"), "webhook", limit)


def policy(*routes: Route, names: tuple[str, ...] = ("chat",), limit: Limit | None = None, **times: float) -> Policy:
    """Channels without a limit, and times; those not named are as they are by default."""
    return Policy({name: channel(name, limit) for name in names}, routes, timing=Timing(**times))


@dataclass
class Teller:
    """Decides one world after another, and remembers what was told."""

    policy: Policy = field(default_factory=policy)
    state: NotifyState = field(default_factory=lambda: NotifyState("o"))

    def look(self, after_s: float, **world: object) -> list[str]:
        """What is told so long after the start: channel, phase and topic."""
        return [f"{name} {one.phase} {one.topic}" for name, one in self.notices(after_s, **world)]

    def notices(self, after_s: float, **world: object) -> list[tuple[str, Notice]]:
        """The same as it is told."""
        known = {"alerts": alerts(), "diagnosis": Diagnosis(NOW), **world}
        decision = decide(self.state, World(**known), self.policy, NOW + after_s)  # type: ignore[arg-type]  # as its fields are
        self.state = decision.state
        return [(one.channel, one.notice) for one in decision.deliveries]
