"""The `Source` protocol: what the monitor reads. One file a collector; `app.sources.registry` lists them."""

from __future__ import annotations

from typing import Protocol

from app.domain.reading import Reading, SourceSpec


class Source(Protocol):
    """Something that can be read once an interval."""

    @property
    def spec(self) -> SourceSpec:
        """Who it is and how often it is read."""

    @property
    def timeout_s(self) -> float:
        """Seconds a look may take; below the interval."""

    async def read(self) -> Reading:
        """Look once. Never raises but for cancellation: a failure is a reading."""

    async def close(self) -> None:
        """Give back connections, threads and processes."""
