"""Runs a soak: exporters that fail by plan, a daemon that is killed, clocks that step, a disk that fills and is freed.

The store lies in a file system of its own of which little is left, where this process may mount one (`unshare -rm`
gives it one); elsewhere the disk never fills, and the verdict says so.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.domain.series import Event, Subject
from app.store.sqlite import open_store
from tests.bench.scale.cost import cost
from tests.slow.soak.exporters import Exporter
from tests.slow.soak.fast_clock import FastClock
from tests.slow.soak.plan import Plan

ROOT = Path(__file__).parents[3]
BEGIN = 1_800_057_600.0
RULE = '[rule.TooHot]\nmetric = "gpu.temperature"\nabove = 90\nfor_s = 60\nseverity = "critical"\n'
DISK_MIB = 768
_LAST_S = 90.0
"""Before the end nothing is served, so that all that came can be written."""


@dataclass(slots=True)
class Log:
    """What was done and seen."""

    plan: Plan
    killed: list[float] = field(default_factory=list)
    """Epoch seconds, by the clock that is stepped."""
    started: list[float] = field(default_factory=list)
    """When it collected again after each kill."""
    full: list[tuple[float, float]] = field(default_factory=list)
    stepped: list[float] = field(default_factory=list)
    passed_of_step: list[tuple[float, float]] = field(default_factory=list)
    """(seconds after the beginning, offset of the clock from then on)."""
    rss_mib: list[tuple[float, float]] = field(default_factory=list)
    """(seconds after the beginning, what the daemon holds)."""
    served: dict[int, list[float]] = field(default_factory=dict)
    """Node → when its good pages went out."""
    kept: dict[int, list[float]] = field(default_factory=dict)
    """Node → times of its stored samples."""
    events: list[Event] = field(default_factory=list)
    has_disk: bool = False

    def at(self, passed: float) -> float:
        """What the clock said so many seconds after the beginning."""
        return (
            BEGIN + passed + next((offset for since, offset in reversed(self.passed_of_step) if since <= passed), 0.0)
        )


class Soak:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, speed: float) -> None:
        self._plan = plan
        self._state = folder / "state"
        self._clock_file = folder / "clock"
        self._clock = FastClock.begin(self._clock_file, BEGIN, speed)
        self._log = Log(plan)
        self._daemon: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._exporters: list[Exporter] = []
        (folder / "rules.toml").write_text(RULE)

    async def run(self) -> Log:
        """Everything, to the end; then what the store holds is read."""
        self._state.mkdir(mode=0o700)
        self._log.has_disk = _mount(self._state, DISK_MIB)
        port = _free_port()
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
            self._log.killed.append(self._clock.now())
            self._daemon.send_signal(signal.SIGKILL)
            await self._daemon.wait()
            await self._start()
            self._log.started.append(self._clock.now())

    async def _step(self, seconds: float) -> None:
        self._log.stepped.append(self._clock.now())
        self._clock.step(seconds)
        self._log.stepped.append(self._clock.now())
        self._log.passed_of_step.append((self._clock.passed(), self._clock.now() - BEGIN - self._clock.passed()))

    async def _fill(self, until: float) -> None:
        """Leave nothing of the disk, for a while."""
        filler, began = self._state / "filler", self._clock.now()
        with filler.open("wb") as file:
            try:
                while file.write(bytes(1 << 20)):
                    file.flush()
            except OSError:
                pass
        await self._clock.sleep(until - self._clock.passed())
        filler.unlink()
        self._log.full.append((began, self._clock.now()))

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

    async def _read(self) -> None:
        history = await open_store(self._state / "history.db", self._clock.now, want_lease=False)
        begin, end = BEGIN - 3600, self._clock.now() + 3600
        for one in self._exporters:
            self._log.served[one.node] = one.served
            asked = Subject("gpu", node=f"node-{one.node}", index=0)
            try:
                found = await history.series(asked, "gpu.utilization", begin, end, 0.0)
                self._log.kept[one.node] = [point.at for point in found.points if point.mean is not None]
            except LookupError:
                self._log.kept[one.node] = []
        self._log.events = list(await history.events(begin, end, limit=100_000))
        await history.close()


def _mount(folder: Path, size_mib: int) -> bool:
    """Give a folder a small file system of its own, in a mount namespace that ends with this process."""
    if os.environ.get("SOAK_MAY_MOUNT") != "1":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.mount(b"soak", str(folder).encode(), b"tmpfs", 0, f"mode=700,size={size_mib}m".encode())
    return bool(made == 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.2.0.1", 0))
        return int(probe.getsockname()[1])
