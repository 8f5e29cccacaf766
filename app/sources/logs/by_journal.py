"""systemd's journal, here or behind ssh: entries after the last one's cursor, as JSON.

Of a kernel log the kernel's own entries are taken and those of services that tell of links, fabric and Slurm; of a
unit, its entries. Where the journal no longer knows a cursor (it was vacuumed), entries are taken by time, and the look
says so.
"""

from __future__ import annotations

import asyncio

from app.domain.naming import clean
from app.sources.logs.journal import parse_json_entry
from app.sources.logs.line import LogLine
from app.sources.logs.look import MOST_BYTES, LogError, LogLook
from app.transport.clock import Clock
from app.transport.destination import SshError
from app.transport.process import ProcessError
from app.transport.runner import Runner

FIRST_ENTRIES = 5000
"""Entries read back at the first look."""
MOST_ENTRIES = 20000
"""Entries of one look; of more only these newest are read."""
_FIELDS = (
    "MESSAGE,PRIORITY,_TRANSPORT,_HOSTNAME,SYSLOG_IDENTIFIER,_COMM,_PID,"
    "_SOURCE_MONOTONIC_TIMESTAMP,_SOURCE_REALTIME_TIMESTAMP"
)
_SERVICES = ("systemd-networkd", "NetworkManager", "nvidia-fabricmanager", "slurmd", "slurmctld")


class JournalWay:
    """One journal, or one unit of it."""

    def __init__(self, runner: Runner, unit: str, clock: Clock, *, is_kernel: bool) -> None:
        self.target = f"journal of {unit or 'the kernel'} on {runner.where}"
        self._runner = runner
        self._clock = clock
        self._matches = _matches(unit, is_kernel=is_kernel)
        self._is_kernel = is_kernel and not unit
        self._cursor = ""
        self._last_at = 0.0

    async def look(self, timeout_s: float) -> LogLook:
        """Entries since the last look. Raises LogError."""
        is_first = not self._last_at
        began, lost = self._clock.now(), ""
        until = asyncio.get_running_loop().time() + timeout_s
        after = ("-n", str(FIRST_ENTRIES)) if not self._cursor else (f"--after-cursor={self._cursor}",)
        try:
            if is_first or self._cursor:
                said = await self._ask(timeout_s, *after)
            else:
                said = await self._since(timeout_s)
        except _UnknownCursorError as error:
            lost = f"the journal no longer knows where we were ({error}); entries are taken by time"
            said = await self._since(until - asyncio.get_running_loop().time())
        lines = [line for raw in said.splitlines() if (line := parse_json_entry(raw, began)) is not None]
        if not lines and not self._cursor:
            await self._see_that_it_is_readable(until - asyncio.get_running_loop().time())
        if lost:
            lines = [line for line in lines if line.at is None or line.at > self._last_at]
        self._note(lines, began)
        return LogLook(parsed=tuple(lines), is_history=is_first, size_bytes=len(said), lost=lost)

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _note(self, lines: list[LogLine], began: float) -> None:
        """Where to go on; a journal that has no entry yet is asked from now on."""
        self._cursor = next((line.cursor for line in reversed(lines) if line.cursor), self._cursor)
        self._last_at = max((line.at for line in lines if line.at is not None), default=self._last_at or began)

    async def _see_that_it_is_readable(self, timeout_s: float) -> None:
        """Raise LogError where nothing can be read: journalctl itself is silent about that.

        Each boot writes kernel messages, so a journal without any hides them; of a unit, silence may be true.
        """
        if self._is_kernel or not await self._ask(timeout_s, "-n", "1", of_all=True):
            what = "kernel messages" if self._is_kernel else "entries"
            why = "add it to the group systemd-journal; in a container there are none"
            raise LogError(f"{self.target}: there are no {what} that this user may read: {why}")

    async def _since(self, timeout_s: float) -> bytes:
        return await self._ask(timeout_s, f"--since=@{int(self._last_at)}", "-n", str(MOST_ENTRIES))

    async def _ask(self, timeout_s: float, *words: str, of_all: bool = False) -> bytes:
        """What journalctl prints."""
        matches = () if of_all else self._matches
        argv = ("journalctl", "--no-pager", "-q", "-o", "json", f"--output-fields={_FIELDS}", *words, *matches)
        try:
            result = await self._runner.run(argv, max(0.1, timeout_s), max_output=8 * MOST_BYTES)
        except (ProcessError, SshError) as error:
            raise LogError(f"{self.target}: {error}") from error
        said = clean(result.stderr[:2000].decode("utf-8", "replace").strip(), 300)
        if result.ok:
            return result.stdout
        if self._cursor and "cursor" in said.casefold():
            raise _UnknownCursorError(said)
        why = said or f"journalctl ended with status {result.returncode}"
        raise LogError(f"{self.target}: {why}")


class _UnknownCursorError(Exception):
    """The journal does not know our place any more."""


def _matches(unit: str, *, is_kernel: bool) -> tuple[str, ...]:
    """What is asked for: alternatives, as journalctl joins them."""
    if unit:
        name = unit if "." in unit else f"{unit}.service"
        return (f"_SYSTEMD_UNIT={name}",)
    if not is_kernel:
        return ()
    services = [word for name in _SERVICES for word in ("+", f"_SYSTEMD_UNIT={name}.service")]
    return ("_TRANSPORT=kernel", *services)
