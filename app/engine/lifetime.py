"""When a deployment has lived long enough: time to live, idleness and budget, decided but not done. Pure.

The provider ends nothing by itself, so this is asked again and again by whoever runs (a deploy, a screen, a daemon);
the pods watch over the same two deadlines themselves, for the time when nobody does.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import Decision, Deployment, State
from app.domain.frozen import frozen
from app.domain.times import format_span

LONGEST_GAP_S = 180.0
"""Two looks further apart than this say nothing of the time between them: it counts as neither idle nor busy."""
TTL_WARNINGS_S = (3600.0, 600.0)
"""So long before the end of its time to live a deployment's end is announced; the shorter first where both fit."""
IDLE_WARNING = 0.8
"""Share of the idle time after which the end is announced."""
IDLE_SAID = "nothing was done on it for"
"""What every word about idleness begins with; work in between makes it news again."""
EPSILON = 1e-6
_OVER = frozenset({State.NEW, State.PLANNED, State.DESTROYING, State.DESTROYED})


@frozen
class Idle:
    """For how long nothing was done on a deployment, as far as it was seen."""

    idle_s: float = 0.0
    seen_at: float | None = None
    """Epoch seconds of the last look that could tell; None: nothing is known since when."""

    def seen(self, is_busy: bool | None, now: float) -> Idle:  # noqa: FBT001 - the answer of a question, None included
        """The same after one more look. None: it could not be told; then nothing is added, and nothing is lost."""
        if is_busy is None:
            return replace(self, seen_at=None)
        if is_busy:
            return Idle(0.0, now)
        gap = 0.0 if self.seen_at is None else now - self.seen_at
        return Idle(self.idle_s + (gap if 0.0 < gap <= LONGEST_GAP_S else 0.0), now)


NEVER_SEEN = Idle()
"""Nobody has looked yet."""


def decide(
    deployment: Deployment, now: float, idle: Idle = NEVER_SEEN, per_hour: float | None = None
) -> tuple[Decision, ...]:
    """What is due now, the gravest first; `per_hour` is what the provider bills, None where it is not known.

    A reason says the same words for as long as the same thing is due, so who tells people can tell each once.
    """
    if deployment.state in _OVER:
        return ()
    found = (_ttl(deployment, now), _idle(deployment, now, idle), _budget(deployment, now, per_hour))
    due = [one for one in found if one is not None]
    return tuple(sorted(due, key=lambda one: one.verb != "destroy"))


def _ttl(deployment: Deployment, now: float) -> Decision | None:
    ends_at = deployment.deadline_at
    if ends_at is None:
        return None
    span = f" of {format_span(deployment.wish.ttl_s)}" if deployment.wish.ttl_s else ""
    if now >= ends_at:
        return Decision("destroy", f"the time to live{span} is over", now)
    near = [limit for limit in TTL_WARNINGS_S if ends_at - now <= limit]
    # Whoever asks for ten minutes knows that it ends within the hour.
    near = [limit for limit in near if not deployment.wish.ttl_s or limit <= deployment.wish.ttl_s / 2]
    if not near:
        return None
    left = format_span(min(near))
    return Decision("warn", f"the time to live{span} ends in less than {left}; all is destroyed then", now)


def _idle(deployment: Deployment, now: float, idle: Idle) -> Decision | None:
    most_s = deployment.wish.idle_s
    if most_s is None or deployment.state is not State.READY:
        return None
    if idle.idle_s + EPSILON >= most_s:
        return Decision("destroy", f"{IDLE_SAID} {format_span(most_s)}", now)
    if idle.idle_s >= IDLE_WARNING * most_s:
        share = format_span(IDLE_WARNING * most_s)
        return Decision("warn", f"{IDLE_SAID} {share}; after {format_span(most_s)} all is destroyed", now)
    return None


def _budget(deployment: Deployment, now: float, per_hour: float | None) -> Decision | None:
    """A warning, never an end: prices of what runs do not rise by themselves, so somebody added something."""
    cap = deployment.wish.max_cost_per_hour
    if cap is None or per_hour is None or per_hour <= cap + EPSILON:
        return None
    return Decision("warn", f"its pods cost ${per_hour:.2f}/h, the cap is ${cap:.2f}/h", now)
