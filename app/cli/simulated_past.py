"""Writes the hours before a demonstration into its store: pages of the past, read by the real parser, kept as usual.

Runs as a process of its own (`python -m app.cli.simulated_past`, the task as JSON on standard input), because it keeps
a core busy for some seconds while the screen already shows what is now.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from app.config.load import parse
from app.config.settings import Settings, Target
from app.domain.frozen import frozen
from app.domain.reading import Reading, SourceSpec
from app.domain.slurm import SlurmReading
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.recording import Keeper
from app.sim import targets as sim
from app.sim.backfill import backfill
from app.sim.cluster import Cluster
from app.sim.slurm.desk import Desk
from app.sim.slurm.scene import Call
from app.sim.spec import SimSpec
from app.sources.page import Page, PageContents, PageError
from app.sources.rates import with_rates
from app.sources.registry import name_of, shown
from app.sources.slurm.commands import config_of
from app.sources.slurm.scontrol import (
    JOB_WORDS,
    NODE_WORDS,
    PARTITION_WORDS,
    parse_jobs,
    parse_nodes,
    parse_partitions,
)  # fmt: skip
from app.sources.slurm.squeue import QUEUE_WORDS, QueueReader, merge
from app.sources.slurm_ways import slurm_targets
from app.store.sqlite import open_store
from app.transport.clock import SystemClock

RINGS: tuple[tuple[float, float], ...] = ((86400.0, 600.0), (3600.0, 30.0), (1800.0, 10.0))
"""(how far back it reaches, seconds between two looks), oldest first: the nearer, the finer."""
MOST_PAGES = 5000
"""Pages made in all: some seconds of a core. A fleet with more of them has fewer moments of past."""
QUEUE_S = 60.0
"""Between two looks at what the simulated queue holds."""
LEAST_MOMENTS = 40
"""With fewer the past would be no picture; a fleet that large begins without one."""


@frozen
class Task:
    """What is to be written where."""

    spec: SimSpec
    origin: float
    """Epoch seconds of simulated second 0: where the past ends."""
    config: str
    """The configuration (TOML) that reads the simulated cluster."""
    interval_s: float
    """Seconds between two looks from then on."""
    path: Path
    home: str = "/home"
    """Folder below which the simulated jobs write their output."""

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps({**asdict(self), "path": str(self.path)})

    @staticmethod
    def from_json(text: str) -> Task:
        """The task of `to_json`."""
        raw = json.loads(text)
        return Task(
            SimSpec(**raw["spec"]), raw["origin"], raw["config"], raw["interval_s"], Path(raw["path"]), raw["home"]
        )


def rings(pages: int, past_s: float) -> list[tuple[float, float, float]]:
    """(from, to, step) in seconds before the start, oldest first, so that at most MOST_PAGES are made; may be none."""
    inner = [reach for reach, _ in RINGS[1:]] + [0.0]
    moments = sum((reach - nearer) / step for (reach, step), nearer in zip(RINGS, inner, strict=True))
    most = MOST_PAGES / max(1, pages)
    if most < LEAST_MOMENTS:
        return []
    wider = max(1.0, moments / most)
    spans = [(min(reach, past_s), nearer, step * wider) for (reach, step), nearer in zip(RINGS, inner, strict=True)]
    return [span for span in spans if span[0] > span[1]]


class _Reader:
    """One simulated page, read as its live source will read it."""

    def __init__(self, target: Target, interval_s: float) -> None:
        self.spec = SourceSpec(name_of(target), "exporter", shown(target.url), interval_s, target.node or None)
        self._page = Page(target.node or None, None)
        self._before: PageContents | None = None

    def read(self, body: bytes, at: float) -> Reading:
        """The reading of a page. Raises PageError."""
        self._before = contents = with_rates(self._before, self._page.read(body, at))
        return Reading(
            self.spec.name, at, 0.002, None, contents.nodes, contents.services, contents.health, contents.simulated
        )


class _Queue:
    """The simulated Slurm of the past, read as its live source will read it: the same commands, the same parsers."""

    def __init__(self, task: Task, target: Target) -> None:
        self.spec = SourceSpec(name_of(target), "slurm", "squeue (local)", target.interval_s)
        self._cluster = Cluster(task.spec)
        self._desk = Desk(self._cluster, task.origin, task.home)
        self._task, self._queue = task, QueueReader()
        self._said, self._looked_at = SlurmReading("commands"), -math.inf
        self._of: tuple[object, ...] = ()

    def read(self, at: float) -> Reading:
        """The reading of a moment; while no job comes, goes or changes, what was said is said again."""
        if at - self._looked_at >= QUEUE_S:
            self._looked_at, t = at, (at - self._task.origin) * self._task.spec.speed
            jobs = tuple((job.key, job.state, job.reason, job.restarts) for job in self._desk.book.jobs(t))
            if jobs != self._of:
                self._said, self._of = self._look(t), jobs
        return Reading(source=self.spec.name, at=at, duration_s=0.02, slurm=self._said)

    def _look(self, t: float) -> SlurmReading:
        jobs = self._queue.read(self._text("squeue", QUEUE_WORDS, t)).items
        details = parse_jobs(self._text("scontrol", JOB_WORDS, t)).items
        config = config_of(self._text("scontrol", ("show", "config"), t))
        return SlurmReading(
            way=f"commands {config['SLURM_VERSION']}",
            jobs=merge(jobs, {job.id: job for job in details}),
            nodes=parse_nodes(self._text("scontrol", NODE_WORDS, t)).items,
            partitions=parse_partitions(self._text("scontrol", PARTITION_WORDS, t)).items,
            version=config["SLURM_VERSION"],
            cluster=config["ClusterName"],
        )

    def _text(self, name: str, words: Sequence[str], t: float) -> bytes:
        return self._desk.run(Call(name, tuple(words), "root", time_form="%s"), t).out


@dataclass
class _SetClock(SystemClock):
    """A clock that stands where it is put."""

    at: float

    def now(self) -> float:
        return self.at


async def write_past(task: Task) -> None:
    """Write it all, oldest first."""
    settings = parse(task.config, "the simulated cluster")
    readers = {path: _Reader(target, task.interval_s) for path, target in _by_path(settings).items()}
    board = Board(Snapshot(cluster=settings.cluster.name, prices=settings.prices))
    clock = _SetClock(task.origin)
    history = await open_store(task.path, clock.now, want_lease=True)
    keeper = Keeper(board, history, clock, task.interval_s)
    queues = [_Queue(task, target) for target in slurm_targets(settings.slurm, task.interval_s, {})]
    try:
        for at, pages in _past(task, len(readers)):
            clock.at = at
            for queue in queues:
                board.apply(queue.spec, queue.read(at))
            for page, body in pages:
                _apply(board, readers, page, body, at)
            await keeper.tick()
    finally:
        await history.close()


def _apply(board: Board, readers: Mapping[str, _Reader], page: sim.Target, body: bytes, at: float) -> None:
    reader = readers[page.path]
    try:
        board.apply(reader.spec, reader.read(body, at))
    except PageError as error:
        board.apply(reader.spec, Reading.failed(reader.spec.name, at, str(error)))


def _past(task: Task, pages: int) -> Iterator[tuple[float, list[tuple[sim.Target, bytes]]]]:
    """Every page of the past, oldest first."""
    end = task.origin
    return chain.from_iterable(
        backfill(task.spec, end - reach, end - nearer, step, origin=end)
        for reach, nearer, step in rings(pages, task.spec.past_s)
    )


def _by_path(settings: Settings) -> dict[str, Target]:
    """Targets of the configuration by the path of their page."""
    return {"/" + target.url.split("/", 3)[3]: target for target in settings.target}


def main() -> int:
    """Do the task on standard input."""
    os.nice(10)  # what the screen shows now comes first
    asyncio.run(write_past(Task.from_json(sys.stdin.read())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
