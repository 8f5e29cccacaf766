"""What there is to tell now: incidents with the alerts that belong to them, and all other alerts by their rule. Pure.

Which alerts belong to which incident is `folding`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache

from app.domain.affects import Affects
from app.domain.alert import Alert, Labels, Silence, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import GRAVITY, Diagnosis, Incident, gravest
from app.domain.finding import Finding, FindingSubject
from app.domain.frozen import frozen
from app.domain.hostlist import compress
from app.domain.naming import clean
from app.domain.notice import Notice
from app.domain.series import Severity
from app.engine.notifying.folding import Places
from app.engine.notifying.policy import Facts, meets_all

MOST_LINES = 20
"""Consequences or alerts that one message names."""
MOST_ACTIONS = 3
Whose = Callable[[Sequence[str], Sequence[str]], Facts]
"""Nodes and jobs → whose they are: `user`, `account`, `partition`."""


def _nobody(_nodes: Sequence[str], _jobs: Sequence[str]) -> Facts:
    return {}


@frozen
class World:
    """What is known at one moment; None: not known, which is not the same as nothing."""

    alerts: AlertsNow | None = None
    diagnosis: Diagnosis | None = None
    cluster: str = ""
    maintained: Mapping[str, str] = field(default_factory=dict)
    """Nodes somebody works on."""
    whose: Whose = _nobody


@frozen
class Topic:
    """One thing to tell of."""

    key: str
    notice: Notice
    """As if it had just begun."""
    members: frozenset[str]
    """Ids of findings and alerts whose coming is news."""
    facts: Facts
    """What routes see of an incident; of alerts each has its own."""
    is_quiet: bool = False
    """Somebody has taken it on: only what gets worse, and its end, are told."""
    is_muted: bool = False


@frozen
class Picture:
    """Everything there is to tell of."""

    incidents: tuple[Topic, ...] = ()
    loose: tuple[tuple[Alert, Facts], ...] = ()
    """Active alerts that are not muted and belong to no incident, with what routes see of them."""
    living: frozenset[str] = frozenset()
    """Topics that last, muted ones among them."""
    joined: Mapping[str, str] = field(default_factory=dict)
    """Id of a finding or an alert → the incident's topic that it is part of."""
    acked: frozenset[str] = frozenset()
    """Ids of alerts that somebody has taken on."""


def incident_topic(incident: str) -> str:
    """The topic of an incident."""
    return f"incident:{incident}"


def rule_topic(rule: str) -> str:
    """The topic of a rule's alerts."""
    return f"rule:{rule}"


def picture(world: World, now: float) -> Picture:
    """Sort everything out."""
    diagnosis = world.diagnosis or Diagnosis()
    alerts = world.alerts or AlertsNow()
    active = [one for one in alerts.alerts if one.is_active]
    known = {one.id: one for one in (*diagnosis.past, *diagnosis.findings)}
    places = Places(diagnosis, known, now)
    folded: dict[str, list[tuple[Alert, bool]]] = defaultdict(list)
    left: list[Alert] = []
    for alert in active:
        incident, is_exact = places.of(alert)
        if incident is None:
            left.append(alert)
        else:
            folded[incident.id].append((alert, is_exact))
    acked = frozenset(one.alert for one in alerts.acks)
    topics = tuple(
        _incident_topic(one, [known[key] for key in one.findings if key in known], folded[one.id], world, acked, now)
        for one in diagnosis.incidents
    )
    joined = {member: one.key for one in topics for member in one.members}
    joined |= {alert.id: incident_topic(key) for key, some in folded.items() for alert, _ in some}
    loose = tuple((one, _facts_of(one, world)) for one in left if one.id not in alerts.muted)
    living = frozenset({one.key for one in topics} | {rule_topic(one.rule) for one in left})
    return Picture(topics, loose, living, joined, acked)


def _incident_topic(
    one: Incident,
    found: Sequence[Finding],
    folded: Sequence[tuple[Alert, bool]],
    world: World,
    acked: frozenset[str],
    now: float,
) -> Topic:
    root = next((finding for finding in found if finding.id == one.root), None)
    muted = world.alerts.muted if world.alerts is not None else {}
    told = [(alert, is_exact) for alert, is_exact in folded if alert.id not in muted]
    severity = gravest((one.severity, *(alert.severity for alert, _ in told)))
    members = {finding.id for finding in found if GRAVITY[finding.severity] > 0 or finding.id == one.root}
    members |= {alert.id for alert, is_exact in told if not is_exact}
    lines = [finding.title for finding in found if finding.id != one.root]
    # An alert about a finding's own place says the same once more, unless it says that it is graver.
    lines += [
        f"alert: {alert.text or alert.rule}"
        for alert, is_exact in told
        if not is_exact or GRAVITY[alert.severity] > GRAVITY[one.severity]
    ]
    silences = world.alerts.silences if world.alerts is not None else ()
    is_planned = bool(folded and not told) or _is_maintained(found, world.maintained)
    return Topic(
        incident_topic(one.id),
        replace(_notice(one, root, severity, lines, now), cluster=world.cluster),
        frozenset(members),
        _incident_facts(one, found, [alert.rule for alert, _ in folded], severity, world),
        is_quiet=bool(told) and all(alert.id in acked for alert, _ in told),
        is_muted=_is_silent(one, root, silences, now) or (severity != "critical" and is_planned),
    )


def _notice(one: Incident, root: Finding | None, severity: Severity, lines: Sequence[str], now: float) -> Notice:
    labels = {"incident": one.id, "severity": severity, **(_labels(root) if root is not None else {})}
    return Notice(
        topic=incident_topic(one.id),
        kind="incident",
        phase="began",
        severity=severity,
        title=clean(one.title if root is None else _with_place(one.title, root.subject), 200),
        at=now,
        began=one.began,
        root=root.explanation if root is not None else "",
        lines=tuple(clean(line, 200) for line in lines[:MOST_LINES]),
        left_out=max(0, len(lines) - MOST_LINES),
        affects=one.affects,
        users=one.users,
        actions=root.actions[:MOST_ACTIONS] if root is not None else (),
        labels=labels_of(labels),
    )


def _is_maintained(found: Sequence[Finding], maintained: Mapping[str, str]) -> bool:
    """Whether somebody works on every node that it is about."""
    nodes = {finding.subject.node for finding in found}
    return bool(nodes) and all(node in maintained for node in nodes)


def _is_silent(one: Incident, root: Finding | None, silences: Iterable[Silence], now: float) -> bool:
    """Whether a silence holds that fits its root."""
    labels = {"severity": one.severity, "incident": one.id, **(_labels(root) if root is not None else {})}
    facts = {name: frozenset({value}) for name, value in labels.items()}
    return any(silence.is_active(now) and meets_all(silence.matchers, facts) for silence in silences)


def _labels(finding: Finding) -> Mapping[str, str]:
    subject = finding.subject
    return {
        "alertname": finding.fault,
        "fault": finding.fault,
        "code": finding.code,
        "node": subject.node,
        "gpu": "" if subject.gpu is None else str(subject.gpu),
        "job": subject.job or "",
        "service": subject.service or "",
    }


def _incident_facts(
    one: Incident, found: Sequence[Finding], rules: Sequence[str], severity: str, world: World
) -> Facts:
    gathered: dict[str, set[str]] = defaultdict(set)
    for finding in found:
        for name, value in _labels(finding).items():
            if value:
                gathered[name].add(value)
    gathered["job"] |= set(one.affects.jobs)
    gathered["user"] |= set(one.users)
    gathered["alertname"] |= set(rules)
    gathered["incident"], gathered["severity"] = {one.id}, {severity}
    for name, values in world.whose(sorted(gathered["node"]), sorted(gathered["job"])).items():
        gathered[name] |= values
    return {name: frozenset(values) for name, values in gathered.items() if values}


def _facts_of(alert: Alert, world: World) -> Facts:
    """What routes see of an alert alone."""
    own = _own_facts(alert.rule, alert.severity, alert.labels)
    theirs = world.whose(tuple(own.get("node", ())), tuple(own.get("job", ())))
    return {**own, **{name: own.get(name, frozenset()) | values for name, values in theirs.items()}} if theirs else own


@lru_cache(maxsize=65536)
def _own_facts(rule: str, severity: str, labels: Labels) -> Facts:
    facts = {name: frozenset({value}) for name, value in labels}
    return {**facts, "alertname": frozenset({rule}), "severity": frozenset({severity})}


def _with_place(title: str, subject: FindingSubject) -> str:
    """The title, with its place where it does not say that itself."""
    place = str(subject)
    known = subject.node and subject.node in title
    return title if known or place in title or place == "cluster" else f"{title} ({place})"


def alerts_topic(
    rule: str, alerts: Sequence[Alert], users: Collection[str], acked: frozenset[str], world: World, now: float
) -> Topic:
    """Some alerts of one rule as one topic."""
    some = sorted(alerts, key=lambda one: (-GRAVITY[one.severity], one.since, one.id))
    severity = gravest(tuple(one.severity for one in some))
    labels = [dict(one.labels) for one in some]
    nodes = list(dict.fromkeys(one["node"] for one in labels if "node" in one))
    gpus = {(one.get("node"), one["gpu"]) for one in labels if "gpu" in one}
    jobs = dict.fromkeys(one["job"] for one in labels if "job" in one)
    where = f" on {compress(nodes)}" if nodes else ""
    title = some[0].text or rule if len(some) == 1 else f"{rule}: {len(some)} alerts{where}"
    common = set(some[0].labels).intersection(*(one.labels for one in some[1:]))
    lines = [f"{one.text or rule}{' (no data now)' if one.state == 'no_data' else ''}" for one in some]
    listed = lines if len(some) > 1 or some[0].state == "no_data" else []
    notice = Notice(
        topic=rule_topic(rule),
        kind="alerts",
        phase="began",
        severity=severity,
        title=clean(title, 200),
        at=now,
        began=min(one.since for one in some),
        cluster=world.cluster,
        lines=tuple(clean(line, 200) for line in listed[:MOST_LINES]),
        left_out=max(0, len(listed) - MOST_LINES),
        affects=Affects(tuple(jobs)[:MOST_LINES], len(gpus)),
        users=tuple(sorted(users)[:MOST_LINES]),
        labels=labels_of({**dict(common), "alertname": rule, "severity": severity}),
    )
    members = frozenset(one.id for one in some)
    return Topic(notice.topic, notice, members, {}, is_quiet=members <= acked)


def loose_topics(
    loose: Iterable[tuple[Alert, Facts]], acked: frozenset[str], world: World, now: float
) -> tuple[Topic, ...]:
    """Alerts by their rule, for a channel that is told of these."""
    groups: dict[str, list[Alert]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    for alert, of_it in loose:
        groups[alert.rule].append(alert)
        users[alert.rule] |= of_it.get("user", frozenset())
    return tuple(alerts_topic(rule, some, users[rule], acked, world, now) for rule, some in groups.items())
