"""Sockets that the daemon listens on: opened here, given by systemd, or taken over from the daemon before."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from app.config.paths import private_dir
from app.config.settings import Serve

EVERYBODY = "*"
"""As `[serve] group`: whoever has a login on this machine."""
_BACKLOG = 1024
_FIRST_GIVEN = 3
"""Number of the first file that systemd gives (SD_LISTEN_FDS_START)."""
_MOST_GIVEN = 16


class ListenError(Exception):
    """A socket cannot be opened; the message is for a person."""


def open_unix(path: Path, group: str = "") -> socket.socket:
    """A socket that listens at `path`: for its user alone, or for a group's members too. Raises ListenError, OSError.

    Who may do what with it is decided when they connect, by the kernel's word for who they are.
    """
    _folder_for(path.parent, group)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(mask)
    if group:
        _open_to(path, group, 0o660, 0o666)
    return _listens(listening)


def open_tcp(address: str) -> socket.socket:
    """A socket that listens on `address:port`. Raises ListenError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart must not wait for old connections
    try:
        listening.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) else error
        raise ListenError(f"{address} cannot be listened on: {why}; see settings: serve.tcp") from error
    return _listens(listening)


def opened(serve: Serve, path: Path, given: tuple[socket.socket, ...] = ()) -> list[socket.socket]:
    """Every socket that the settings want, those given among them. Raises ListenError, OSError."""
    sockets = list(given)
    if not any(one.family == socket.AF_UNIX for one in sockets):
        sockets.insert(0, open_unix(path, serve.group))
    if serve.tcp and not any(one.family in (socket.AF_INET, socket.AF_INET6) for one in sockets):
        try:
            sockets.append(open_tcp(serve.tcp))
        except ListenError:
            for one in sockets:
                one.close()
            unbind(path)
            raise
    return sockets


def given_by_systemd(environ: Mapping[str, str]) -> tuple[socket.socket, ...]:
    """The sockets of a `.socket` unit, which stay open while the daemon is away (sd_listen_fds)."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return ()
    found = []
    for number in range(_FIRST_GIVEN, _FIRST_GIVEN + min(int(count), _MOST_GIVEN)):
        os.set_inheritable(number, False)
        found.append(_listens(socket.socket(fileno=number)))
    return tuple(found)


def unbind(path: Path) -> None:
    """Take the name of a socket away."""
    path.unlink(missing_ok=True)


def _listens(listening: socket.socket) -> socket.socket:
    listening.listen(_BACKLOG)
    listening.setblocking(False)
    return listening


def _folder_for(folder: Path, group: str) -> None:
    """Make the folder of a socket: private, or one that the group can enter and nobody else can write to."""
    if not group:
        private_dir(folder)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        _open_to(folder, group, 0o750, 0o755)


def _open_to(path: Path, group: str, shared: int, public: int) -> None:
    """Let the members of a group at a path, or everybody. Raises ListenError."""
    if group == EVERYBODY:
        path.chmod(public)
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError as error:
        raise ListenError(f"there is no group {group!r} on this machine; see settings: serve.group") from error
    except PermissionError as error:
        raise ListenError(
            f"{path} cannot be given to the group {group!r}: the daemon's user is no member of it; see serve.group"
        ) from error
    path.chmod(shared)
