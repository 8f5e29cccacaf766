"""The daemon: it collects, and answers on its sockets until it is told to stop, or another daemon takes over.

SIGHUP: the configuration is read again. SIGUSR2: a new daemon is started, which takes over from this one. SIGTERM and
SIGINT: it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from app.config.load import ConfigError
from app.config.settings import Settings, Target
from app.domain.frozen import frozen
from app.domain.series import FLEET, Event, Severity
from app.runtime.collecting import Collecting, collecting
from app.runtime.options import RuntimeOptions
from app.runtime.reach import open_client
from app.services.board import Board
from app.services.feed import Feed
from app.services.handover import Doorstep, HandoverError, Heir, Succession, packed, place_of, succeed
from app.services.listening import ListenError, given_by_systemd, opened, unbind
from app.services.notify_ready import supervisor_of
from app.services.reload import Reload, begun, refused, reloaded
from app.services.rented_time import carry_left
from app.services.successor import start_successor
from app.store.history import History
from app.transport.tasks import Tasks

UNAVAILABLE = 69
"""Exit code: something this command needs is not available (sysexits.h EX_UNAVAILABLE)."""
WARM_S = 30.0
"""Whoever takes over waits so long for every source to be read once."""
_OPEN_S = 10.0
"""And so long for its store, before it answers without one."""
_log = logging.getLogger(__name__)


@frozen
class Served:
    """What the daemon answers from."""

    feed: Feed
    board: Board
    settings: Settings
    targets: Callable[[], tuple[Target, ...]]
    """The targets there are now."""
    state_dir: Path
    history: Callable[[], History | None]
    """The store, once it is open."""


Listen = Callable[[Served, Sequence[socket.socket]], contextlib.AbstractAsyncContextManager[None]]
"""Answers on sockets that already listen, until its context is left; they are closed then."""


@frozen
class Service:
    """How a daemon is run beside its settings."""

    reread: Callable[[], Settings] | None = None
    """Reads the configuration again; raises ConfigError. None: it cannot be."""
    take_over: bool = False
    """Take over from the daemon that runs, where one does."""
    command: tuple[str, ...] = ()
    """The words that start a daemon like this one that takes over; empty: SIGUSR2 does nothing."""


async def serve(
    settings: Settings, options: RuntimeOptions, listen: Listen, told: Callable[[str], None], service: Service
) -> int:
    """Collect and answer until a signal or another daemon ends it; `told` is given a line for whatever happens.

    Returns the exit code: 0, or 69 when another daemon answers on the socket, or cannot be taken over from.
    """
    path = options.sockets[0]
    try:
        succession = await succeed(place_of(path), settings.origin) if service.take_over else None
        given = given_by_systemd(options.environ) if succession is None else ()
        if succession is None and not given and await _answers(path, options):
            told(f"another daemon answers on {path}: stop it first, replace it by --take-over, or set serve.socket")
            return UNAVAILABLE
        sockets = list(succession.sockets) if succession is not None else _opened(settings, options, given)
    except (HandoverError, ListenError) as error:
        told(str(error))
        return UNAVAILABLE
    daemon = Daemon(settings, options, listen, told, service)
    return await daemon.run(sockets, succession, is_namer=succession.is_namer if succession is not None else not given)


class Daemon:
    """One daemon, from its sockets to its end."""

    def __init__(
        self,
        settings: Settings,
        options: RuntimeOptions,
        listen: Listen,
        told: Callable[[str], None],
        service: Service,
    ) -> None:
        self._settings = settings
        self._options = options
        self._listen = listen
        self._told = told
        self._service = service
        self._supervisor = supervisor_of(options.environ)
        self._stop = asyncio.Event()
        self._wants_reload = asyncio.Event()
        self._wants_successor = asyncio.Event()
        self._heir: Heir | None = None
        self._is_namer = True
        self._has_answered = False

    async def run(self, sockets: list[socket.socket], succession: Succession | None, *, is_namer: bool) -> int:
        """Collect and answer until the end; the exit code. `is_namer`: see `Doorstep`."""
        options, self._is_namer = self._options, is_namer
        if succession is not None:
            options = replace(options, estate=succession.estate)
        with self._signals(), contextlib.ExitStack() as stack:
            for one in sockets:
                stack.callback(one.close)
            try:
                # Outermost: what it goes on with may take a minute to stop where that is safe, which holds up nothing.
                async with self._carrying(), collecting(self._settings, options) as parts:
                    # In a thread: a door takes long to load, and every look that is due meanwhile would be late.
                    door = await asyncio.to_thread(self._door, parts, sockets)
                    if succession is not None:
                        await self._succeed(parts, succession)
                    await self._answer(parts, sockets, door)
                    looked, lease = await self._last_words(parts)
            except (HandoverError, ListenError) as error:
                self._told(str(error))
                return UNAVAILABLE
            finally:
                if succession is None and is_namer and not self._has_answered:
                    unbind(options.sockets[0])  # nobody will answer there
            return await self._leave(looked, lease)

    @contextlib.asynccontextmanager
    async def _carrying(self) -> AsyncIterator[None]:
        """Go on meanwhile with deployments whose program has left."""
        options = self._options
        async with Tasks() as tasks:
            left = carry_left(self._settings, options.state_dir, options.environ, options.clock)
            tasks.start(left, "deployments left")
            yield

    async def _succeed(self, parts: Collecting, succession: Succession) -> None:
        """Read every source once, take what the daemon before leaves, and open the store. Raises HandoverError."""
        self._told(f"taking over from the daemon that runs as process {succession.pid}")
        clock = self._options.clock
        if self._settings.store.path != "none":
            await asyncio.to_thread(import_module, "app.store.sqlite")  # before it is needed, for the same reason
        try:
            await _within(clock.sleep, WARM_S, lambda: _has_read_all(parts))
            await succession.ready()
        finally:
            succession.close()
        await _within(
            clock.sleep, _OPEN_S, lambda: self._settings.store.path == "none" or parts.end_keeping is not None
        )

    def _door(
        self, parts: Collecting, sockets: Sequence[socket.socket]
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """What answers once it is entered; the sockets stay ours beside it."""
        served = Served(
            parts.feed, parts.board, self._settings, parts.targets, self._options.state_dir, lambda: parts.history
        )
        return self._listen(served, [one.dup() for one in sockets])

    async def _answer(
        self, parts: Collecting, sockets: Sequence[socket.socket], door: contextlib.AbstractAsyncContextManager[None]
    ) -> None:
        """Answer until the end; who takes over has the sockets by then, and they stay open."""
        path = self._options.sockets[0]
        async with door, Tasks() as tasks:
            self._has_answered = True
            tasks.start(self._supervisor.keep_alive(self._options.clock), "signs of life")
            doorstep = self._doorstep(path, sockets)
            if doorstep is not None:
                tasks.start(self._await_heir(doorstep), "take-over")
            tasks.start(self._reload(parts), "reload")
            tasks.start(self._raise_successor(), "successor")
            text = f"serving {self._settings.origin or 'this machine'} on {path}"
            self._told(text)
            self._supervisor.ready(text)
            await self._stop.wait()
            if self._heir is None:
                self._supervisor.stopping("ending")

    def _doorstep(self, path: Path, sockets: Sequence[socket.socket]) -> Doorstep | None:
        """Where another daemon can take over; None, and told, where that cannot be had."""
        try:
            return Doorstep(place_of(path), self._settings.origin, sockets, is_namer=self._is_namer)
        except OSError as error:
            self._told(f"no other daemon can take over from this one: {place_of(path)}: {error.strerror or error}")
            return None

    async def _await_heir(self, doorstep: Doorstep) -> None:
        self._heir = await doorstep.heir()
        self._stop.set()

    async def _reload(self, parts: Collecting) -> None:
        """Read the configuration again whenever that is asked for."""
        in_force = await asyncio.to_thread(begun, self._settings)
        while True:
            await self._wants_reload.wait()
            self._wants_reload.clear()
            self._supervisor.reloading(self._options.clock.monotonic())
            in_force = await asyncio.to_thread(self._read_again, in_force)
            if in_force.ok:
                parts.reload(in_force.settings)
            severity: Severity = "info" if in_force.ok else "warning"
            parts.board.note(Event(self._options.clock.now(), "daemon.reload", severity, FLEET, in_force.told))
            self._told(in_force.told)
            self._supervisor.ready(in_force.told)

    def _read_again(self, before: Reload) -> Reload:
        if self._service.reread is None:
            return refused(before, "this daemon reads none")
        try:
            return reloaded(before, self._service.reread())
        except ConfigError as error:
            return refused(before, str(error))

    async def _raise_successor(self) -> None:
        """Start a daemon that takes over, whenever that is asked for; where it cannot, this one goes on and says so."""
        while True:
            await self._wants_successor.wait()
            self._wants_successor.clear()
            if not self._service.command:
                continue
            self._told("starting a daemon that takes over from this one")
            trouble = await start_successor(self._service.command, self._options.environ, self._options.clock)
            self._told(f"the new daemon has not taken over, this one goes on: {trouble}")

    async def _last_words(self, parts: Collecting) -> tuple[dict[str, float], int | None]:
        """Keep what has come; when each source was last looked at by then, and the lease where somebody takes over."""
        sources = parts.board.snapshot.sources
        if parts.end_keeping is not None:
            await parts.end_keeping()
        looked = {name: one.tried_at for name, one in sources.items() if one.tried_at is not None}
        return looked, parts.copy_lease() if self._heir is not None else None

    async def _leave(self, looked: dict[str, float], lease: int | None) -> int:
        """Hand the rest on where somebody takes over; else take the sockets' names away."""
        if self._heir is None:
            if self._is_namer:
                unbind(self._options.sockets[0])
            return 0
        estate = packed(looked)
        try:
            await self._heir.give(estate, lease)
        except HandoverError as error:
            self._told(str(error))
            return UNAVAILABLE
        finally:
            for file in (estate, lease):
                if file is not None:
                    os.close(file)
        self._told("another daemon has taken over")
        return 0

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        meanings = {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._wants_reload,
            signal.SIGUSR2: self._wants_successor,
        }
        for number, meant in meanings.items():
            loop.add_signal_handler(number, meant.set)
        try:
            yield
        finally:
            for number in meanings:
                loop.remove_signal_handler(number)


def _opened(settings: Settings, options: RuntimeOptions, given: tuple[socket.socket, ...]) -> list[socket.socket]:
    """The sockets as configured, those that systemd gives among them. Raises ListenError."""
    path = options.sockets[0]
    try:
        return opened(settings.serve, path, given)
    except OSError as error:
        raise ListenError(f"{path} cannot be listened on: {error.strerror or error}; see serve.socket") from error


def _has_read_all(parts: Collecting) -> bool:
    """Whether every source that is known has been looked at."""
    sources = parts.board.snapshot.sources
    names = [one.name for one in parts.targets()]
    return bool(names) and all(name in sources and sources[name].tried_at is not None for name in names)


async def _within(sleep: Callable[[float], Awaitable[None]], most_s: float, ready: Callable[[], bool]) -> None:
    """Wait until something is so, or for `most_s` at most."""
    for _ in range(round(most_s / 0.05)):
        if ready():
            return
        await sleep(0.05)


async def _answers(path: Path, options: RuntimeOptions) -> bool:
    """Whether a living daemon listens on a socket."""
    from app.services.client import AttachedFeed, DaemonError  # noqa: PLC0415 - late: see `attach`

    async with open_client(options) as client:
        try:
            await AttachedFeed(path, client, options.clock).health()
        except (DaemonError, LookupError):
            return False
    return True
