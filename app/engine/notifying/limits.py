"""How much a channel is told at once: its limit, and digests. Pure.

What a limit holds back is not dropped: it is told together, in one message that says how many there are. A third of a
limit is kept for critical things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.diagnosis import GRAVITY, gravest
from app.domain.frozen import frozen
from app.domain.notice import Notice, NoticeKind
from app.engine.notifying.policy import Limit
from app.engine.notifying.state import Line

MOST_LINES = 50
MOST_HELD = 500
"""Lines kept for a summary; of those beyond it the number is told."""
_OTHERS = ""
SUMMARY_PAUSE_S = 60.0
"""Least time between two summaries with something critical in them."""


@frozen
class Allowed:
    """What may go out, and what is remembered of it."""

    notices: tuple[Notice, ...]
    sent: tuple[float, ...] = ()
    held: tuple[Line, ...] = ()
    summed: float | None = None


Before = tuple[tuple[float, ...], tuple[Line, ...], float | None]
"""When the channel was told something, what was held back, when that was last told together."""


def limited(limit: Limit | None, notices: Sequence[Notice], before: Before, cluster: str, now: float) -> Allowed:
    """What of these a channel is told one by one, and a summary of the rest once that is due."""
    sent, held, summed = before
    if limit is None:
        return Allowed(tuple(notices))
    used = [at for at in sent if 0 <= now - at < limit.per_s]
    waiting = list(held)
    allowed: list[Notice] = []
    for one in sorted(notices, key=lambda notice: -GRAVITY[notice.severity]):
        room = limit.count if one.severity == "critical" else max(1, limit.count * 2 // 3)
        if len(used) < room:
            used.append(now)
            allowed.append(one)
        elif one.phase != "still":  # a reminder that finds no room is none the next time either
            waiting.append(Line(one.topic, one.title, one.severity, now, one.phase))
    if waiting and _is_due(limit, waiting, summed, now):
        allowed.append(_together("summary", waiting, cluster, now))
        waiting, summed = [], now
    return Allowed(tuple(allowed), tuple(used), _shortened(waiting), summed)


def _is_due(limit: Limit, waiting: Sequence[Line], summed: float | None, now: float) -> bool:
    """Whether a summary may go out: soon where something critical waits, else a few times in the limit's span."""
    if summed is None or now < summed:
        return True
    pause_s = limit.per_s / 4
    if any(one.severity == "critical" for one in waiting):
        pause_s = min(pause_s, SUMMARY_PAUSE_S)
    return now - summed >= pause_s


def _shortened(waiting: Sequence[Line]) -> tuple[Line, ...]:
    """The gravest, and one line for the number of the rest: no list grows without end."""
    if len(waiting) <= MOST_HELD:
        return tuple(waiting)
    some = sorted(waiting, key=lambda one: (one.topic == _OTHERS, -GRAVITY[one.severity], one.at))
    rest = some[MOST_HELD - 1 :]
    last = replace(rest[0], topic=_OTHERS, title="others", phase="began", count=sum(one.count for one in rest))
    return (*some[: MOST_HELD - 1], last)


def digest_of(lines: Sequence[Line], cluster: str, now: float) -> Notice | None:
    """The digest, once one of its lines has waited long enough."""
    if not any(one.due_at <= now for one in lines):
        return None
    return _together("digest", lines, cluster, now)


def _together(kind: NoticeKind, lines: Sequence[Line], cluster: str, now: float) -> Notice:
    """One message about several things: the gravest first, what is over by then marked."""
    last: dict[str, Line] = {}
    for one in lines:
        last[one.topic] = one
    some = sorted(last.values(), key=lambda one: (one.topic == _OTHERS, one.phase == "over", -GRAVITY[one.severity]))
    over, count = sum(one.phase == "over" for one in some), sum(one.count for one in some)
    listed = [one for one in some[:MOST_LINES] if one.topic != _OTHERS]
    number = f"{count:,} thing{'s' if count != 1 else ''}"
    title = (
        f"{number} more, told together: the channel's limit was reached"
        if kind == "summary"
        else f"{number} to know of"
    )
    if over:
        title += f" ({over:,} over)"
    return Notice(
        topic=kind,
        kind=kind,
        phase="began",
        severity=gravest(tuple(one.severity for one in some if one.phase != "over")),
        title=title,
        at=now,
        began=min(one.at for one in some),
        cluster=cluster,
        lines=tuple(f"{one.severity if one.phase != 'over' else 'over'}: {one.title}" for one in listed),
        left_out=count - len(listed),
    )
