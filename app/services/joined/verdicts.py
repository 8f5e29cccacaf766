"""What several daemons have found out, as one: events, findings, incidents, alerts, what was watched. Pure.

Each daemon judges its own cluster, or its own share; nothing is judged here. Where two shares say the same of the same
subject it is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from app.domain.affects import Affects
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.clusters import FACT
from app.domain.diagnosis import GRAVITY, NO_DIAGNOSIS, Blind, Diagnosis, Incident
from app.domain.series import Event
from app.domain.watched import Watched
from app.services.joined.renaming import Names, renamed_subject

if TYPE_CHECKING:
    from app.domain.alert import Ack, Alert, Labels, Silence
    from app.domain.finding import Finding

T = TypeVar("T")
_SAME_WISH_S = 30.0
"""Two silences that end within so long of each other were one wish."""
_NAMING_LABELS = ("node", "job", "service", "source", "partition")
"""Labels of alerts whose values are names of one cluster."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What one member has found out, and how its names are written."""

    names: Names
    diagnosis: Diagnosis
    alerts: AlertsNow
    watched: Watched
    silence: str = ""
    """Why nothing is known of it now; empty: it is heard."""


class Remembered(Generic[T]):
    """What was put together last; the same object for as long as the members tell the same."""

    def __init__(self, put_together: Callable[[Sequence[Told]], T]) -> None:
        self._put_together = put_together
        self._told: Sequence[Told] = ()
        self._made: T | None = None

    def of(self, told: Sequence[Told]) -> T:
        """All of it as one."""
        if self._made is None or len(told) != len(self._told) or not all(map(_is_same, told, self._told)):
            self._told, self._made = told, self._put_together(told)
        return self._made


def _is_same(one: Told, other: Told) -> bool:
    """Whether nothing new was told; daemons' answers are kept as they came, so that looking is enough."""
    is_kept = one.diagnosis is other.diagnosis and one.alerts is other.alerts and one.watched is other.watched
    return is_kept and one.names == other.names and one.silence == other.silence


def renamed_event(event: Event, names: Names) -> Event:
    """An event, which says first of which cluster it is."""
    cluster = names.naming.cluster
    text = f"{cluster}: {event.text}" if cluster else event.text
    return replace(event, subject=renamed_subject(event.subject, names.naming), text=text)


def joined_events(some: Iterable[tuple[Names, Sequence[Event]]], limit: int) -> tuple[Event, ...]:
    """Events of all, oldest first, the latest `limit` of them."""
    found = [renamed_event(one, names) for names, events in some for one in events]
    found.sort(key=lambda one: one.at)
    return tuple(found[-limit:])


def joined_diagnosis(some: Sequence[Told]) -> Diagnosis:
    """What is wrong anywhere, the gravest incident first; a member that is not heard is a blind spot."""
    known = [one for one in some if one.diagnosis.at]
    blind = [Blind(_who(one.names), one.silence) for one in some if one.silence]
    if not known:
        return Diagnosis(blind=tuple(blind)) if blind else NO_DIAGNOSIS
    findings: dict[tuple[object, ...], Finding] = {}
    incidents: list[Incident] = []
    for one in known:
        fresh = [each for each in _findings(one.diagnosis.findings, one.names) if each.key not in findings]
        findings |= {each.key: each for each in fresh}
        kept = {each.id for each in fresh}
        renamed = (renamed_incident(each, one.names) for each in one.diagnosis.incidents)
        incidents += [each for each in renamed if each.root in kept]
    incidents.sort(key=lambda one: (-GRAVITY[one.severity], one.began))
    ended = [renamed_incident(each, one.names) for one in known for each in one.diagnosis.ended]
    return Diagnosis(
        max(one.diagnosis.at for one in known),
        tuple(findings.values()),
        tuple(incidents),
        (*blind, *(_blind(each, one.names) for one in known for each in one.diagnosis.blind)),
        tuple(sorted(ended, key=lambda one: -(one.ended or 0.0))),
        tuple(each for one in known for each in _findings(one.diagnosis.past, one.names)),
    )


def _who(names: Names) -> str:
    who = names.naming.cluster or "this cluster"
    return f"share {names.share} of {who}" if names.share else who


def _blind(one: Blind, names: Names) -> Blind:
    return Blind(f"{names.naming.cluster}: {one.what}", one.why) if names.naming.cluster else one


def _findings(some: Iterable[Finding], names: Names) -> list[Finding]:
    return [renamed_finding(one, names) for one in some]


def renamed_finding(one: Finding, names: Names) -> Finding:
    """A finding; its title begins with its cluster, and what is to be done says where."""
    naming, key = names.naming, names.key
    about = one.subject
    subject = replace(
        about,
        node=naming.out(about.node),
        job=naming.maybe(about.job),
        service=naming.maybe(about.service),
    )
    actions = one.actions
    if naming.cluster:
        actions = tuple(replace(each, text=f"on {naming.cluster}: {each.text}") for each in actions)
    return replace(
        one,
        title=_titled(one.title, names),
        subject=subject,
        evidence=tuple(replace(each, source=names.source(each.source)) for each in one.evidence),
        actions=actions,
        affects=_affects(one.affects, names),
        id=key(one.id),
        incident=key(one.incident),
        caused_by=tuple(map(key, one.caused_by)),
        consequences=tuple(map(key, one.consequences)),
    )


def renamed_incident(one: Incident, names: Names) -> Incident:
    """An incident; its title begins with its cluster."""
    return replace(
        one,
        id=names.key(one.id),
        root=names.key(one.root),
        title=_titled(one.title, names),
        findings=tuple(map(names.key, one.findings)),
        affects=_affects(one.affects, names),
    )


def _titled(title: str, names: Names) -> str:
    return f"{names.naming.cluster}: {title}" if names.naming.cluster else title


def _affects(one: Affects, names: Names) -> Affects:
    return replace(one, jobs=names.naming.outs(one.jobs))


def renamed_alert(one: Alert, names: Names) -> Alert:
    """An alert under its rule's name here; with a label that says its cluster, so that its id is another one too."""
    if not names.naming.cluster:
        return one
    text, labels = _titled(one.text, names), _labels(one.labels, names)
    return replace(one, rule=names.naming.out(one.rule), labels=labels, text=text)


def _labels(labels: Labels, names: Names) -> Labels:
    found = {name: names.naming.out(value) if name in _NAMING_LABELS else value for name, value in labels}
    return tuple(sorted({**found, FACT: names.naming.cluster}.items()))


def joined_alerts(some: Sequence[Told]) -> AlertsNow:
    """The alerts of all who evaluate now; of a member that is not heard nothing is known, which its trouble says."""
    known = [one for one in some if one.alerts.at and not one.silence]
    if not known:
        return NO_ALERTS
    alerts: dict[str, Alert] = {}
    muted: dict[str, tuple[str, ...]] = {}
    acks: dict[str, Ack] = {}
    silences: dict[str, Silence] = {}
    troubles = {_who(one.names): one.silence for one in some if one.silence}
    for one in known:
        told, out = one.alerts, one.names.naming.out
        made = {each.id: renamed_alert(each, one.names) for each in told.alerts}
        alerts = {each.id: each for each in made.values()} | alerts
        muted |= {made[key].id: why for key, why in told.muted.items() if key in made}
        acks |= {made[ack.alert].id: replace(ack, alert=made[ack.alert].id) for ack in told.acks if ack.alert in made}
        fresh = [each for each in told.silences if not (one.names.share and _is_known(each, silences.values()))]
        silences |= {out(each.id): renamed_silence(each, one.names) for each in fresh}
        troubles |= {out(rule): why for rule, why in told.troubles.items()}
    return AlertsNow(
        min(one.alerts.at for one in known),
        max(one.alerts.interval_s for one in known),
        tuple(alerts.values()),
        muted,
        tuple(acks.values()),
        tuple(silences.values()),
        troubles,
    )


def _is_known(one: Silence, known: Iterable[Silence]) -> bool:
    """Whether another share has the same silence: what is wished of a cluster is wished of all its daemons."""
    return any(
        one.matchers[-len(each.matchers) :] == each.matchers[-len(one.matchers) :]
        and (one.by, one.comment) == (each.by, each.comment)
        and abs(one.ends_at - each.ends_at) < _SAME_WISH_S
        for each in known
    )


def renamed_silence(one: Silence, names: Names) -> Silence:
    """A silence; what it asks for says its cluster first."""
    if not names.naming.cluster:
        return one
    from app.domain.alert import Matcher  # noqa: PLC0415 - late: before there is an alert nobody pays for its classes

    here = Matcher(FACT, "=", names.naming.cluster)
    return replace(one, id=names.naming.out(one.id), matchers=(here, *one.matchers))


def joined_watched(some: Sequence[Told]) -> Watched:
    """What was watched anywhere; each share watches its own GPUs."""
    known = [one for one in some if one.watched.at and not one.silence]
    if not known:
        return Watched()
    idle = {one.names.place(place): spell for one in known for place, spell in one.watched.idle.items()}
    findings: Mapping[object, Finding] = {
        each.key: each for one in known for each in _findings(one.watched.findings, one.names)
    }
    return Watched(min(one.watched.at for one in known), idle, tuple(findings.values()))
