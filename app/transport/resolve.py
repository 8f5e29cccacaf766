"""Names to addresses, without letting a dead name server stop anybody who knows an address already.

`getaddrinfo` cannot be cancelled and may take half a minute, so it runs in a few daemon threads of its own: not in the
event loop's, where it would hold up others' work, and the end of the program.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

FRESH_S = 60.0
"""Seconds an answer is used without asking again; beyond it, it still serves while the next one is waited for."""
STALE_WAIT_S = 1.0
"""Seconds a new answer is waited for when an old one is at hand."""
MOST_THREADS = 8

Addresses = tuple[str, ...]


class UnknownNameError(Exception):
    """A name has no address, as far as we can learn; the message says why."""


def look_up(host: str) -> Addresses:
    """The addresses of a name, in the order the system prefers them. Blocks. Raises UnknownNameError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownNameError(getattr(error, "strerror", None) or str(error)) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Addresses by name, for one event loop; each name is asked for once at a time."""

    def __init__(self, lookup: Callable[[str], Addresses] = look_up) -> None:
        self._lookup = lookup
        self._known: dict[str, tuple[float, Addresses]] = {}
        self._under_way: dict[str, asyncio.Future[Addresses]] = {}
        self._jobs: SimpleQueue[tuple[str, asyncio.Future[Addresses]]] = SimpleQueue()
        self._threads = 0

    async def addresses(self, host: str) -> Addresses:
        """The addresses of a name; of an address, itself. Raises UnknownNameError."""
        if ":" in host or host.replace(".", "").isdigit():
            return (host,)
        at, known = self._known.get(host, (0.0, ()))
        if known and asyncio.get_running_loop().time() - at < FRESH_S:
            return known
        asked = self._ask(host)
        if not known:
            return await asyncio.shield(asked)
        with suppress(TimeoutError, UnknownNameError):
            async with asyncio.timeout(STALE_WAIT_S):
                return await asyncio.shield(asked)
        return known

    def prefer(self, host: str, address: str) -> None:
        """Put the address that answered first, so that a dead one before it costs its time only once."""
        at, known = self._known.get(host, (0.0, ()))
        if known and known[0] != address:
            self._known[host] = (at, (address, *(one for one in known if one != address)))

    def _ask(self, host: str) -> asyncio.Future[Addresses]:
        asked = self._under_way.get(host)
        if asked is not None:
            return asked
        asked = self._under_way[host] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(lambda done: self._learn(host, done))
        self._jobs.put((host, asked))
        if self._threads < min(MOST_THREADS, len(self._under_way)):
            self._threads += 1
            threading.Thread(target=self._serve, name="resolve", daemon=True).start()
        return asked

    def _learn(self, host: str, done: asyncio.Future[Addresses]) -> None:
        del self._under_way[host]
        if not done.cancelled() and done.exception() is None:
            self._known[host] = (done.get_loop().time(), done.result())

    def _serve(self) -> None:
        """What a thread does: look names up, one after another, for as long as the program runs."""
        while True:
            host, asked = self._jobs.get()
            try:
                answer: Addresses | UnknownNameError = self._lookup(host)
            except UnknownNameError as error:
                answer = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                asked.get_loop().call_soon_threadsafe(_settle, asked, answer)


def _settle(asked: asyncio.Future[Addresses], answer: Addresses | UnknownNameError) -> None:
    if asked.done():
        return
    if isinstance(answer, UnknownNameError):
        asked.set_exception(answer)
    else:
        asked.set_result(answer)
