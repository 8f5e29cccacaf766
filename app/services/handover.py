"""A daemon hands its work on to another one: its sockets first, then the store's lease, over a private socket.

The new one is given the sockets when it asks, and reads every source beside the old one until it says that it is ready.
Then the old one stops answering, writes what it still holds, and hands the lease on with the time of its last look at
each source. So no connection is refused (the sockets never close; who connects meanwhile waits), no look is lost, none
is kept twice, and at no moment could a third process write.

A new one that fails before it is ready costs the old one nothing: it goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.store.lease import Lease
from app.transport.peer import peer_of

FORM = 1
"""Of what the two say to each other; daemons of another form cannot be taken over from."""
SUFFIX = ".next"
"""Beside the daemon's socket."""
READY_S = 120.0
"""The new one may take this long to read every source once."""
REPLY_S = 30.0
"""An answer may take this long: the old one writes its last and closes its store first."""
_MOST_BYTES, _MOST_FILES = 8192, 16


class HandoverError(Exception):
    """A daemon cannot be taken over from; the message is for a person."""


@frozen
class Estate:
    """What the daemon before has left."""

    lease: Lease | None = None
    """None where it kept no history, or did not hold it."""
    looked: Mapping[str, float] = field(default_factory=dict)
    """Epoch seconds of its last look at each source, by name; what it saw until then is kept already."""


def place_of(socket_path: Path) -> Path:
    """Where the daemon that listens at a path can be taken over from."""
    return socket_path.with_suffix(SUFFIX)


class Heir:
    """The old daemon's end of a conversation with the one that takes over."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    async def give(self, estate_fd: int, lease_fd: int | None) -> None:
        """Hand the rest on and wait until it is taken. Raises HandoverError."""
        files = [estate_fd] if lease_fd is None else [estate_fd, lease_fd]
        try:
            await _say(self._line, {"yours": True}, files)
            async with asyncio.timeout(REPLY_S):
                said, _ = await _hear(self._line)
        except (OSError, TimeoutError) as error:
            raise HandoverError(f"the daemon that takes over does not answer: {_why(error)}") from error
        finally:
            self._line.close()
        if not said.get("taken"):
            raise HandoverError("the daemon that takes over has gone before it had everything")


class Doorstep:
    """Where the daemon of now waits for the one that takes over."""

    def __init__(self, path: Path, config: str, sockets: Sequence[socket.socket], *, is_namer: bool) -> None:
        """`is_namer`: the name of the unix socket is the daemon's to take away, and not systemd's. Raises OSError."""
        self._path = path
        self._config = config
        self._sockets = tuple(sockets)
        self._is_namer = is_namer
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._listening.bind(str(path))
        finally:
            os.umask(mask)
        self._listening.listen(4)
        self._listening.setblocking(False)

    async def heir(self) -> Heir:
        """Wait until somebody is ready to take over; those who cannot, or give up, are sent away."""
        try:
            while True:
                line, _ = await asyncio.get_running_loop().sock_accept(self._listening)
                heir = await self._greet(line)
                if heir is not None:
                    return heir
        finally:
            self._listening.close()
            self._path.unlink(missing_ok=True)

    async def _greet(self, line: socket.socket) -> Heir | None:
        """Give the sockets to who asks, and wait until it is ready; None: it cannot be, or has gone."""
        is_ready = False
        try:
            async with asyncio.timeout(REPLY_S):
                asked, _ = await _hear(line)
            refusal = self._refusal(line, asked)
            if refusal:
                await _say(line, {"error": refusal})
                return None
            told = {"form": FORM, "pid": os.getpid(), "namer": self._is_namer}
            await _say(line, told, [one.fileno() for one in self._sockets])
            async with asyncio.timeout(READY_S):
                said, _ = await _hear(line)
            is_ready = said.get("ready") is True
        except (OSError, TimeoutError):
            return None
        finally:
            if not is_ready:
                line.close()
        return Heir(line) if is_ready else None

    def _refusal(self, line: socket.socket, asked: Mapping[str, Any]) -> str:
        """Why this one may not take over; empty: it may."""
        if peer_of(line).uid not in (0, os.geteuid()):
            return "only the daemon's own user, or root, takes it over"
        if asked.get("form") != FORM:
            return "the two are of versions that cannot hand over to each other: stop the old one first"
        if asked.get("config") != self._config:
            return f"the daemon there serves {self._config or 'no configuration file'}, not what this one reads"
        return ""


class Succession:
    """The new daemon's end: asks for the sockets, says when it is ready, and is given the rest."""

    def __init__(self, line: socket.socket, sockets: tuple[socket.socket, ...], told: Mapping[str, Any]) -> None:
        self.sockets = sockets
        self.pid = int(told.get("pid", 0))
        self.is_namer = bool(told.get("namer", True))
        """As `Doorstep`."""
        self._line = line
        self._estate: asyncio.Future[Estate] = asyncio.get_running_loop().create_future()

    async def ready(self) -> None:
        """Say that every source has been read, and take what is left. Raises HandoverError."""
        try:
            await _say(self._line, {"ready": True})
            async with asyncio.timeout(REPLY_S):
                said, files = await _hear(self._line)
            if not said.get("yours") or not files:
                raise HandoverError(f"the daemon before ({self.pid}) has gone without handing over")
            looked = _unpacked(files[0])
            lease = Lease.inherited(files[1]) if len(files) > 1 else None
            await _say(self._line, {"taken": True})
        except (OSError, TimeoutError, ValueError) as error:
            raise HandoverError(f"the daemon before ({self.pid}) does not hand over: {_why(error)}") from error
        finally:
            self._line.close()
        self._estate.set_result(Estate(lease, looked))

    async def estate(self) -> Estate:
        """What the daemon before has left, once it has."""
        return await asyncio.shield(self._estate)

    def close(self) -> None:
        """Ask for nothing more; before `ready`, the old daemon goes on."""
        self._line.close()


async def succeed(path: Path, config: str) -> Succession | None:
    """Ask the daemon that waits at a path for its sockets; None: none waits there. Raises HandoverError."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(line, str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    except OSError as error:
        line.close()
        raise HandoverError(f"{path}: {error.strerror or error}") from error
    try:
        said, files = await _asked(line, config)
    except (OSError, TimeoutError) as error:
        line.close()
        raise HandoverError(f"{path}: the daemon there does not answer ({_why(error)})") from error
    if not files:
        line.close()
        raise HandoverError(clean(str(said.get("error", "the daemon there hands nothing over")), 500))
    sockets = tuple(socket.socket(fileno=one) for one in files)
    for one in sockets:
        one.setblocking(False)
    return Succession(line, sockets, said)


async def _asked(line: socket.socket, config: str) -> tuple[dict[str, Any], list[int]]:
    """What the daemon at the other end answers to who would take over. Raises OSError, TimeoutError."""
    if peer_of(line).uid not in (0, os.geteuid()):
        return {"error": "the daemon that waits to be taken over is somebody else's"}, []
    await _say(line, {"form": FORM, "config": config})
    async with asyncio.timeout(REPLY_S):
        return await _hear(line)


def packed(looked: Mapping[str, float]) -> int:
    """The times of the last looks as a file in memory, for `Heir.give`: of thousands of sources too."""
    made = os.memfd_create("gpu-watchdog-looked", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(made), "wb") as out:
        out.write(json.dumps(dict(looked)).encode())
    return made


def _unpacked(file: int) -> dict[str, float]:
    with os.fdopen(file, "rb") as told:
        told.seek(0)
        raw = json.loads(told.read())
    return {str(name): float(at) for name, at in raw.items()}


def _why(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)


async def _say(line: socket.socket, said: Mapping[str, Any], files: Sequence[int] = ()) -> None:
    """Send one message, with files. Messages are small: the socket's buffer takes them at once."""
    socket.send_fds(line, [json.dumps(said).encode()], list(files))


async def _hear(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message and its files; nothing said where the other end has gone. Raises OSError."""
    await _readable(line)
    text, files, _, _ = socket.recv_fds(line, _MOST_BYTES, _MOST_FILES)
    for one in files:
        os.set_inheritable(one, False)
    try:
        said = json.loads(text or b"{}")
    except ValueError:
        said = {}
    return (said if isinstance(said, dict) else {}), files


async def _readable(line: socket.socket) -> None:
    """Wait until there is something to read, or the other end has gone."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(line, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(line)
