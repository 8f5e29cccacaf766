"""Serves HTTP/1.1 on sockets that are open already, so that nobody keeps others out: uvicorn's protocol, with limits.

A head must come whole in time, a connection that asks nothing is closed first when there are too many, and a reader
that takes nothing is cut off. What is answered is the application's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import ssl
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.services.listening import ListenError
from app.transport.peer import peer_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LONGEST_HEAD = 16 * 1024
HEAD_S = 10.0
"""Seconds in which a request's head must have come, and a TLS handshake must be over."""
IDLE_S = 30
"""A connection on which nothing more is asked is closed."""
GRACE_S = 2.0
"""Answers that are being given have so long to end when the door closes."""
MOST = 4096
"""Connections, where the system gives a process descriptors for so many; the longest idle goes first."""
_BACKLOG = 256
_WANTED_FILES = 16_384


class Crowd:
    """All connections of a door, and which of them ask nothing now."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        """The longest idle first."""
        self.left = asyncio.Event()
        """Set whenever one leaves."""
        self.turned_away = 0
        self.is_last = False
        """Whether the door closes: what is asked now is the last that is asked on a connection."""
        self._coming: weakref.WeakSet[Connection] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def is_over(self) -> bool:
        """Whether everybody has left, and nobody is between having been taken and being known."""
        return not self._all and not self._coming

    def take(self, one: Connection) -> None:
        """One has been taken from the system's queue; asyncio makes it known some turns of its loop later."""
        self._coming.add(one)

    def enter(self, one: Connection) -> None:
        """Let one in; where there are too many, who has been idle longest goes, or the one that came."""
        self._coming.discard(one)
        if len(self._all) >= self._most:
            self.turned_away += 1
            longest = next(iter(self._idle), one)
            longest.abort()
            self.leave(longest)
            if longest is one:
                return
        self._all.add(one)
        self._idle[one] = None

    def ask(self, one: Connection) -> None:
        """One has asked something."""
        self._idle.pop(one, None)

    def rest(self, one: Connection) -> None:
        """One has had its answer."""
        if one in self._all:
            self._idle[one] = None

    def leave(self, one: Connection) -> None:
        """One is gone."""
        self._all.discard(one)
        self._idle.pop(one, None)
        self.left.set()

    def all(self) -> tuple[Connection, ...]:
        """Every connection."""
        return tuple(self._all)


class Connection(H11Protocol):
    """One connection; the application finds in its scope's `state` who the peer is, and the connection itself."""

    def __init__(self, config: uvicorn.Config, state: ServerState, crowd: Crowd) -> None:
        super().__init__(config, state, {})
        self._crowd = crowd
        self._head: asyncio.TimerHandle | None = None
        crowd.take(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Find out who it is, and let it in."""
        super().connection_made(transport)
        self.app_state = {"connection": self, "uid": _uid_of(transport)}
        self._crowd.enter(self)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._crowd.leave(self)
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; the first byte of a head begins its time."""
        if self._is_waiting:
            self._await_head()
        super().data_received(data)
        if not self._is_waiting:
            self._have_head()
            self._crowd.ask(self)
            if self._crowd.is_last and self.cycle is not None:  # else only a part of a head is there
                self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """One more question may be asked."""
        super().on_response_complete()
        if self._is_waiting:
            self._crowd.rest(self)

    def finish(self) -> None:
        """Close once what was asked is answered; who has come and not asked yet may ask once."""
        if self.cycle is not None:
            self.shutdown()

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be told any more."""
        return self.transport.is_closing()

    def abort(self) -> None:
        """Cut it off, whatever it has not taken yet."""
        self.transport.abort()

    @property
    def _is_waiting(self) -> bool:
        """Whether no whole head is there."""
        return self.conn.their_state is h11.IDLE

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_S, self._too_slow)

    def _have_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        self._head = None
        if self._is_waiting and not self.transport.is_closing():
            self.abort()


class Door:
    """Answers on sockets with one application until it is closed."""

    def __init__(self, app: ASGIApp, *, most: int | None = None) -> None:
        # uvicorn tells of every client that speaks nonsense; mistakes of ours are told by the application.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            timeout_keep_alive=IDLE_S,
        )
        self._config.load()
        self._state = ServerState()
        self.crowd = Crowd(room() if most is None else most)
        self._servers: list[asyncio.Server] = []

    async def open(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Answer on a socket that listens."""
        loop = asyncio.get_running_loop()
        handshake: dict[str, Any] = {"ssl_handshake_timeout": HEAD_S, "ssl_shutdown_timeout": GRACE_S} if tls else {}
        server = await loop.create_server(self._connection, sock=listening, ssl=tls, backlog=_BACKLOG, **handshake)
        self._servers.append(server)

    async def close(self) -> None:
        """Take nobody new, answer who has come and let answers end for a moment, then cut off who is left."""
        loop = asyncio.get_running_loop()
        for server in self._servers:
            for listening in server.sockets:
                loop.remove_reader(listening.fileno())
        self.crowd.is_last = True
        for _ in range(
            2
        ):  # turns of the loop: who was taken last is counted after one, what has come is read after two
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()  # not sooner: asyncio drops who was taken in the same turn
        for one in self.crowd.all():
            one.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while not self.crowd.is_over:
                    self.crowd.left.clear()
                    await self.crowd.left.wait()
        for one in self.crowd.all():
            one.abort()
        tasks = tuple(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_S)

    def _connection(self) -> Connection:
        return Connection(self._config, self._state, self.crowd)


def room() -> int:
    """How many connections there is room for: half the files that this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else max(16, min(MOST, soft // 2))


def is_unix(one: socket.socket) -> bool:
    """Whether only this machine's processes come in by it, each known by its user."""
    return one.family == socket.AF_UNIX


def tls_context(sockets: Sequence[socket.socket], cert: str, key: str) -> ssl.SSLContext | None:
    """What TCP is spoken under; None: plain. Raises ListenError, also where tokens would be read on the way."""
    if cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(Path(cert).expanduser(), Path(key).expanduser())
        except (OSError, ssl.SSLError) as error:
            raise ListenError(f"serve.tls_cert {cert} with serve.tls_key {key} cannot be used: {error}") from error
        return context
    from app.config.tokens import is_loopback  # noqa: PLC0415 - late: it is about TCP alone

    for one in sockets:
        if not is_unix(one) and not is_loopback(str(one.getsockname()[0])):
            raise ListenError("TCP beyond this machine needs serve.tls_cert and serve.tls_key: tokens would be read")
    return None


def _uid_of(transport: asyncio.Transport) -> int | None:
    """Whose process is at the other end; None over TCP."""
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is None or connected.family != socket.AF_UNIX:
        return None
    try:
        return peer_of(connected).uid
    except OSError:
        return 65534  # gone already: nobody
