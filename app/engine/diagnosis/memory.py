"""Signs through time: how long a state has lasted, how often an event came. Pure.

A state that is no longer said is over, unless its source cannot be read now: then nobody knows, and it is kept for a
while. Events are kept as long as any fault looks back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace

from app.domain.finding import FindingSubject
from app.domain.frozen import frozen
from app.engine.diagnosis.sign import Sign

HOLD_S = 1800.0
"""A state of a source that has fallen silent is believed for so long."""
MOST_EVENTS = 64
"""Times of one event that are remembered; the oldest go first."""
MOST_SIGNS = 20_000
"""Signs that are remembered in all; of more, the ones not seen for longest go."""

SignKey = tuple[str, FindingSubject, str]


@frozen
class Held:
    """One sign with its past."""

    sign: Sign
    """As it was seen last."""
    first: float
    """Epoch seconds: of a state since when it lasts, of an event its first time that is remembered."""
    last: float
    times: tuple[tuple[float, float], ...] = ()
    """(when, value) of each event."""
    is_open: bool = False
    """A state that stood there at the first look: nobody knows since when."""

    @property
    def kind(self) -> str:
        """The kind of the sign."""
        return self.sign.kind


@frozen
class Memory:
    """Every sign that counts now."""

    held: Mapping[SignKey, Held] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    """Sources that have been heard at a look before."""

    def stepped(
        self, signs: Iterable[Sign], now: float, keep_s: float, is_silent: Callable[[str], bool], heard: frozenset[str]
    ) -> Memory:
        """With what was seen now. `is_silent` says whether a source cannot be read; `heard` are those that were."""
        held: dict[SignKey, Held] = {}
        for sign in signs:
            before = held.get(sign.key) or self.held.get(sign.key)
            held[sign.key] = _event(before, sign) if sign.is_event else self._state(before, sign)
        for key, old in self.held.items():
            if key in held:
                continue
            if old.sign.is_event:
                if now - old.last <= keep_s:
                    held[key] = old
            elif is_silent(old.sign.source) and now - old.last <= HOLD_S:
                held[key] = old
        if len(held) > MOST_SIGNS:
            newest = sorted(held.items(), key=lambda pair: pair[1].last, reverse=True)[:MOST_SIGNS]
            held = dict(newest)
        return Memory(held, self.sources | heard)

    def _state(self, before: Held | None, sign: Sign) -> Held:
        if before is not None and not before.sign.is_event:
            first = before.first if sign.since is None else min(before.first, sign.since)
            return Held(sign, first, sign.at, is_open=before.is_open and sign.since is None)
        is_open = sign.since is None and sign.source not in self.sources
        return Held(sign, sign.at if sign.since is None else min(sign.since, sign.at), sign.at, is_open=is_open)


def _event(before: Held | None, sign: Sign) -> Held:
    value = 1.0 if sign.value is None else sign.value
    if before is None or not before.sign.is_event:
        return Held(sign, sign.at, sign.at, ((sign.at, value),))
    times = tuple(sorted((*before.times, (sign.at, value))))[-MOST_EVENTS:]
    newest = sign if sign.at >= before.last else before.sign
    return replace(before, sign=newest, first=min(before.first, sign.at), last=max(before.last, sign.at), times=times)
