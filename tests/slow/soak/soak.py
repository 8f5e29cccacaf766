"""Runs a soak: exporters that fail by plan, a daemon that is killed, clocks that step, a disk that fills and is freed.

The store lies in a file system of its own of which little is left, where this process may mount one (`unshare -rm`
gives it one); elsewhere the disk never fills, and the verdict says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.domain.series import Event, Subject
from app.store.sqlite import open_store
from tests.bench.scale.cost import cost
from tests.slow.soak.collector import failed_looks
from tests.slow.soak.exporters import SERIAL, Exporter, Page
from tests.slow.soak.fast_clock import FastClock
from tests.slow.soak.plan import Plan

ROOT = Path(__file__).parents[3]
BEGIN = 1_800_057_600.0
RULE = '[rule.TooHot]\nmetric = "gpu.temperature"\nabove = 90\nfor_s = 60\nseverity = "critical"\n'
DISK_MIB = 768
_LAST_S = 90.0
"""Before the end nothing is served, so that all that came can be written."""


Tick = tuple[int, float]
"""Number, and epoch seconds by the clock that is stepped."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A daemon that was killed, and the next one; in seconds after the beginning."""

    passed: float
    newest: Tick | None
    """The last that another process could read a moment before; None: there was none yet."""
    started: float
    """When the next one began to collect."""


@dataclass(slots=True)
class Log:
    """What was done and seen; unless it says otherwise, in seconds after the beginning."""

    plan: Plan
    speed: float
    """Seconds of the soak's clock in a real one."""
    killed: list[Kill] = field(default_factory=list)
    full: list[tuple[float, float]] = field(default_factory=list)
    passed_of_step: list[tuple[float, float]] = field(default_factory=list)
    """(when the clock was set, how far it was off from then on)."""
    rss_mib: list[tuple[float, float]] = field(default_factory=list)
    """(when, what the daemon holds)."""
    served: dict[int, list[Page]] = field(default_factory=dict)
    """Node → its good pages."""
    failed: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """Node → its looks that the daemon told to have failed: since when, until when."""
    kept: dict[int, set[int]] = field(default_factory=dict)
    """Node → serials that are in the store."""
    ticks: list[Tick] = field(default_factory=list)
    """What the store has kept, in order."""
    events: list[Event] = field(default_factory=list)
    has_disk: bool = False

    def at(self, passed: float) -> float:
        """What the clock said so many seconds after the beginning."""
        return (
            BEGIN + passed + next((offset for since, offset in reversed(self.passed_of_step) if since <= passed), 0.0)
        )

    def passed_of_ticks(self) -> dict[Tick, float]:
        """When each tick in the store was begun, whatever the clock said: they are in order, and so were the steps."""
        found: dict[Tick, float] = {}
        steps, offset, last = list(self.passed_of_step), 0.0, 0.0
        for number, at in self.ticks:
            while steps and (at - BEGIN - offset >= steps[0][0] or at - BEGIN - offset < last):
                offset = steps.pop(0)[1]
            found[number, at] = last = at - BEGIN - offset
        return found


class Soak:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, speed: float) -> None:
        self._plan = plan
        self._state = folder / "state"
        self._clock_file = folder / "clock"
        self._clock = FastClock.begin(self._clock_file, BEGIN, speed)
        self._log = Log(plan, speed)
        self._daemon: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._exporters: list[Exporter] = []
        (folder / "rules.toml").write_text(RULE)

    async def run(self) -> Log:
        """Everything, to the end; then what the store holds is read."""
        self._state.mkdir(mode=0o700)
        self._log.has_disk = _mount(self._state, DISK_MIB)
        port = free_port()
        for node in range(self._plan.nodes):
            mine = tuple(one for one in self._plan.hot if one.node == node)
            self._exporters.append(Exporter(node, port, self._clock, mine))
            await self._exporters[-1].open()
        await self._start()
        try:
            async with asyncio.TaskGroup() as group:
                for when, what in self._happenings():
                    group.create_task(self._at(when, what))
                group.create_task(self._weigh())
        finally:
            await self._stop()
        await self._read()
        return self._log

    def _happenings(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        plan = self._plan
        found: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        for bad in plan.bad:
            one = self._exporters[bad.node]
            found += [(bad.since, partial(one.be, bad.mood)), (bad.until, partial(one.be, None))]
        found += [(when, self._kill) for when in plan.kills]
        found += [(when, partial(self._step, by)) for when, by in plan.steps]
        if self._log.has_disk:
            found += [(since, partial(self._fill, until)) for since, until in plan.full]
        found.append((plan.length_s - _LAST_S, self._quiet))
        return found

    async def _at(self, when: float, what: Callable[[], Awaitable[None]]) -> None:
        await self._clock.sleep(when - self._clock.passed())
        await what()

    async def _start(self) -> None:
        targets = [f"node-{one.node}=http://{one.host}:{one.port}/metrics" for one in self._exporters]
        command = [sys.executable, "-m", "tests.slow.soak.collector", str(self._state), str(self._clock_file), *targets]
        pipe = asyncio.subprocess.PIPE
        self._daemon = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe)
        assert self._daemon.stdout is not None, "started with a pipe"
        line = await self._daemon.stdout.readline()
        assert line == b"collecting\n", "the daemon did not begin to collect"

    async def _stop(self) -> None:
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.terminate()
            await self._daemon.wait()

    async def _kill(self) -> None:
        assert self._daemon is not None, "started before"
        async with self._starting:
            newest, passed = next(iter(self._ticks("DESC LIMIT 1")), None), self._clock.passed()
            self._daemon.send_signal(signal.SIGKILL)
            await self._daemon.wait()
            await self._start()
            self._log.killed.append(Kill(passed, newest, self._clock.passed()))

    async def _step(self, seconds: float) -> None:
        self._clock.step(seconds)
        self._log.passed_of_step.append((self._clock.passed(), self._clock.now() - BEGIN - self._clock.passed()))

    async def _fill(self, until: float) -> None:
        """Leave nothing of the disk, for a while."""
        filler, began = self._state / "filler", self._clock.passed()
        with filler.open("wb") as file:
            try:
                while file.write(bytes(1 << 20)):
                    file.flush()
            except OSError:
                pass
        await self._clock.sleep(until - self._clock.passed())
        filler.unlink()
        self._log.full.append((began, self._clock.passed()))

    async def _quiet(self) -> None:
        """End of the exporters."""
        for one in self._exporters:
            await one.be("dead")

    async def _weigh(self) -> None:
        """Look at the daemon's memory now and then."""
        every = max(30.0, self._plan.length_s / 400)
        while self._clock.passed() < self._plan.length_s:
            await self._clock.sleep(every)
            if self._daemon is not None and self._daemon.returncode is None:
                try:
                    self._log.rss_mib.append((self._clock.passed(), cost(self._daemon.pid).rss_mib))
                except (OSError, KeyError):
                    continue  # it has just ended

    def _ticks(self, order: str) -> list[Tick]:
        """What the store's file holds now, past the program's own reading of it; nothing where there is none yet."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self._state}/history.db?mode=ro", uri=True)) as db:
                return [
                    (number, at / 1000) for number, at in db.execute(f"SELECT id, at FROM tick ORDER BY id {order}")
                ]
        except sqlite3.OperationalError:
            return []

    async def _read(self) -> None:
        history = await open_store(self._state / "history.db", self._clock.now, want_lease=False)
        begin, end = BEGIN - 3600, self._clock.now() + 3600
        for one in self._exporters:
            self._log.served[one.node] = one.served
            asked = Subject("gpu", node=f"node-{one.node}", index=0)
            try:
                found = await history.series(asked, SERIAL, begin, end, 0.0)
                self._log.kept[one.node] = {round(point.mean) for point in found.points if point.mean is not None}
            except LookupError:
                self._log.kept[one.node] = set()
        for line in failed_looks(self._state).read_text().splitlines():
            name, since, until = line.split()
            self._log.failed.setdefault(int(name.removeprefix("node-")), []).append((float(since), float(until)))
        self._log.ticks = self._ticks("ASC")
        self._log.events = list(await history.events(begin, end, limit=100_000))
        await history.close()


def _mount(folder: Path, size_mib: int) -> bool:
    """Give a folder a small file system of its own, in a mount namespace that ends with this process."""
    if os.environ.get("SOAK_MAY_MOUNT") != "1":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.mount(b"soak", str(folder).encode(), b"tmpfs", 0, f"mode=700,size={size_mib}m".encode())
    return bool(made == 0)


def free_port() -> int:
    """A port of the exporters' addresses that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.2.0.1", 0))
        return int(probe.getsockname()[1])
