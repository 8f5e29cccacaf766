"""What happened while somebody was away, out of events: what fired, which jobs ended, what is not as it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from app.domain.frozen import frozen
from app.domain.series import Event, Severity, Subject

MOST = 20
"""Things of one sort that are told one by one."""
_GRAVITY: Mapping[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
_BEGINS = ("incident.began", "incident.worse", "alert.firing", "finding.began")
_ENDS = ("incident.ended", "alert.resolved", "finding.ended")
_OVER = ("over: ", "no longer so: ", "graver: ")
"""What stands before the title of the same thing in a later event."""
_TURNS: Mapping[str, str] = {
    "source.down": "source.up",
    "gpu.lost": "gpu.found",
    "node.down": "node.up",
    "node.drained": "node.resumed",
}
"""What takes a thing away, and what brings it back."""
_LASTING = frozenset({*_TURNS, *_TURNS.values(), "node.new", "node.deleted"})


@frozen
class Fired:
    """Something that went wrong."""

    at: float
    severity: Severity
    text: str
    ended_at: float | None = None
    """None: it was not over by the end."""


@frozen
class Change:
    """Something that is not as it was."""

    at: float
    severity: Severity
    text: str
    times: int = 1
    """How often it went, to come back or not."""


@frozen
class Digest:
    """A time, told in short."""

    start: float
    end: float
    fired: tuple[Fired, ...] = ()
    """What is not over first, of these the gravest."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """How many jobs ended, by the state they ended in."""
    failed: tuple[Event, ...] = ()
    """Ends of jobs that are bad news, the newest first."""
    changed: tuple[Change, ...] = ()
    passing: int = 0
    """Things that went and came back."""

    @property
    def is_quiet(self) -> bool:
        """Nothing of note happened."""
        return not (self.fired or self.ended or self.changed or self.passing)


def digest(events: Iterable[Event], start: float, end: float) -> Digest:
    """The events of a time in short; each thing that fired is told once, by its diagnosis where somebody diagnosed."""
    within = sorted((one for one in events if start <= one.at <= end), key=lambda one: one.at)
    ends = [one for one in within if one.kind == "job.ended"]
    changed, passing = _changes(within)
    return Digest(
        start,
        end,
        _fired(within),
        _counted(ends),
        tuple(one for one in reversed(ends) if one.severity != "info"),
        changed,
        passing,
    )


def _fired(events: list[Event]) -> tuple[Fired, ...]:
    is_diagnosed = any(one.kind.startswith("incident.") for one in events)
    known: dict[tuple[Subject, str], Fired] = {}
    for one in events:
        if is_diagnosed and not one.kind.startswith("incident."):
            continue
        key = (one.subject, _title(one.text))
        before = known.get(key)
        if one.kind in _BEGINS:
            if before is None or before.ended_at is not None:
                known[key] = Fired(one.at if before is None else before.at, one.severity, key[1])
            elif _GRAVITY[one.severity] < _GRAVITY[before.severity]:
                known[key] = Fired(before.at, one.severity, key[1])
        elif one.kind in _ENDS and before is not None:
            known[key] = Fired(before.at, before.severity, before.text, one.at)
    return tuple(sorted(known.values(), key=lambda one: (one.ended_at is not None, _GRAVITY[one.severity], -one.at)))


def _title(text: str) -> str:
    """The title, without what was said before it, and how many consequences it had then."""
    for begins in _OVER:
        text = text.removeprefix(begins)
    head, _, tail = text.rpartition(" (")
    return head if head and tail.endswith(("consequence)", "consequences)")) else text


def _counted(ends: list[Event]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for one in ends:
        state = one.text.rpartition("ended: ")[2].split()[0] if "ended: " in one.text else "unknown"
        counts[state] = counts.get(state, 0) + 1
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _changes(events: list[Event]) -> tuple[tuple[Change, ...], int]:
    """What is not as it was, by its last event; and how many things came back."""
    last: dict[tuple[Subject, str], tuple[Event, Event, int]] = {}
    for one in events:
        if one.kind in _LASTING:
            sort = next((gone for gone, back in _TURNS.items() if one.kind in (gone, back)), one.kind)
            first, _, times = last.get((one.subject, sort), (one, one, 0))
            last[one.subject, sort] = (first, one, times + (one.kind == sort))
    stays = [(now, times) for first, now, times in last.values() if not _is_back(first, now)]
    changed = (Change(now.at, now.severity, now.text, max(1, times)) for now, times in stays)
    return tuple(sorted(changed, key=lambda one: (_GRAVITY[one.severity], -one.at))), len(last) - len(stays)


def _is_back(first: Event, now: Event) -> bool:
    """It went within the time, and is there again."""
    return _TURNS.get(first.kind) == now.kind
