"""The composition root: builds the parts, owns their tasks, closes them in reverse.

`feed_for` gives a front end its view (a daemon's, or one collected here); `look_once` is one bounded round; `serve` is
the daemon. Tasks live in one TaskGroup a runtime; leaving its context ends them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config.paths import deployments_dir, private_dir
from app.config.settings import Settings, Target
from app.domain.restore import REMEMBER_S
from app.domain.snapshot import Snapshot
from app.services import monitor
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.services.feed import Feed
from app.services.recall import Recall
from app.services.recording import Keeper
from app.services.rented_time import keep_rented
from app.services.targets import Targets, targets_of
from app.services.watch import Watch
from app.sources.registry import Tap
from app.store.history import History
from app.store.levels import Retention
from app.transport.clock import Clock, SystemClock
from app.transport.dialer import Dialer
from app.transport.peer import owner_is_trusted
from app.transport.scrape import ScrapeClient
from app.transport.ssh import open_forwards
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from app.agent.desk import ChatDesk
    from app.services.diagnose_once import Ground
    from app.services.feed import Attached
    from app.services.jobs import Jobs
    from app.services.judging import Step
    from app.services.recorder.opening import Recording, Replay
    from app.services.recorder.recorder import Recorder

_ONE_LOOK_S = 2.0
"""A source that is looked at once may answer as slowly as one read this often."""
UNAVAILABLE = 69
"""Exit code: something this command needs is not available (sysexits.h EX_UNAVAILABLE)."""


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What a front end decides about its runtime."""

    state_dir: Path
    sockets: tuple[Path, ...] = ()
    """Where a daemon may listen; empty: do not look for one."""
    write: bool = True
    """Keep what comes in the store, where the lease allows it."""
    tap: Tap | None = None
    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=dict)
    """What commands are run in, and where they are looked for; empty: none is found."""
    record: Recording | None = None
    """Record what is seen, elsewhere than in the flight recorder."""
    replay: Replay | None = None
    """Look at a recording and at nothing else; `clock` is the recording's."""


def store_path(settings: Settings, options: RuntimeOptions) -> Path | None:
    """Where the history is kept; None when it is turned off."""
    if settings.store.path == "none":
        return None
    return Path(settings.store.path).expanduser() if settings.store.path else options.state_dir / "history.db"


def empty_snapshot(settings: Settings) -> Snapshot:
    """The picture before anything was seen."""
    return Snapshot(cluster=settings.cluster.name, prices=settings.prices)


def _targets(settings: Settings, options: RuntimeOptions, client: ScrapeClient, tap: Tap | None = None) -> Targets:
    environ = options.environ
    targets, deployments = targets_of(settings, environ), deployments_dir(options.state_dir)
    tap = tap or options.tap
    return Targets(settings, targets, client, options.clock, tap, environ=environ, deployments=deployments)


async def look_once(settings: Settings, options: RuntimeOptions) -> Snapshot:
    """One bounded round of every source, in parallel; nothing is written."""
    board = Board(empty_snapshot(settings))
    async with _client(options) as client:
        targets = _targets(_unhurried(settings), options, client)
        await monitor.look_once(board, targets, options.clock)
    return board.snapshot


def _unhurried(settings: Settings) -> Settings:
    """For a single round, where no next look waits: short intervals make neither short time-outs nor stale answers."""
    cluster = replace(settings.cluster, interval_s=max(settings.cluster.interval_s, _ONE_LOOK_S))
    targets = tuple(
        replace(one, interval_s=max(one.interval_s, _ONE_LOOK_S)) if one.interval_s else one for one in settings.target
    )
    return replace(settings, cluster=cluster, target=targets)


@contextlib.asynccontextmanager
async def _client(options: RuntimeOptions, user: str | None = None) -> AsyncIterator[ScrapeClient]:
    """The scraping client with its ssh forwards; `user` restricts whose unix sockets it talks to (see `Dialer`)."""
    forwards = open_forwards(options.state_dir, options.clock)
    try:
        async with ScrapeClient(Dialer(forwards, owner=user)) as client:
            yield client
    finally:
        await forwards.close()


@contextlib.asynccontextmanager
async def feed_for(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Feed]:
    """The daemon's view where one serves this configuration, else one collected here."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        yield attached or (await stack.enter_async_context(collecting(settings, options))).feed


async def attach(settings: Settings, options: RuntimeOptions, stack: contextlib.AsyncExitStack) -> Attached | None:
    """Attach to the daemon of this configuration, if one of the sockets answers for it; or to a recording."""
    if options.replay is not None:
        from app.services.recorder.opening import replayed  # noqa: PLC0415 - late: for recordings only

        return await stack.enter_async_context(replayed(options.replay))
    paths = [path for path in options.sockets if path.is_socket() and owner_is_trusted(path, settings.serve.user)]
    if not paths:
        return None
    from app.services.client import AttachedFeed, DaemonError  # noqa: PLC0415 - late: most screens have no daemon

    for path in paths:
        client = await stack.enter_async_context(_client(options, settings.serve.user))
        feed = AttachedFeed(path, client, options.clock)
        try:
            health = await feed.health()
            if health.get("config") != settings.origin:
                continue
            await feed.load()
        except DaemonError:
            continue
        tasks = await stack.enter_async_context(Tasks())
        tasks.start(feed.run(), "attached")
        return feed
    return None


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


Listen = Callable[
    [Feed, Board, str, Path, Callable[[], tuple[Target, ...]]], contextlib.AbstractAsyncContextManager[None]
]
"""Answers on a socket for a feed, its board, the configuration's name and the targets there are.

Until its context is left.
"""


@contextlib.asynccontextmanager
async def collecting(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Collecting]:
    """Collect, and keep what comes, until the context is left."""
    clock = options.clock
    board = Board(empty_snapshot(settings))
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(_client(options))
        recorder = _recorder(settings, options, board, stack)
        targets = _targets(settings, options, client, recorder.tap if recorder is not None else None)
        parts = Collecting(board, EmbeddedFeed(board, None, clock), recorder=recorder, targets=lambda: targets.targets)
        path = store_path(settings, options)
        recall = Recall(board) if path is not None else None  # before the first reading: it must hear them all
        watch = Watch(board, clock if recorder is None else recorder.clock)
        parts.feed.watch_by(watch)
        tasks = await stack.enter_async_context(Tasks())
        tasks.start(monitor.Monitor(board, targets, clock).run(), "monitor")
        tasks.start(_evaluate(parts, watch, settings, options, tasks), "evaluation")
        if options.write:
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
        judges, tell = await asyncio.to_thread(_judges, parts, watch, settings, options)
        steps += judges
        tasks.start(tell(), "notify")
    while True:
        await clock.sleep(settings.cluster.interval_s)
        for step in steps:
            await step()


def _judges(
    parts: Collecting, watch: Watch, settings: Settings, options: RuntimeOptions
) -> tuple[list[Step], Callable[[], Coroutine[Any, Any, None]]]:
    from app.services.judging import judges  # noqa: PLC0415 - late: the first numbers do not wait for it

    waits = store_path(settings, options) is not None
    store = partial(getattr, parts, "history")
    recorder = parts.recorder
    if recorder is None:
        return judges(parts.board, parts.feed, watch, settings, options.clock, store, waits_for_store=waits)
    clock, stepped = recorder.clock, recorder.stepped
    return judges(parts.board, parts.feed, watch, settings, clock, store, waits_for_store=waits, stepped=stepped)


async def open_history(path: Path, clock: Clock, *, want_lease: bool, retention: Retention | None = None) -> History:
    """Open the store's file; without the lease it is only read."""
    from app.store.sqlite import open_store  # noqa: PLC0415 - 40 ms that a one-shot look at the present need not pay

    return await open_store(path, clock.now, want_lease=want_lease, retention=retention or Retention())


async def open_past(settings: Settings, options: RuntimeOptions) -> History | None:
    """What there is of the past, only read: the store's, the Prometheus server's, or both as one; None: neither."""
    from app.services.histories import server_history, with_server  # noqa: PLC0415 - late: for the past only

    path = store_path(settings, options)
    if path is None or not path.is_file():
        return server_history(settings, options.clock)
    return with_server(await open_history(path, options.clock, want_lease=False), settings, options.clock)


@contextlib.asynccontextmanager
async def looking(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Ground]:
    """What a command looks at a few times and leaves, with the stored past; nothing is written."""
    from app.services.diagnose_once import Ground  # noqa: PLC0415 - late: for one command only
    from app.services.looks import Looks  # noqa: PLC0415 - likewise

    board = Board(empty_snapshot(settings))
    async with contextlib.AsyncExitStack() as stack:
        targets = _targets(settings, options, await stack.enter_async_context(_client(options)))
        looks = Looks(board, targets, options.clock)
        stack.push_async_callback(looks.close)
        history = await open_past(settings, options)
        if history is not None:
            stack.push_async_callback(history.close)
        yield Ground(board, targets, looks, options.clock, settings.cluster.interval_s, history)


def chat_desk(settings: Settings, options: RuntimeOptions, feed: Feed, jobs: Jobs | None) -> ChatDesk:
    """Where who runs this program asks about the cluster; files and servers are opened when they are first needed.

    The screen's start must not pay for the agent: nothing of it is loaded before this is called. `close` gives back
    what it holds.
    """
    from app.agent.opening import open_desk  # noqa: PLC0415 - late: see above

    return open_desk(settings, options.state_dir, feed, jobs, options.clock)


BringBack = Callable[[History, float], Awaitable[None]]
"""Brings back from a store what is known of the run before, as far as a time in epoch seconds."""


async def _bring_back(recall: Recall, targets: Targets, watch: Watch, history: History, oldest: float) -> None:
    """Let the store say what it knows of the run before."""
    await recall.bring_back(targets, history, oldest)
    watch.history = history


async def _keep(
    parts: Collecting, path: Path, settings: Settings, options: RuntimeOptions, bring_back: BringBack
) -> None:
    """Open the store and keep what comes until cancelled; the first numbers wait neither for its code nor a disk."""
    await _first_look(parts.board, options.clock)
    if options.write:
        private_dir(path.parent)
    kept = settings.store
    retention = Retention(kept.raw_hours * 3600, kept.minute_days * 86400, kept.quarter_days * 86400)
    history = await open_history(path, options.clock, want_lease=options.write, retention=retention)
    if settings.prometheus.url:
        from app.services.histories import with_server  # noqa: PLC0415 - late: for who has a server

        history = with_server(history, settings, options.clock)
    try:
        parts.history = history
        parts.feed.keep(history)
        await bring_back(history, options.clock.now() - min(REMEMBER_S, retention.longest_s))
        async with Tasks() as tasks:
            if options.write and parts.recorder is not None:
                tasks.start(parts.recorder.run(history), "recorder")
            if options.write:
                await Keeper(parts.board, history, options.clock, settings.cluster.interval_s).run()
            await asyncio.Event().wait()
    finally:
        await history.close()


async def _first_look(board: Board, clock: Clock) -> None:
    """Until a source has answered, or half a second, and what it said has had a moment to be painted."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            async for snapshot in board.changes():
                if snapshot.sources:
                    break
    await clock.sleep(0.1)


async def serve(settings: Settings, options: RuntimeOptions, listen: Listen, told: Callable[[str], None]) -> int:
    """Collect and answer on the socket until SIGTERM or SIGINT; `told` is given one line when it listens.

    Returns the exit code: 0, or 69 when another daemon answers on the socket.
    """
    path = options.sockets[0]
    if await _answers(path, options):
        told(f"another daemon answers on {path}: stop it first, or set serve.socket")
        return UNAVAILABLE
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        collecting(settings, options) as parts,
        listen(parts.feed, parts.board, settings.origin, path, parts.targets),
    ):
        told(f"serving {settings.origin or 'this machine'} on {path}")
        await stop.wait()
    return 0


async def _answers(path: Path, options: RuntimeOptions) -> bool:
    """Whether a living daemon listens on a socket."""
    from app.services.client import AttachedFeed, DaemonError  # noqa: PLC0415 - late: see `attach`

    async with _client(options) as client:
        try:
            await AttachedFeed(path, client, options.clock).health()
        except (DaemonError, LookupError):
            return False
    return True
