"""Ports for servers that tests start: on loopback, free, and given to nobody else meanwhile."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from itertools import count

FIRST, LAST = 20_000, 32_000
"""Below those that the system gives away: between our look and a server's start, a connection may get one of those."""
_NUMBERS = count(os.getpid() * 1_009)
"""Test processes of one run, whose numbers are neighbours, begin far apart."""


def free_port() -> int:
    """A port that nobody has, on loopback or elsewhere; another one at each call."""
    while True:
        port = FIRST + next(_NUMBERS) % (LAST - FIRST)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
