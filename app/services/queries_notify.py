"""Answers about who is told, as `notify` gives them in JSON; no address and nothing else secret is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.alert import SEVERITIES
from app.domain.notice import ChannelHealth, Delivery
from app.engine.notifying.decide import told_topics
from app.engine.notifying.policy import ALWAYS, DAYS, Channel, Hours, Route
from app.engine.notifying.policy_file import PolicyFile
from app.services.outbox import Kept

SCHEMA = 1


def channels_answer(found: PolicyFile, kept: Kept, managers: tuple[str, ...], now: float) -> dict[str, Any]:
    """What `notify list --json` prints."""
    policy = found.policy
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "channels": [_channel(one, kept) for one in policy.channels.values()],
        "alertmanagers": list(managers),
        "routes": [_route(one) for one in policy.routes],
        "heartbeat": policy.heartbeat is not None,
        "problems": list(found.problems),
    }


def queue_answer(kept: Kept, now: float) -> dict[str, Any]:
    """What `notify queue --json` prints: what is on its way, what was given up, what was told and lasts."""
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "queue": [_delivery(one) for one in kept.queue.values()],
        "told": [
            {
                "topic": one.notice.topic,
                "channel": one.channel,
                "phase": one.notice.phase,
                "severity": one.notice.severity,
                "title": one.notice.title,
                "at": round(one.notice.at, 3),
            }
            for one in told_topics(kept.state)
        ],
        "held": {name: sum(line.count for line in lines) for name, lines in kept.state.held.items()},
        "gathered": {name: sum(line.count for line in lines) for name, lines in kept.state.gathered.items()},
    }


def _channel(one: Channel, kept: Kept) -> dict[str, Any]:
    health = kept.health.get(one.name, ChannelHealth(one.name))
    mine = [delivery for delivery in kept.queue.values() if delivery.channel == one.name]
    return {
        "name": one.name,
        "service": one.service,
        "once": one.is_keyed,
        "limit": None if one.limit is None else {"count": one.limit.count, "per_s": one.limit.per_s},
        "waiting": sum(delivery.state != "failed" for delivery in mine),
        "given_up": sum(delivery.state == "failed" for delivery in mine),
        "ok_at": health.ok_at,
        "failed_at": health.failed_at,
        "error": health.error or None,
    }


def _route(one: Route) -> dict[str, Any]:
    return {
        "to": list(one.to),
        "severity": one.severity,
        "match": [str(matcher) for matcher in one.matchers],
        "team": sorted(one.teams),
        "when": when(one.hours),
        "continue": one.goes_on,
        "digest_s": one.digest_s,
    }


def when(hours: Hours) -> str:
    """When a route applies, for a person; empty for always."""
    if hours == ALWAYS:
        return ""
    days = "" if len(hours.days) == len(DAYS) else ",".join(DAYS[day] for day in sorted(hours.days))
    spans = ",".join(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for start, end in hours.spans)
    return f"{days} {spans}".strip()


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "channel": one.channel,
        "topic": one.notice.topic,
        "phase": one.notice.phase,
        "severity": one.notice.severity,
        "title": one.notice.title,
        "state": one.state,
        "attempts": one.attempts,
        "made_at": round(one.made_at, 3),
        "due_at": round(one.due_at, 3),
        "error": one.error or None,
    }


def least(route: Mapping[str, Any]) -> str:
    """From which severity on, for a person."""
    return "critical" if route["severity"] == SEVERITIES[-1] else f"{route['severity']} and worse"
