"""One target of a Prometheus server as a source: the server's newest page of it, at the time it was scraped.

A source like that of the exporter itself, but for who fetches: the same adapters read it, its values are as old as the
server's last scrape, and it is down when the server cannot scrape it, or cannot be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, unquote

from app.config.settings import Target
from app.domain.reading import Reading, SourceSpec
from app.sources.discovery import Difference
from app.sources.joins import is_loopback
from app.sources.page import Page, PageContents, PageError
from app.sources.prometheus_names import Key
from app.sources.prometheus_pages import PastPage, Seen
from app.sources.prometheus_sweep import FORGET_S, Sweep, Swept
from app.sources.rates import with_rates
from app.sources.registry import Making

SCHEME = "prometheus:"
THREAD_BYTES = 64 * 1024
"""A page larger than this is read in a thread."""
UNKNOWN_INTERVAL_S = 15.0
"""How often a target is scraped where nothing tells, which a second scrape does."""


class PrometheusSource:
    """One target of a server."""

    def __init__(self, making: Making, sweep: Sweep, key: Key) -> None:
        self._making = making
        self._sweep = sweep
        self._key = key
        host = host_of(key.instance)
        self._host = making.spec.name if is_loopback(host) else host
        self._page = Page(making.spec.node, self._host)
        self._before: PageContents | None = None
        self._last: Reading | None = None

    @property
    def spec(self) -> SourceSpec:
        """As configured, but read no more often than it is scraped: its values' ages are judged by that."""
        scraped_s = self._sweep.intervals.get(self._key, UNKNOWN_INTERVAL_S)
        return replace(self._making.spec, interval_s=max(self._making.spec.interval_s, scraped_s))

    @property
    def timeout_s(self) -> float:
        return 3 * self._sweep.settings.timeout_s + 2

    async def read(self) -> Reading:
        """Look once. What was not scraped anew since the last look is the same reading, at its own time."""
        clock, name = self._making.clock, self._making.spec.name
        swept = await self._sweep.look()
        trouble = swept.error or self._trouble(swept)
        if trouble is not None:
            return Reading.failed(name, clock.now(), trouble, swept.duration_s)
        seen = swept.targets[self._key]
        *earlier, last = seen.pages
        self._tell(last, swept.ahead_s)
        if self._last is not None and self._last.at >= last.at + swept.ahead_s:
            return self._last
        try:
            for one in earlier if self._before is None else ():
                with contextlib.suppress(PageError):  # its exporter may just have begun
                    await self._read(one, swept.ahead_s)
            contents = await self._read(last, swept.ahead_s)
        except PageError as error:
            return Reading.failed(name, clock.now(), f"{self._sweep.server.name}: {error}", swept.duration_s)
        self._last = Reading(
            source=name,
            at=contents.at,
            duration_s=swept.duration_s,
            nodes=contents.nodes,
            services=contents.services,
            page=contents.health,
            simulated=contents.simulated,
        )
        return self._last

    async def close(self) -> None:
        """Nothing of its own: the server's connections are the sweep's."""

    def _tell(self, one: PastPage, ahead_s: float) -> None:
        """Give the tap what this look rests on, also where it was read before."""
        if self._making.tap is not None:
            self._making.tap(self._making.spec.name, "host", one.at + ahead_s, (self._host or "").encode())
            self._making.tap(self._making.spec.name, "page", one.at + ahead_s, one.body)

    async def _read(self, one: PastPage, ahead_s: float) -> PageContents:
        at = one.at + ahead_s
        if len(one.body) <= THREAD_BYTES:
            contents = self._page.read(one.body, at)
        else:
            contents = await asyncio.to_thread(self._page.read, one.body, at)
        self._before = contents = with_rates(self._before, contents)
        return contents

    def _trouble(self, swept: Swept) -> str | None:
        """Why there is no page of the target; None where there is one."""
        server, instance = self._sweep.server.name, self._key.instance
        if self._key in swept.down:
            return f"{server} could not scrape {instance} the last time (up is 0): see its Targets page"
        if self._key not in swept.targets:
            return f"{server} has no sample of {instance} (job {self._key.job}) any more"
        return None


class PrometheusDiscovery:
    """The targets of a server that are ours, as they come and go."""

    def __init__(self, sweep: Sweep, already: frozenset[str]) -> None:
        """`already`: hosts with ports that are scraped from here; the server's copies of them are left out."""
        self.sweep = sweep
        self._already = already
        self._known: dict[Key, Target] = {}
        self._unseen_s: dict[Key, float] = {}

    async def look(self) -> Difference:
        """What came and went since the last look."""
        swept = await self.sweep.look()
        if swept.error is not None:
            return Difference(problems=(swept.error,))
        there = {**dict.fromkeys(swept.down), **swept.targets}
        added = tuple(self._take(key, seen) for key, seen in sorted(there.items()) if self._is_new(key))
        removed = tuple(self._known.pop(key) for key in self._gone(there, swept.began))
        problems = () if self._known else (self._nothing(),)
        return Difference(added, removed, problems + tuple(f"{self.sweep.server.name}: {note}" for note in swept.notes))

    def _is_new(self, key: Key) -> bool:
        return key not in self._known and key.instance not in self._already

    def _take(self, key: Key, seen: Seen | None) -> Target:
        self._known[key] = target_of(key, seen, self.sweep.settings.node_label)
        return self._known[key]

    def _gone(self, there: Mapping[Key, object], now: float) -> list[Key]:
        for key in self._known:
            if key in there:
                self._unseen_s.pop(key, None)
            else:
                self._unseen_s.setdefault(key, now)
        gone = [key for key, since in self._unseen_s.items() if now - since > FORGET_S]
        for key in gone:
            del self._unseen_s[key]
        return gone

    def _nothing(self) -> str:
        only = f" that meets {self.sweep.settings.only}" if self.sweep.settings.only else ""
        return f"{self.sweep.server.shown} has no series{only} of a GPU, node or vLLM exporter"


def target_of(key: Key, seen: Seen | None, node_label: str) -> Target:
    """A target of the server as one of ours."""
    labels = seen.labels if seen is not None else {}
    return Target(
        url=f"{SCHEME}{quote(key.job, safe='')}/{key.instance}", node=labels.get(node_label, ""), name=key.instance
    )


def key_in(url: str) -> Key:
    """The target that an address of ours names."""
    job, _, instance = url.removeprefix(SCHEME).partition("/")
    return Key(unquote(job), instance)


def host_of(instance: str) -> str | None:
    """The host part of an `instance` label; None where it is no host."""
    host, colon, port = instance.rpartition(":")
    host = host if colon and port.isdigit() else instance
    host = host.strip("[]")
    return host or None


def make(making: Making) -> PrometheusSource:
    """Make the source; nothing is asked before the first look."""
    assert making.sweep is not None, "targets of a server come from its sweep"  # noqa: S101 - a mistake of ours
    return PrometheusSource(making, making.sweep, key_in(making.target.url))
