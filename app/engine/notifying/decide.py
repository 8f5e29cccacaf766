"""Who is to be told what, now: the one function that decides it. Pure: the same state and world, the same messages.

Each channel has its own memory of each topic, so one that is reached late, or by another route, hears of everything
from its beginning. What is not known (no evaluation, no diagnosis) changes nothing: silence is no recovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.diagnosis import GRAVITY
from app.domain.frozen import frozen
from app.domain.notice import Delivery, Notice, Phase
from app.engine.notifying.limits import digest_of, limited
from app.engine.notifying.policy import Channel, Policy
from app.engine.notifying.state import FORGET_S, Line, NotifyState, Told, told_key
from app.engine.notifying.topics import Picture, Topic, World, loose_topics, picture

_NEWS: frozenset[Phase] = frozenset({"began", "worse", "again", "over"})
"""What a digest has a line for."""


@frozen
class Decision:
    """What is to be remembered, and what is to be sent."""

    state: NotifyState
    deliveries: tuple[Delivery, ...] = ()


@dataclass(slots=True)
class _Round:
    """One channel's share of a decision."""

    channel: Channel
    policy: Policy
    now: float
    told: dict[str, Told]
    seen: dict[str, float]
    gathered: list[Line]
    notices: list[Notice] = field(default_factory=list)


def decide(state: NotifyState, world: World, policy: Policy, now: float) -> Decision:
    """What every channel is to be told now."""
    seen_now = picture(world, now)
    told, seen = dict(state.told), dict(state.seen)
    gathered, sent = dict(state.gathered), dict(state.sent)
    held, summed = dict(state.held), dict(state.summed)
    messages: list[tuple[str, Notice]] = []
    wanted = _wanted(seen_now, world, policy, now)
    for name, channel in policy.channels.items():
        work = _Round(channel, policy, now, told, seen, list(gathered.get(name, ())))
        for topic, digest_s in wanted[name]:
            _tell(work, topic, digest_s)
        _end(work, seen_now, world)
        if digest := digest_of(work.gathered, world.cluster, now):
            work.notices.append(digest)
            work.gathered = []
        allowed = limited(
            channel.limit, work.notices, (sent.get(name, ()), held.get(name, ()), summed.get(name)), world.cluster, now
        )
        _keep(gathered, name, tuple(work.gathered))
        _keep(sent, name, allowed.sent)
        _keep(held, name, allowed.held)
        if allowed.summed is not None:
            summed[name] = allowed.summed
        messages += [(name, notice) for notice in allowed.notices]
    number = state.number
    deliveries = []
    for name, notice in messages:
        number += 1
        deliveries.append(Delivery(f"{state.origin}-{number}", name, notice, now, now))
    after = NotifyState(
        state.origin, number, _kept(told, policy, now), _still_new(seen, seen_now, world), sent, held, summed, gathered
    )
    return Decision(after, tuple(deliveries))


def _keep(into: dict[str, tuple[Line, ...]] | dict[str, tuple[float, ...]], name: str, some: tuple) -> None:  # type: ignore[type-arg]  # of either
    if some:
        into[name] = some
    else:
        into.pop(name, None)


def _wanted(seen: Picture, world: World, policy: Policy, now: float) -> Mapping[str, list[tuple[Topic, float | None]]]:
    """Channel → its topics, the gravest first, and how often it wants a digest of them (None: at once)."""
    found: dict[str, list[tuple[Topic, float | None]]] = {name: [] for name in policy.channels}
    for topic in seen.incidents:
        if not topic.is_muted:
            for name, digest_s in policy.told_to(topic.notice.severity, policy.with_teams(topic.facts), now).items():
                found[name].append((topic, digest_s))
    shares: dict[tuple[str, float | None], list[int]] = {}
    for place, (alert, facts) in enumerate(seen.loose):
        for share in policy.told_to(alert.severity, policy.with_teams(facts), now).items():
            shares.setdefault(share, []).append(place)
    made: dict[tuple[int, ...], tuple[Topic, ...]] = {}
    for (name, digest_s), places in shares.items():
        if (share_of := tuple(places)) not in made:  # most channels are told of the same alerts
            made[share_of] = loose_topics((seen.loose[place] for place in places), seen.acked, world, now)
        found[name] += [(topic, digest_s) for topic in made[share_of]]
    for topics in found.values():
        topics.sort(key=lambda pair: (-GRAVITY[pair[0].notice.severity], pair[0].notice.began, pair[0].key))
    return found


def _tell(work: _Round, topic: Topic, digest_s: float | None) -> None:
    """Tell the channel of a topic, if it is due."""
    key = told_key(work.channel.name, topic.key)
    before = work.told.get(key)
    phase = _phase(work, topic, before, is_gathered=digest_s is not None)
    if phase is None:
        if before is not None and before.gone_at is not None:
            work.told[key] = replace(before, gone_at=None)
        return
    members = tuple(sorted(topic.members.union(before.members if before is not None else ())))
    notice = replace(topic.notice, phase=phase, at=work.now)
    if before is not None and phase != "again":
        notice = replace(notice, began=min(notice.began, before.notice.began))
    work.told[key] = Told(notice, work.channel.name, members, is_gathered=digest_s is not None)
    _put(work, notice, digest_s)


def _phase(work: _Round, topic: Topic, before: Told | None, *, is_gathered: bool) -> Phase | None:
    """What kind of message is due; None for none."""
    timing, now = work.policy.timing, work.now
    if before is None:
        wait_s = timing.incident_wait_s if topic.notice.kind == "incident" else timing.group_wait_s
        since = work.seen[topic.key] = min(work.seen.get(topic.key, now), now)  # the clock may be put back
        return "began" if now - since >= wait_s and not topic.is_quiet else None
    if before.is_over:
        return "again"
    if GRAVITY[topic.notice.severity] > GRAVITY[before.notice.severity]:
        return "worse"
    if before.is_gathered and not is_gathered:
        return "began"
    if topic.is_quiet:
        return None
    since_s = abs(now - before.notice.at)  # far ahead: the clock was put back
    if topic.members.difference(before.members) and since_s >= timing.group_interval_s:
        return "more"
    return "still" if since_s >= timing.repeat_interval_s > 0 else None


def _put(work: _Round, notice: Notice, digest_s: float | None) -> None:
    """Send a notice, or put it down for the digest."""
    if digest_s is None:
        work.notices.append(notice)
    elif notice.phase in _NEWS:
        due_at = work.now + digest_s
        work.gathered.append(Line(notice.topic, notice.title, notice.severity, work.now, notice.phase, due_at))


def _end(work: _Round, seen: Picture, world: World) -> None:
    """Tell what is over: what was told to this channel, and has not been there for a while."""
    for key, one in list(work.told.items()):
        if one.channel != work.channel.name or one.is_over or _lives(one, seen, world):
            continue
        gone_at = min(one.gone_at, work.now) if one.gone_at is not None else work.now
        joined = _joined(one, seen)
        if not joined and work.now - gone_at < work.policy.timing.resolve_wait_s:
            work.told[key] = replace(one, gone_at=gone_at)
            continue
        notice = replace(one.notice, phase="over", at=work.now, ended=gone_at, joined=joined)
        work.told[key] = replace(one, notice=notice, is_over=True, gone_at=gone_at)
        _put(work, notice, work.policy.timing.digest_interval_s if one.is_gathered else None)


def _lives(one: Told, seen: Picture, world: World) -> bool:
    """Whether a topic lasts, or cannot be judged now."""
    known = world.diagnosis if one.notice.kind == "incident" else world.alerts
    return known is None or one.notice.topic in seen.living


def _joined(one: Told, seen: Picture) -> str:
    """The topic that all of this one has become a part of; empty for none."""
    now_in = {seen.joined.get(member, "") for member in one.members}
    now_in.discard("")
    return min(now_in) if len(now_in) == 1 and one.notice.topic not in now_in else ""


def _kept(told: Mapping[str, Told], policy: Policy, now: float) -> Mapping[str, Told]:
    """Without what has long been over, and channels that are gone."""
    return {
        key: one
        for key, one in told.items()
        if one.channel in policy.channels and not (one.is_over and now - one.notice.at > FORGET_S)
    }


def _still_new(seen: Mapping[str, float], now_there: Picture, world: World) -> Mapping[str, float]:
    """Times of topics that are there, or cannot be judged."""
    unknown = tuple(
        begins for begins, known in (("incident:", world.diagnosis), ("rule:", world.alerts)) if known is None
    )
    return {topic: at for topic, at in seen.items() if topic in now_there.living or topic.startswith(unknown)}


def told_topics(state: NotifyState) -> Iterable[Told]:
    """What was told and lasts, the latest first."""
    return sorted((one for one in state.told.values() if not one.is_over), key=lambda one: -one.notice.at)
