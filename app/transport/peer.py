"""Who sits at the other end of a unix socket, by the kernel's word."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from pathlib import Path

from app.domain.frozen import frozen

PATIENCE_S = 0.25
"""Seconds a listener may take to have room for one more connection."""
_UCRED = struct.Struct("3i")


class UntrustedPeerError(Exception):
    """The socket belongs to somebody we do not trust; the message is for a person."""


@frozen
class Peer:
    """The process that listens on, or connected to, a unix socket, as it was at that moment."""

    pid: int
    uid: int
    gid: int

    @property
    def user(self) -> str:
        """Its user's name, or the number where there is none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def peer_of(connection: socket.socket) -> Peer:
    """The other end of a connected unix socket (SO_PEERCRED). Raises OSError on any other socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Peer(*_UCRED.unpack(raw))


def owner_is_trusted(path: Path, user: str = "") -> bool:
    """Whether something listens on a unix socket, and is root's, one's own or `user`'s."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE_S)
        try:
            probe.connect(str(path))
            check_peer(probe, str(path), user)
        except (OSError, UntrustedPeerError):
            return False
    return True


def check_peer(connection: socket.socket, path: str, user: str = "") -> Peer:
    """The other end, if it is root's, one's own or `user`'s.

    Raises UntrustedPeerError, or OSError where the kernel cannot tell.
    """
    peer = peer_of(connection)
    trusted = {0, os.geteuid()}
    if user:
        try:
            trusted.add(pwd.getpwnam(user).pw_uid)
        except KeyError as error:
            raise UntrustedPeerError(
                f"{path}: there is no user {user!r} on this machine; see settings: serve.user"
            ) from error
    if peer.uid not in trusted:
        raise UntrustedPeerError(
            f"{path} belongs to user {peer.user}, not to root or you: not used; if that is right, set serve.user"
        )
    return peer
