"""The Alertmanagers of `[alerts] alertmanager`: told at once of what changed, and of everything again each minute."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.config.secret import Secret
from app.domain.frozen import frozen
from app.domain.notice import ChannelHealth, Outcome
from app.engine.notifying.alertmanager import Shown, gone, payload, shown
from app.engine.notifying.topics import World
from app.transport import posting

RESEND_S = 60.0
TIMEOUT_S = 10.0
BATCH = 500
"""Alerts in one request."""
RETRY_S = 5.0


@frozen
class _Due:
    """What one of them is to be sent."""

    alerts: tuple[Shown, ...]
    at: float


class Alertmanagers:
    """All of them; each has what waits for it, the newest only: every message says everything."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses: Mapping[str, Secret] = {}
        self._shown: tuple[Shown, ...] = ()
        self._over: tuple[Shown, ...] = ()
        self._sent_at: dict[str, float] = {}
        self._due: dict[str, _Due] = {}
        self.health: Mapping[str, ChannelHealth] = {}
        self.follow(addresses)

    def follow(self, addresses: Sequence[str]) -> None:
        """Tell these from now on; those added are told everything with the next message."""
        self._addresses = {f"alertmanager {posting.host_of(Secret(one))}": Secret(_route(one)) for one in addresses}
        self._due = {name: due for name, due in self._due.items() if name in self._addresses}

    @property
    def names(self) -> tuple[str, ...]:
        """Who they are."""
        return tuple(self._addresses)

    def show(self, world: World, now: float) -> None:
        """Take in how things are; what is not known is not taken for over."""
        if world.alerts is None or not self._addresses:
            return
        if world.diagnosis is None and any("incident" in one.labels for one in self._shown):
            return
        after = shown(world, now, RESEND_S)
        over = gone((*self._shown, *self._over), after, now)
        over = tuple(one for one in over if now - one.ends_at <= 15 * 60)
        is_news = {one.key: one.is_over for one in after} != {one.key: one.is_over for one in self._shown}
        self._shown, self._over = after, over
        for name in self._addresses:
            last = self._sent_at.get(name)
            if is_news or last is None or now - last >= RESEND_S or now < last:
                self._due[name] = _Due((*after, *over), now)

    def waiting(self, now: float) -> tuple[str, ...]:
        """Whom something waits for, but for those that failed a moment ago."""
        return tuple(name for name in self._due if now - (self._failed_at(name) or 0.0) >= RETRY_S)

    def _failed_at(self, name: str) -> float | None:
        known = self.health.get(name)
        return known.failed_at if known is not None and known.is_failing else None

    async def send(self, name: str, now: float) -> Outcome:
        """Tell one of them; what waited stays waiting where that fails."""
        due = self._due.pop(name)
        outcome, address = Outcome(ok=True), self._addresses[name]
        for start in range(0, len(due.alerts), BATCH):
            body = json.dumps(payload(due.alerts[start : start + BATCH]), separators=(",", ":")).encode()
            outcome = await posting.post_json(address, body, TIMEOUT_S)
            if not outcome.ok:
                break
        known = self.health.get(name, ChannelHealth(name))
        if outcome.ok:
            self._sent_at[name] = due.at
            known = replace(known, ok_at=now, error="")
        else:
            if name in self._addresses:
                self._due.setdefault(name, due)
            known = replace(known, failed_at=now, error=outcome.error)
        self.health = {**self.health, name: known}
        return outcome

    async def send_all(self, now: float) -> None:
        """Tell all for whom something waits."""
        await asyncio.gather(*(self.send(name, now) for name in self.waiting(now)))


def _route(address: str) -> str:
    """The route of its API; an address may name it already."""
    bare = address.rstrip("/")
    return bare if bare.endswith("/api/v2/alerts") else f"{bare}/api/v2/alerts"
