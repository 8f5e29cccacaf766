"""Any page of Prometheus text: fetch it, read it, turn its counters into rates.

Which exporter it is, the page itself says (`app.sources.page`). Whatever goes wrong is a failed reading with a sentence
for a person; nothing but cancellation is raised.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.config.secret import SecretError, read_secret_file
from app.config.settings import Target
from app.domain.reading import Reading, SourceSpec
from app.sources.page import Page, PageContents, PageError
from app.sources.rates import with_rates
from app.sources.registry import Making
from app.sources.told import Told
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import Limits

THREAD_BYTES = 256 * 1024
"""A page larger than this is read in a thread: the screen must not wait for it."""
FIRST_THREAD_BYTES = 64 * 1024
"""The same for a source's first page, which takes twenty times as long: its series are new."""
_DENIED = (401, 403)


class ExporterSource:
    """One target's page as a source."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._limits = Limits(max_body=making.target.max_bytes)
        self._endpoint: Endpoint | None = None
        self._page: Page | None = None
        self._before: PageContents | None = None
        self._parsing: asyncio.Future[PageContents] | None = None

    @property
    def spec(self) -> SourceSpec:
        return self._making.spec

    @property
    def timeout_s(self) -> float:
        return self._making.timeout_s

    async def read(self) -> Reading:
        """Look once; a failure is a reading. The tap, if there is one, is given every body that came in."""
        clock, name = self._making.clock, self.spec.name
        began = clock.monotonic()
        try:
            endpoint = self._ready()
            body = (await self._making.client.get(endpoint, self.timeout_s, self._limits)).body
            at = clock.now()
            contents = await self._heard(endpoint, body, at)
        except (ScrapeError, SecretError, ValueError) as error:
            if isinstance(error, ScrapeError) and error.status in _DENIED:
                self._endpoint = None  # the token may have been replaced: its file is read again
            return Reading.failed(name, clock.now(), str(error), clock.monotonic() - began)
        self._before = contents = with_rates(self._before, contents)
        return Reading(
            source=name,
            at=at,
            duration_s=clock.monotonic() - began,
            nodes=contents.nodes,
            services=contents.services,
            page=contents.health,
            simulated=contents.simulated,
        )

    async def close(self) -> None:
        """Close the connection that is kept for it."""
        if self._endpoint is not None:
            self._making.client.forget(self._endpoint.server)

    def _ready(self) -> Endpoint:
        """Where to ask, token included. Raises SecretError, or ValueError for an address that is none."""
        if self._endpoint is None:
            self._endpoint = endpoint_of(self._making.target)
            # Loopback names no machine: two forwards that lead to two would become one, so the source's name stands in.
            self._page = self._page or Page(self.spec.node, host_of(self._endpoint) or self.spec.name)
        return self._endpoint

    async def _heard(self, endpoint: Endpoint, body: bytes, at: float) -> PageContents:
        """What a page says; the tap is told of it in any case. Raises as `_read_page`."""
        told: Told = body
        try:
            contents = await self._read_page(endpoint, body, at)
            told = contents.sheet or body
        finally:
            if self._making.tap is not None:
                self._making.tap(self.spec.name, "host", at, (host_of(endpoint) or "").encode())
                self._making.tap(self.spec.name, "page", at, told)
        return contents

    async def _read_page(self, endpoint: Endpoint, body: bytes, at: float) -> PageContents:
        """What a page says. Raises ValueError with a sentence that names the page."""
        page = self._page
        assert page is not None, "_ready comes first"  # noqa: S101 - a mistake of ours, not of the exporter
        if self._parsing is not None and not self._parsing.done():
            raise ValueError(f"{endpoint}: its last page is still being read, so this one is left out")
        try:
            if len(body) <= (THREAD_BYTES if self._before else FIRST_THREAD_BYTES):
                return page.read(body, at)
            # Shielded: a page is one look's at a time, and a thread cannot be stopped.
            self._parsing = asyncio.get_running_loop().run_in_executor(None, page.read, body, at)
            self._parsing.add_done_callback(_hear_out)
            return await asyncio.shield(self._parsing)
        except PageError as error:
            raise ValueError(f"{endpoint}: {error}") from error


def _hear_out(parsing: asyncio.Future[PageContents]) -> None:
    """Take note of a page whose look was cancelled meanwhile; asyncio would report its error as a loss."""
    if not parsing.cancelled():
        parsing.exception()


def make(making: Making) -> ExporterSource:
    """Make the source; nothing is read before the first look."""
    return ExporterSource(making)


def endpoint_of(target: Target) -> Endpoint:
    """Where a configured target is, with its token. Raises SecretError, or ValueError for an address that is none."""
    token = read_secret_file(Path(target.token_file).expanduser()) if target.token_file else None
    return parse_endpoint(target.url, token=token, ssh=target.ssh, ca_file=target.ca_file, insecure=target.insecure)


def host_of(endpoint: Endpoint) -> str | None:
    """The machine an endpoint is on, as far as its address tells: of loopback behind ssh, the ssh host."""
    server = endpoint.server
    if server.is_local:
        return server.ssh.host if server.ssh else None
    return server.host
