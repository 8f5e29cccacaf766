"""What one look at a log brings, and the ways in that bring it: a file here, a file behind ssh, a journal, a pod."""

from __future__ import annotations

from typing import Protocol

from app.domain.frozen import frozen
from app.sources.logs.line import LogLine

MOST_BYTES = 2 * 1024 * 1024
"""Bytes one look takes; what is left comes with the next, so that a storm delays and loses nothing."""
BACKLOG_BYTES = 1024 * 1024
"""Bytes read back at the first look, to explain what is already wrong."""


class LogError(Exception):
    """A log cannot be read; the message is for a person."""


@frozen
class LogLook:
    """What came since the look before."""

    lines: tuple[str, ...] = ()
    """Raw lines; empty where the way gives them taken apart."""
    parsed: tuple[LogLine, ...] = ()
    is_history: bool = False
    """These stood there at the first look."""
    size_bytes: int = 0
    lost: str = ""
    """What could not be read any more, for a person; empty where nothing was lost."""
    boot_at: float | None = None
    """When the machine booted, epoch seconds by its own clock, where it was asked."""
    offset_s: float | None = None
    """Its clock less ours, where it was asked."""


class LogWay(Protocol):
    """A way to a log."""

    @property
    def target(self) -> str:
        """Where that is, for people."""

    async def look(self, timeout_s: float) -> LogLook:
        """What came since the last look. Raises LogError."""

    async def close(self) -> None:
        """Give back files and connections."""
