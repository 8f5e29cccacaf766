"""Telling systemd how the service is doing (sd_notify): ready, reloading, stopping, alive; nothing where it asks not.

One datagram a message, to the socket that `NOTIFY_SOCKET` names; there is no answer, and a loss costs nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.transport.clock import Clock

_LONGEST = 200


@frozen
class Supervisor:
    """Who started this process and wants to hear of it; nobody where `address` is empty."""

    address: str = ""
    watchdog_s: float | None = None
    """A sign of life is due this often; None: none is."""

    @property
    def is_there(self) -> bool:
        """Whether anybody hears."""
        return bool(self.address)

    def ready(self, status: str) -> None:
        """The service answers; after a take-over, in this process."""
        self._tell("READY=1", f"MAINPID={os.getpid()}", _status(status))

    def reloading(self, monotonic_s: float) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_s * 1e6)}", _status("reading the configuration"))

    def stopping(self, status: str) -> None:
        """The service ends."""
        self._tell("STOPPING=1", _status(status))

    def says(self, status: str) -> None:
        """One line that `systemctl status` shows."""
        self._tell(_status(status))

    def lives(self) -> None:
        """A sign of life."""
        self._tell("WATCHDOG=1")

    async def keep_alive(self, clock: Clock) -> None:
        """Give signs of life, twice as often as they are due, until cancelled: a loop that hangs gives none."""
        if self.watchdog_s is None:
            return
        while True:
            self.lives()
            await clock.sleep(self.watchdog_s / 2)

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        where = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            try:
                out.sendto("\n".join(lines).encode(), where)
            except OSError:  # whoever wanted to hear is gone, or its queue is full: the service goes on
                return


def supervisor_of(environ: Mapping[str, str]) -> Supervisor:
    """Who is to be told, as systemd's variables say."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return Supervisor()
    period = environ.get("WATCHDOG_USEC", "")
    is_meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return Supervisor(address, int(period) / 1e6 if is_meant and period.isdigit() and int(period) else None)


def _status(text: str) -> str:
    return f"STATUS={clean(text, _LONGEST)}"
