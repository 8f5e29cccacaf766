"""Who is told of what, when and how often: channels, routes, teams and times, as values. Pure; the file is read above.

A route that does not apply at an hour is passed over, so that the next one may: by day the team's chat, by night the
pager. The first route that applies takes a thing, unless it says `continue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from app.config.secret import Secret
from app.domain.alert import SEVERITIES, Matcher
from app.domain.frozen import frozen
from app.domain.series import Severity

ChannelKind = Literal["webhook", "apprise"]
Facts = Mapping[str, frozenset[str]]
"""Label → its values: an incident has several nodes, jobs and users."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYED_SERVICES = frozenset({"pagerduty", "opsgenie"})
"""Apprise services that know a repeated message, and one that ends another, by a key of ours."""


@frozen
class Limit:
    """At most so many messages within so long."""

    count: int
    per_s: float


@frozen
class Channel:
    """One way to tell somebody."""

    name: str
    kind: ChannelKind
    address: Secret
    service: str
    """`webhook`, or the scheme of an Apprise address: `slack`, `mailto`, … Never a secret."""
    limit: Limit | None
    """None: as many as there are, for machines that sort them by their keys."""
    timeout_s: float = 15.0

    @property
    def is_keyed(self) -> bool:
        """What is sent twice under one key arrives once."""
        return self.kind == "webhook" or self.service in KEYED_SERVICES or self.service in ("mailto", "mailtos")


@frozen
class Hours:
    """When a route applies."""

    days: frozenset[int] = frozenset(range(7))
    """0: Monday."""
    spans: tuple[tuple[int, int], ...] = ()
    """Minutes since midnight, from and until (not included); until < from reaches over midnight. Empty: all day."""

    def holds(self, at: float, zone: ZoneInfo | None) -> bool:
        """Whether it applies at a time, in a zone (None: the machine's).

        A span over midnight belongs to the day of its evening.
        """
        moment = datetime.fromtimestamp(at, zone) if zone is not None else datetime.fromtimestamp(at).astimezone()
        minute, today = moment.hour * 60 + moment.minute, moment.weekday()
        if not self.spans:
            return today in self.days
        for start, end in self.spans:
            if start < end:
                if start <= minute < end and today in self.days:
                    return True
            elif (minute >= start and today in self.days) or (minute < end and (today - 1) % 7 in self.days):
                return True
        return False


ALWAYS = Hours()


@frozen
class Route:
    """Which things go to which channels."""

    to: tuple[str, ...]
    """Names of channels."""
    severity: Severity = "warning"
    """At least so grave."""
    matchers: tuple[Matcher, ...] = ()
    teams: frozenset[str] = frozenset()
    """Empty: of any team, or none."""
    hours: Hours = ALWAYS
    goes_on: bool = False
    """The routes after it are asked too."""
    digest_s: float | None = None
    """Gather what it takes into one message so often; None: information only."""

    def takes(self, severity: Severity, facts: Facts) -> bool:
        """Whether it is for a thing, the hour aside."""
        if SEVERITIES.index(severity) < SEVERITIES.index(self.severity):
            return False
        if self.teams and not self.teams & facts.get("team", frozenset()):
            return False
        return meets_all(self.matchers, facts)


@frozen
class Team:
    """Whose things are whose."""

    name: str
    users: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()

    def owns(self, facts: Facts) -> bool:
        """Whether any of its people or machines is among them."""
        pairs = (
            ("user", self.users),
            ("account", self.accounts),
            ("partition", self.partitions),
            ("node", self.nodes),
        )
        return any(own & facts.get(name, frozenset()) for name, own in pairs)


@frozen
class Timing:
    """How long things are waited for, in seconds."""

    incident_wait_s: float = 0.0
    """Before an incident is told: the diagnosis has put it together already."""
    group_wait_s: float = 10.0
    """Before alerts are told that belong to no incident: others of their rule may follow."""
    group_interval_s: float = 300.0
    """Between two messages about something that grows."""
    repeat_interval_s: float = 14400.0
    """After this it is told again that something lasts."""
    resolve_wait_s: float = 60.0
    """It must be over so long before that is told."""
    digest_interval_s: float = 3600.0
    give_up_s: float = 86400.0
    """A message that did not arrive for so long is given up."""


@frozen
class Heartbeat:
    """A dead-man's switch: an address that expects to hear from us."""

    address: Secret
    every_s: float = 60.0


@frozen
class Policy:
    """All of it."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    """None: warnings and worse go to every channel."""
    teams: tuple[Team, ...] = ()
    timing: Timing = field(default_factory=Timing)
    heartbeat: Heartbeat | None = None
    zone: ZoneInfo | None = None
    """Of routes' hours; None: the machine's."""

    def told_to(self, severity: Severity, facts: Facts, now: float) -> Mapping[str, float | None]:
        """Channel → seconds between digests, None for at once; for a thing at a time."""
        found: dict[str, float | None] = {}
        for route in self.routes or (Route(tuple(self.channels)),):
            if not route.takes(severity, facts) or not route.hours.holds(now, self.zone):
                continue
            digest_s = route.digest_s
            if digest_s is None and severity == "info":
                digest_s = self.timing.digest_interval_s
            for name in route.to:
                at_once = name in found and found[name] is None
                if name in self.channels and not at_once:
                    found[name] = digest_s
            if not route.goes_on:
                break
        return found

    def with_teams(self, facts: Facts) -> Facts:
        """Facts with the teams they belong to; a `team` label of a rule counts too."""
        teams = facts.get("team", frozenset()) | {team.name for team in self.teams if team.owns(facts)}
        return {**facts, "team": frozenset(teams)} if teams else facts


def meets(matcher: Matcher, facts: Facts) -> bool:
    """Whether a condition holds: of several values one must fit, and none be excluded. No value is the empty one."""
    values = facts.get(matcher.name) or frozenset({""})
    if matcher.op in ("=", "=~"):
        return any(matcher.matches(value) for value in values)
    return all(matcher.matches(value) for value in values)


def meets_all(matchers: Iterable[Matcher], facts: Facts) -> bool:
    """Whether every condition holds."""
    return all(meets(one, facts) for one in matchers)


def unknown_channels(routes: Sequence[Route], channels: Mapping[str, Channel]) -> tuple[str, ...]:
    """Names that routes lead to and nobody has."""
    return tuple(dict.fromkeys(name for route in routes for name in route.to if name not in channels))
