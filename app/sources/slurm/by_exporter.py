"""One look at Slurm through an exporter's page: counts only, no jobs.

SckyzO's slurm_exporter runs Slurm's commands at a scrape and slurmctld's own pages (25.11) take its locks, so both are
asked less often than an exporter of GPUs. slurmctld's `/metrics` only lists its pages; these are then asked for.
"""

from __future__ import annotations

from app.sources.slurm.counts import read_pages
from app.sources.slurm.look import Look, Tap
from app.sources.slurm.trouble import SlurmError, TroubleKind
from app.transport.clock import Clock
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import ScrapeClient

LEAST_S = 15.0
"""Seconds between two looks at an exporter."""
NATIVE_LEAST_S = 60.0
"""The same for slurmctld's own pages."""
NATIVE_PAGES = ("/metrics/jobs", "/metrics/nodes", "/metrics/partitions", "/metrics/scheduler")


class ExporterWay:
    """A page of counts."""

    def __init__(self, url: str, client: ScrapeClient, clock: Clock, tap: Tap | None = None) -> None:
        """Raises ValueError for an address that is none."""
        self._endpoint = parse_endpoint(url)
        self._client = client
        self._clock = clock
        self._tap = tap
        self.least_s = LEAST_S

    @property
    def target(self) -> str:
        return str(self._endpoint)

    async def look(self, timeout_s: float) -> Look:
        """Look once. Raises SlurmError, SlurmParseError."""
        began = self._clock.monotonic()
        body = await self._get(self._endpoint, "page", timeout_s)
        pages = [body]
        if _is_list(body):
            self.least_s = NATIVE_LEAST_S
            left_s = max(0.2, timeout_s - (self._clock.monotonic() - began))
            pages = [
                await self._get(self._endpoint.at(path), path, left_s / len(NATIVE_PAGES)) for path in NATIVE_PAGES
            ]
        reading = read_pages(pages)
        return Look(reading, self._clock.monotonic() - began)

    async def close(self) -> None:
        """Close the connection that is kept for it."""
        self._client.forget(self._endpoint.server)

    async def _get(self, endpoint: Endpoint, part: str, timeout_s: float) -> bytes:
        try:
            body = (await self._client.get(endpoint, timeout_s)).body
        except ScrapeError as error:
            kind: TroubleKind = "timeout" if error.kind == "timeout" else "reach"
            raise SlurmError(kind, str(error)) from error
        if self._tap is not None:
            self._tap(part, body)
        return body


def _is_list(body: bytes) -> bool:
    """Whether a page is slurmctld's list of its pages."""
    return all(path.encode() in body for path in NATIVE_PAGES[:2]) and b"\nslurm_" not in body
