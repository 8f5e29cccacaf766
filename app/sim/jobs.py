"""Jobs of the simulated cluster: who runs what, where, from when to when.

A pool is a set of equal units (whole nodes, or single GPUs) that one queue hands out, first free first served. Its
stream of jobs depends on the seed alone: it grows at its end as time goes on and never changes behind, so any moment
of the past has the same jobs however often and in which order it is asked for.
"""

from __future__ import annotations

import copy
import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from app.domain.frozen import frozen
from app.sim.dice import Dice
from app.sim.loads import JobKind, Run, Waves, draw


class GpuKey(NamedTuple):
    """A GPU of the simulated cluster."""

    node: str
    gpu: int
    """Its index on the node."""


@frozen
class SimJob:
    """A job, with times in simulated seconds (0 is the start of the demonstration)."""

    id: int
    user: str
    name: str
    nodes: tuple[str, ...]
    gpus: tuple[GpuKey, ...]
    start: float
    end: float
    kind: JobKind
    submit: float = -math.inf
    limit: float = math.inf
    """Longest it may run."""
    pool: str = ""
    """The pool that handed it out; empty where none did."""
    cause: str = ""
    """What ended it before its time: a kind of fault, or what somebody did; empty where nothing did."""


@frozen
class Placement:
    """A job together with the run its GPUs follow."""

    job: SimJob
    run: Run


@frozen
class Pin:
    """A job that takes the whole pool at a given time, so that scenarios find it there."""

    start: float
    end: float
    kind: JobKind
    name: str


@frozen
class Pool:
    """Units that one queue hands out."""

    name: str
    units: tuple[tuple[GpuKey, ...], ...]
    kinds: tuple[JobKind, ...]
    """What is submitted; repeated kinds are likelier."""
    sizes: tuple[int, ...]
    """Units a job takes; repeated sizes are likelier."""
    median_s: float
    gap_s: float
    """Mean time a unit stays empty between two jobs."""
    pin: Pin | None = None


USERS = ("ana", "bogdan", "chen", "dmitri", "elif", "fatima", "goran", "hana", "ivo", "jun")
NAMES: dict[JobKind, tuple[str, ...]] = {
    "train": (
        "llama3-70b-sft",
        "moe-8x7b-pretrain",
        "vit-giant",
        "whisper-ft",
        "dpo-run4",
        "diffusion-xl",
        "bert-scan",
    ),
    "serve": ("vllm",),
    "notebook": ("jupyter", "debug-session", "eval-notebook", "vscode"),
    "hold": ("jupyter", "sweep-agent", "ray-worker"),
}


class Stream:
    """A pool's jobs in the order in which they were handed out.

    Nothing but what people do changes its course: a job struck off, units taken away, given back or barred.
    """

    def __init__(self, pool: Pool, seed: int, begins: float, waves: Waves, serial: int, stride: int) -> None:
        """Job ids are `serial`, `serial + stride`, …, so that the streams of one cluster never share one."""
        self.pool = pool
        self.serial = serial
        """Id of the next job."""
        self.version = 0
        """Grows with every change."""
        self._dice, self._patience = Dice(seed, "jobs", pool.name), Dice(seed, "patience", pool.name)
        self._waves, self._stride = waves, stride
        self._pin = pool.pin
        self._free = [(begins + self._dice.waiting(pool.gap_s), unit) for unit in range(len(pool.units))]
        heapq.heapify(self._free)
        self._starts: deque[float] = deque((-math.inf,), maxlen=self.line)
        self._struck: set[int] = set()
        self._barred: dict[int, float] = {}

    @property
    def line(self) -> int:
        """Jobs that stand in line at most: nobody submits before the one so many places ahead has begun."""
        return max(2, min(64, len(self.pool.units) // 4))

    def until(self, t: float) -> Iterator[Placement]:
        """Hand out jobs until no unit waits for one at `t`, and yield the new ones."""
        while self._free and self._free[0][0] <= t:
            if (placement := self._next()) is not None:
                yield placement

    def peek(self, count: int) -> tuple[Placement, ...]:
        """The next jobs as they will be handed out if nobody interferes."""
        return tuple(self._fork()._ahead(count))  # noqa: SLF001 - of the same class

    def _fork(self) -> Stream:
        """A stream that will hand out what this one would; nothing is shared that changes."""
        fork = copy.copy(self)
        vars(fork).update(
            _dice=self._dice.fork(),
            _patience=self._patience.fork(),
            _free=list(self._free),
            _starts=deque(self._starts, maxlen=self.line),
        )
        return fork

    def _ahead(self, count: int) -> Iterator[Placement]:
        """Hand out so many jobs, whenever their time is; those struck off count half."""
        for _ in range(2 * count):
            if count == 0 or not self._free:
                return
            if (placement := self._next()) is not None:
                count -= 1
                yield placement

    def strike(self, job: int) -> None:
        """Pass over a job that was not handed out yet; the next one takes its units."""
        self._struck.add(job)
        self.version += 1

    def frees(self, times: Mapping[int, float]) -> None:
        """Let units be free at other times than thought, whatever they are booked for."""
        self._barred.update((unit, at) for unit, at in times.items() if unit in self._barred)
        self._free = [(times.get(unit, at), unit) for at, unit in self._free]
        heapq.heapify(self._free)
        self.version += 1

    def not_before(self, t: float) -> None:
        """Hand out nothing that would have begun before `t`."""
        self.frees({unit: max(at, t) for at, unit in self._free})

    def bar(self, units: Iterable[int]) -> None:
        """Hand these units out no more."""
        barred = set(units)
        self._barred.update((unit, at) for at, unit in self._free if unit in barred)
        self._free = [(at, unit) for at, unit in self._free if unit not in barred]
        heapq.heapify(self._free)
        self.version += 1

    def unbar(self, units: Iterable[int], t: float) -> None:
        """Hand these units out again, from `t` on at the earliest."""
        for unit in units:
            if unit in self._barred:
                heapq.heappush(self._free, (max(t, self._barred.pop(unit)), unit))
        self.version += 1

    def _next(self) -> Placement | None:
        """Hand out the next job; None for one that was struck off."""
        self.version += 1
        dice, pool, pin = self._dice, self.pool, self._pin
        kind, name = dice.pick(pool.kinds), None
        taken = self._take(min(dice.pick(pool.sizes), len(self._free)))
        start = max(free for free, _ in taken)
        end = start + dice.lasting(pool.median_s, 300.0, 5 * pool.median_s)
        if pin is not None and start > pin.start - 60.0:
            taken += self._take(len(self._free))
            start, end, kind, name = pin.start, pin.end, pin.kind, pin.name
            pin = self._pin = None
        gap = min(dice.waiting(pool.gap_s), 12 * pool.gap_s)
        free = end + gap
        if pin is not None:
            end, free = min(end, pin.start - 1.0), min(free, pin.start)
        units = tuple(sorted(unit for _, unit in taken))
        gpus = tuple(key for unit in units for key in pool.units[unit])
        nodes = tuple(dict.fromkeys(key.node for key in gpus))
        user, name = dice.pick(USERS), name or dice.pick(NAMES[kind])
        submit = max(start - self._patience.lasting(900.0, 2.0, 6 * 3600.0), min(start - 2.0, self._starts[0]))
        limit = _limit(end - start, self._patience)
        job = SimJob(self.serial, user, name, nodes, gpus, start, end, kind, submit, limit, pool.name)
        run = draw(kind, start, end, len(nodes), self._waves, dice)
        self.serial += self._stride
        is_struck = job.id in self._struck
        for was_free, unit in taken:
            heapq.heappush(self._free, (was_free if is_struck else free, unit))
        if is_struck:
            return None
        self._starts.append(start)
        return Placement(job, run)

    def _take(self, size: int) -> list[tuple[float, int]]:
        return [heapq.heappop(self._free) for _ in range(size)]


LIMITS_S = (1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 43200.0, 86400.0, 172800.0)
"""What people ask for."""


def _limit(lasts: float, dice: Dice) -> float:
    """A time limit; some jobs run into theirs."""
    if dice.chance(0.06):
        return max(60.0, lasts // 60.0 * 60.0)
    enough = [limit for limit in LIMITS_S if limit > 1.1 * lasts] or [7 * 86400.0]
    return dice.pick(enough[:3])
