"""Where a daemon of another machine is: `user@host[:port][/path/of/the.sock]`. Values only."""

from __future__ import annotations

from app.domain.frozen import frozen
from app.transport.destination import SshDestination, parse_destination


@frozen
class Remote:
    """A daemon of another machine."""

    host: SshDestination
    socket: str = ""
    """Its socket's whole path; empty: where daemons usually listen."""


def parse_remote(text: str) -> Remote:
    """Read `user@host:port`, with the socket's whole path after it or without. Raises ValueError with a sentence."""
    host, slash, path = text.partition("/")
    if ":" in path:
        raise ValueError(f"{path[:80]!r} is no path of a socket: it holds a colon")
    return Remote(parse_destination(host), slash + path)
