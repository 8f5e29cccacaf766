"""What is on its way: which deliveries are due, which have become needless, and when a failed one is tried again. Pure.

A channel is sent one message at a time. A message that has not arrived yet gives way to a newer one about the same
topic, which says all of it: a channel that was away for an hour is told how things stand, not their
history. What a receiver will never take is given up at once and kept to be seen.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace

from app.domain.diagnosis import GRAVITY
from app.domain.notice import Delivery, Outcome

FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
LONGEST_WISH_S = 3600.0
"""A receiver may ask for a pause; not for a longer one."""
KEPT_FAILED_S = 7 * 86400.0
MOST_FAILED = 100

Deliveries = Mapping[str, Delivery]
"""By id, in the order they were made."""


def enqueued(queue: Deliveries, fresh: Iterable[Delivery]) -> Deliveries:
    """The queue with new deliveries; older ones of the same topic and channel that have not arrived give way."""
    after = dict(queue)
    for one in fresh:
        older = [
            key
            for key, old in after.items()
            if old.channel == one.channel and old.notice.topic == one.notice.topic and _gives_way(old)
        ]
        for key in older:
            del after[key]
        after[one.id] = one
    return after


def _gives_way(old: Delivery) -> bool:
    """Digests and summaries tell of things that nothing else tells of."""
    return old.state != "failed" and old.notice.kind in ("incident", "alerts")


def due(queue: Deliveries, channel: str, now: float) -> Delivery | None:
    """What a channel is to be sent next, the gravest first; None while there is nothing, or pauses last.

    Each message has pauses of its own: one that the receiver chokes on does not keep the others.
    """
    ready = (one for one in _waiting(queue, channel) if _is_due(one, now))
    return min(ready, key=lambda one: (one.attempts > 0, -GRAVITY[one.notice.severity]), default=None)


def _is_due(one: Delivery, now: float) -> bool:
    """New ones and those that a kill cut off at once; others after their pause.

    A time far ahead is no pause of ours: the machine's clock was put back, and nobody is kept waiting for that.
    """
    return one.attempts == 0 or one.state == "sending" or one.due_at <= now or one.due_at > now + LONGEST_WISH_S


def next_at(queue: Deliveries, channel: str) -> float | None:
    """Epoch seconds when the channel's next message is due; None where it has none."""
    return min((one.due_at for one in _waiting(queue, channel)), default=None)


def _waiting(queue: Deliveries, channel: str) -> Iterator[Delivery]:
    return (one for one in queue.values() if one.channel == channel and one.state != "failed")


def began(one: Delivery) -> Delivery:
    """The delivery as an attempt begins: written down first, so that a kill in the attempt is known of."""
    return replace(one, state="sending", attempts=one.attempts + 1)


def tried(one: Delivery, outcome: Outcome, now: float, give_up_s: float) -> Delivery | None:
    """What becomes of it after an attempt; None: it has arrived."""
    if outcome.ok:
        return None
    error = outcome.error or "it was not taken"
    if not outcome.may_pass or now - one.made_at >= give_up_s:
        return replace(one, state="failed", error=error, due_at=now)
    return replace(one, state="waiting", error=error, due_at=now + pause_s(one, outcome))


def pause_s(one: Delivery, outcome: Outcome) -> float:
    """Seconds until the next attempt: what the receiver asked for, else twice as long each time."""
    wished = min(outcome.retry_after_s or 0.0, LONGEST_WISH_S)
    return max(wished, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(one.attempts - 1, 16)))


def forgotten(queue: Deliveries, channels: Container[str], now: float, give_up_s: float) -> tuple[str, ...]:
    """Ids of deliveries that need not be kept any more: long given up, or to channels that nobody knows any more."""
    failed = [one for one in queue.values() if one.state == "failed"]
    old = [one.id for one in failed if now - one.due_at > KEPT_FAILED_S]
    old += [
        one.id
        for one in queue.values()
        if one.state != "failed" and one.channel not in channels and now - one.made_at > give_up_s
    ]
    return (*old, *(one.id for one in failed[: max(0, len(failed) - MOST_FAILED)] if one.id not in old))


def is_in_doubt(one: Delivery) -> bool:
    """An attempt began before the program ended, so the receiver may have it already."""
    return one.state == "sending"
