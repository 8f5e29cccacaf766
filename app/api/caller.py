"""Who asks: somebody on this machine, known by the socket's peer credentials, or the holder of a token.

A token comes over TCP; a peer needs none, and what it may do follows from who it is. Names of users and groups are
looked up in a thread, since a directory may be slow, and remembered for a minute.
"""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.config.api_tokens import Role, TokenLine, holder, may, read_lines
from app.config.secret import SecretError
from app.domain.frozen import frozen

KNOWN_S = 60.0
"""Seconds for which a user's name and groups are taken as they were."""
REREAD_S = 2.0
"""The token file is looked at again this often at most: a line that is taken out lets nobody in any more."""
MOST_KNOWN = 1000
_NOBODY = 65534
"""What a user of another namespace looks like: anybody."""
_log = logging.getLogger(__name__)


@frozen
class Caller:
    """Who asks, and what they may."""

    name: str
    """A token's name or a user's."""
    role: Role
    uid: int | None = None
    """Of a peer on this machine; None of a token's holder."""
    address: str = ""
    """Of a token's holder."""

    @property
    def key(self) -> str:
        """What tells one from all others, as a folder may be called."""
        return f"token-{self.name}" if self.uid is None else f"uid-{self.uid}"

    def may(self, wanted: Role) -> bool:
        """Whether the role covers another."""
        return may(self.role, wanted)


class Peers:
    """What users of this machine may: root and who runs the daemon all, others what they are named for, else look."""

    def __init__(self, act: Sequence[str], admin: Sequence[str]) -> None:
        """Users, and groups as `@name`."""
        self._named: tuple[tuple[Role, frozenset[str]], ...] = (("admin", frozenset(admin)), ("act", frozenset(act)))
        self._known: dict[int, tuple[float, Caller]] = {}

    async def caller(self, uid: int) -> Caller:
        """Who this is."""
        known = self._known.get(uid)
        if known is not None and time.monotonic() - known[0] < KNOWN_S:
            return known[1]
        found = await asyncio.to_thread(self._look_up, uid)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[uid] = (time.monotonic(), found)
        return found

    def _look_up(self, uid: int) -> Caller:
        name, words = _names_of(uid)
        if uid in {0, os.geteuid()}:
            return Caller(name, "admin", uid)
        if uid == _NOBODY:
            return Caller(name, "view", uid)
        role: Role = next((role for role, named in self._named if named & words), "view")
        return Caller(name, role, uid)


def _names_of(uid: int) -> tuple[str, frozenset[str]]:
    """A user's name, and the words that stand for it: the name, and its groups as `@name`."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), frozenset({str(uid)})
    words = {user.pw_name}
    for gid in os.getgrouplist(user.pw_name, user.pw_gid):
        try:
            words.add(f"@{grp.getgrgid(gid).gr_name}")
        except KeyError:
            continue
    return user.pw_name, frozenset(words)


class Tokens:
    """The tokens of a file, which may change while the daemon runs; a wrong file leaves the old ones in force."""

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Raises SecretError."""
        self._path = path = path.expanduser()
        self._monotonic = monotonic
        self._lines: tuple[TokenLine, ...] = read_lines(path)
        self._stamp = _stamp(path)
        self._looked_at = monotonic()

    def caller(self, token: str, address: str) -> Caller | None:
        """Whose token this is; None: nobody's."""
        self._look_again()
        found = holder(self._lines, token)
        return None if found is None else Caller(found.name, found.role, address=address)

    def _look_again(self) -> None:
        now = self._monotonic()
        if now - self._looked_at < REREAD_S:
            return
        self._looked_at = now
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._lines = read_lines(self._path)
        except SecretError as error:
            _log.warning("the tokens stay as they were: %s", error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
