"""Jobs of the simulated cluster: who runs what, where, from when to when.

A pool is a set of equal units (whole nodes, or single GPUs) that one queue hands out, first free first served. Its
stream of jobs depends on the seed alone: it grows at its end as time goes on and never changes behind, so any moment
of the past has the same jobs however often and in which order it is asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.sim.dice import Dice
from app.sim.loads import JobKind, Run, Waves, draw


class GpuKey(NamedTuple):
    """A GPU of the simulated cluster."""

    node: str
    gpu: int
    """Its index on the node."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Placement:
    """A job together with the run its GPUs follow."""

    job: SimJob
    run: Run


@dataclass(frozen=True, slots=True)
class Pin:
    """A job that takes the whole pool at a given time, so that scenarios find it there."""

    start: float
    end: float
    kind: JobKind
    name: str


@dataclass(frozen=True, slots=True)
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
    """A pool's jobs in the order in which they were handed out."""

    def __init__(self, pool: Pool, seed: int, begins: float, waves: Waves, serial: int, stride: int) -> None:
        """Job ids are `serial`, `serial + stride`, …, so that the streams of one cluster never share one."""
        self._pool = pool
        self._dice = Dice(seed, "jobs", pool.name)
        self._waves = waves
        self._serial, self._stride = serial, stride
        self._pin = pool.pin
        self._free = [(begins + self._dice.waiting(pool.gap_s), unit) for unit in range(len(pool.units))]
        heapq.heapify(self._free)

    def until(self, t: float) -> Iterator[Placement]:
        """Hand out jobs until every unit is known up to `t`, and yield the new ones."""
        while self._free[0][0] <= t:
            yield self._next()

    def _next(self) -> Placement:
        dice, pool, pin = self._dice, self._pool, self._pin
        kind, name = dice.pick(pool.kinds), None
        taken = self._take(min(dice.pick(pool.sizes), len(pool.units)))
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
        for unit in units:
            heapq.heappush(self._free, (free, unit))
        gpus = tuple(key for unit in units for key in pool.units[unit])
        nodes = tuple(dict.fromkeys(key.node for key in gpus))
        job = SimJob(self._serial, dice.pick(USERS), name or dice.pick(NAMES[kind]), nodes, gpus, start, end, kind)
        self._serial += self._stride
        return Placement(job, draw(kind, start, end, len(nodes), self._waves, dice))

    def _take(self, size: int) -> list[tuple[float, int]]:
        return [heapq.heappop(self._free) for _ in range(size)]
