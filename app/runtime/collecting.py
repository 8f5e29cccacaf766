"""Collect, judge and keep: the parts of a process that collects, and the tasks that run them.

Tasks live in one TaskGroup a runtime; leaving its context ends them all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.paths import private_dir
from app.config.settings import Settings, Target
from app.config.version import installed_version
from app.domain.restore import REMEMBER_S
from app.runtime.housekeeping import keep_house
from app.runtime.options import RuntimeOptions, empty_snapshot, store_path
from app.runtime.past import open_history
from app.runtime.reach import open_client, targets_for
from app.services import monitor
from app.services.board import Board
from app.services.changing_targets import ChangingTargets
from app.services.embedded import EmbeddedFeed
from app.services.handover import Estate
from app.services.recall import Recall
from app.services.recording import Keeper
from app.services.rented_time import keep_rented
from app.services.targets import Readable
from app.services.watch import Watch
from app.store.history import History
from app.store.levels import Retention
from app.transport.clock import Clock
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.services.judging import Judges, Step
    from app.services.recorder.recorder import Recorder


@dataclass(slots=True)
class Collecting:
    """The parts of a process that collects."""

    board: Board
    feed: EmbeddedFeed
    history: History | None = None
    recorder: Recorder | None = None
    """Who records what is seen; None: nobody."""
    targets: Callable[[], tuple[Target, ...]] = tuple
    """The targets there are now."""
    anew: Settings | None = None
    """The configuration that was read again; None: the first one is in force."""
    followers: list[Callable[[Settings], None]] = field(default_factory=list)
    """What is to be called when there is another configuration."""
    end_keeping: Callable[[], Awaitable[None]] | None = None
    """Keeps what has come until now, and nothing that comes later; None: nothing is kept (yet)."""
    copy_lease: Callable[[], int | None] = lambda: None
    """A file of the store's lock, to be handed on; None: this process does not hold it."""

    def reload(self, settings: Settings) -> None:
        """Go on by another configuration."""
        self.anew = settings
        for follow in self.followers:
            follow(settings)

    def follow_by(self, *followers: Callable[[Settings], None]) -> None:
        """Who is to be told of another configuration; who comes late is told of the one in force."""
        self.followers += followers
        for follow in followers:
            if self.anew is not None:
                follow(self.anew)


@contextlib.asynccontextmanager
async def collecting(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Collecting]:
    """Collect, and keep what comes, until the context is left."""
    clock = options.clock
    board = Board(empty_snapshot(settings))
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_client(options))
        recorder = _recorder(settings, options, board, stack)
        tap = recorder.tap if recorder is not None else None
        targets = ChangingTargets(settings, lambda now: targets_for(now, options, client, tap))
        parts = Collecting(board, EmbeddedFeed(board, None, clock), recorder=recorder, targets=lambda: targets.targets)
        parts.follow_by(targets.change, lambda now: board.rename(now.cluster.name, now.prices))
        path = store_path(settings, options)
        recall = Recall(board) if path is not None else None  # before the first reading: it must hear them all
        watch = Watch(board, clock if recorder is None else recorder.clock)
        parts.feed.watch_by(watch)
        tasks = await stack.enter_async_context(Tasks())
        tasks.start(monitor.Monitor(board, targets, clock).run(), "monitor")
        tasks.start(_evaluate(parts, watch, settings, options, tasks), "evaluation")
        if options.write:
            tasks.start(keep_house(clock), "garbage")
            rented = keep_rented(settings, options.state_dir, options.environ, clock)
            tasks.start(rented, "deployments")
        if settings.prometheus.url:
            from app.services.histories import follow_server  # noqa: PLC0415 - late: for who has a server

            tasks.start(follow_server(parts.feed, settings, clock), "Prometheus server")
        if path is not None and recall is not None:
            bring_back = partial(_bring_back, recall, targets, watch)
            tasks.start(_keep(parts, path, settings, options, bring_back), "history")
        if recorder is not None and not (path is not None and options.write):
            tasks.start(recorder.run(), "recorder")  # with a store it begins once that is open: see `_keep`
        yield parts


def _recorder(
    settings: Settings, options: RuntimeOptions, board: Board, stack: contextlib.AsyncExitStack
) -> Recorder | None:
    """Who records what is seen: to the file that is named, else to the flight recorder of who writes. Raises OSError.

    What is heard last is written when the stack is left, once nothing more comes.
    """
    if options.record is None and not (options.write and settings.store.flight_mib > 0):
        return None
    from app.services.recorder.opening import recorder_of  # noqa: PLC0415 - late: for who records only

    wanted = options.record or options.state_dir
    recorder = recorder_of(settings, wanted, board, options.clock, is_judged=options.write)
    stack.push_async_callback(recorder.end)
    return recorder


async def _evaluate(parts: Collecting, watch: Watch, settings: Settings, options: RuntimeOptions, tasks: Tasks) -> None:
    """Watch, diagnose, evaluate alert rules and decide who is told, at every interval until cancelled.

    Each sees what those before found; what is told is sent in a task beside this one.

    Whoever does not write only watches.
    """
    clock = options.clock
    recorder = parts.recorder
    steps: list[Step] = [watch.tick]
    if recorder is not None and options.write:
        steps = [recorder.watched(watch)]
    if options.write:
        await _first_look(parts.board, clock)
        # In a thread: the lists of faults take a moment.
        judges = await asyncio.to_thread(_judges, parts, watch, settings, options)
        steps += judges.steps
        parts.follow_by(judges.follow)
        tasks.start(judges.beside(), "notify")
    while True:
        await clock.sleep(settings.cluster.interval_s)
        for step in steps:
            await step()


def _judges(parts: Collecting, watch: Watch, settings: Settings, options: RuntimeOptions) -> Judges:
    from app.services.judging import judges  # noqa: PLC0415 - late: the first numbers do not wait for it

    waits = store_path(settings, options) is not None
    store = partial(getattr, parts, "history")
    recorder = parts.recorder
    if recorder is None:
        return judges(parts.board, parts.feed, watch, settings, options.clock, store, waits_for_store=waits)
    installed_version()  # what a recording begins with: here nobody waits for what it loads
    clock, stepped = recorder.clock, recorder.stepped
    return judges(parts.board, parts.feed, watch, settings, clock, store, waits_for_store=waits, stepped=stepped)


BringBack = Callable[[History, float, Mapping[str, float]], Awaitable[None]]
"""Brings back from a store what is known of the run before, as far as a time in epoch seconds; see `Recall`."""


async def _bring_back(
    recall: Recall, targets: Readable, watch: Watch, history: History, oldest: float, looked: Mapping[str, float]
) -> None:
    """Let the store say what it knows of the run before."""
    await recall.bring_back(targets, history, oldest, looked)
    watch.history = history


async def _keep(
    parts: Collecting, path: Path, settings: Settings, options: RuntimeOptions, bring_back: BringBack
) -> None:
    """Open the store and keep what comes until cancelled; the first numbers wait neither for its code nor a disk."""
    await _first_look(parts.board, options.clock)
    estate = await options.estate() if options.estate is not None else Estate()
    if options.write:
        private_dir(path.parent)
    kept = settings.store
    retention = Retention(kept.raw_hours * 3600, kept.minute_days * 86400, kept.quarter_days * 86400)
    own = await open_history(path, options.clock, want_lease=options.write, retention=retention, lease=estate.lease)
    history: History = own
    if settings.prometheus.url:
        from app.services.histories import with_server  # noqa: PLC0415 - late: for who has a server

        history = with_server(history, settings, options.clock)
    try:
        parts.history, parts.copy_lease = history, own.copy_lease
        parts.feed.keep(history)
        await bring_back(history, options.clock.now() - min(REMEMBER_S, retention.longest_s), estate.looked)
        async with Tasks() as tasks:
            if options.write and parts.recorder is not None:
                tasks.start(parts.recorder.run(history), "recorder")
            if options.write:
                keeper = Keeper(parts.board, history, options.clock, settings.cluster.interval_s)
                parts.end_keeping = keeper.end
                await keeper.run()
            await asyncio.Event().wait()
    finally:
        parts.end_keeping = None
        await history.close()


async def _first_look(board: Board, clock: Clock) -> None:
    """Until a source has answered, or half a second, and what it said has had a moment to be painted.

    Painting it loads and lays out all panes, some 0.15 s: code that is loaded beside that holds the numbers up.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            async for snapshot in board.changes():
                if snapshot.sources:
                    break
    await clock.sleep(0.25)
