"""Where ssh goes: `user@host:port`, checked so that nothing in it can be an option or reach a shell."""

from __future__ import annotations

import re

from app.domain.frozen import frozen
from app.domain.naming import clean

# Narrow on purpose: ssh puts host and user into ProxyCommand and Match exec, which a shell reads.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]+)?")


class SshError(Exception):
    """A host cannot be reached through ssh; the message is for a person."""


@frozen
class SshDestination:
    """A host as the user's ssh knows it; the name may be an alias of their `~/.ssh/config`."""

    host: str
    user: str = ""
    """Empty: whom ssh's configuration says."""
    port: int = 0
    """0: what ssh's configuration says."""

    def __str__(self) -> str:
        """As it is written in the configuration."""
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")

    @property
    def command(self) -> str:
        """How a person connects to it."""
        port = f" -p {self.port}" if self.port else ""
        return f"ssh{port} {self.user}@{self.host}" if self.user else f"ssh{port} {self.host}"

    @property
    def words(self) -> tuple[str, ...]:
        """As words of an ssh command, to stand last."""
        user = ("-l", self.user) if self.user else ()
        port = ("-p", str(self.port)) if self.port else ()
        return (*user, *port, "--", self.host)


def parse_destination(text: str) -> SshDestination:
    """Read `host`, `user@host`, `host:port`, `user@host:port`, `[v6]:port`. Raises ValueError with a sentence."""
    user, at, rest = text.strip().removeprefix("ssh://").rpartition("@")
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    else:
        host, port = rest, ""
    is_port = not port or (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536)
    if not is_port or not _HOST.fullmatch(host) or (at and not _USER.fullmatch(user)):
        raise ValueError(f"{clean(text, 80)!r} is no ssh destination; write user@host:port")
    return SshDestination(host, user, int(port or 0))
