"""Puts what all listeners are told into a listener's connection at once, where nothing is under way there.

The way through the application (a task woken, a deadline set, four layers called) costs four times what the writing
does, for each of fifty screens several times a second. It is left to those who do not take what they are sent at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from app.api.door import Connection


class Hand:
    """Reaches one listener, from when its stream has begun; until then nobody."""

    def __init__(self) -> None:
        self._connection: Connection | None = None

    def reach(self, scope: Scope) -> None:
        """The head of the answer is out, and whoever asked waits for what comes.

        Before HTTP/1.1 a body has no pieces to write on one's own, and everything goes the long way.
        """
        if scope["http_version"] == "1.1":
            self._connection = scope["state"]["connection"]

    def gives(self, text: bytes) -> bool:
        """Write a text as one piece of the body; whether that was done: never where something waits to be taken."""
        connection = self._connection
        if connection is None or connection.is_gone or connection.flow.write_paused:
            return False
        connection.transport.write(b"%x\r\n%b\r\n" % (len(text), text))
        return True
