"""One attempt at a page: its deadline, how far it has come, and the sentence for what stopped it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.transport.connection import Connection
from app.transport.destination import SshError
from app.transport.endpoint import Endpoint
from app.transport.failure import ScrapeError, explain, too_slow
from app.transport.head import HttpError
from app.transport.peer import UntrustedPeerError
from app.transport.resolve import UnknownNameError


class Attempt:
    """How far one request has come. `endpoint` and `connection` follow redirects and retries."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.connection: Connection | None = None
        self.is_queued = False
        """Other requests to its server go first."""
        self.deadline = asyncio.timeout(timeout_s)

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, which must have begun."""
        return (self.deadline.when() or 0.0) - asyncio.get_running_loop().time()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what connecting, asking and reading raise into ScrapeError."""
        try:
            yield
        except (OSError, HttpError, UnknownNameError, UntrustedPeerError, SshError) as error:
            if isinstance(error, TimeoutError) and self.deadline.expired():
                if self.is_queued:
                    text = f"{self.endpoint.server} was busy with other pages of ours for {self.timeout_s:g} s"
                    raise ScrapeError("timeout", text) from error
                received = self.connection.received if self.connection else None
                raise too_slow(self.endpoint, received, self.timeout_s) from error
            raise explain(self.endpoint, error) from error
