"""Questions to a Prometheus-compatible server, asked by prometheus-api-client in threads of their own.

That client blocks and knows no bounds; here an answer has a largest size, a question a last moment, and an error a
sentence for a person. Prometheus, Thanos, Mimir and VictoriaMetrics speak the same language; what a server says of an
answer beside it (`warnings`, VictoriaMetrics' `isPartial`) goes with it. The client and requests are loaded when the
first question is asked. This module knows no exporter and no metric.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from app.config.secret import SecretError, read_secret_file
from app.config.settings import Prometheus
from app.domain.frozen import frozen
from app.domain.masking import redact_url
from app.domain.naming import clean
from app.transport.prometheus_answer import Answer, PrometheusError, PrometheusErrorKind, Row, read_alerts, read_rows

if TYPE_CHECKING:
    from app.transport.prometheus_session import Client

__all__ = ["Answer", "PrometheusError", "PrometheusErrorKind", "PrometheusServer", "Row"]

AT_ONCE = 4
"""Questions asked at the same time; more would only queue at the server."""
MOST_POINTS = 11_000
"""Points of one series that every server gives in one answer (Prometheus' own limit)."""
T = TypeVar("T")


@frozen
class FiringAlert:
    """An alert as the server has it."""

    name: str
    labels: Mapping[str, str]
    text: str
    state: str
    active_at: float | None
    value: float | None


class PrometheusServer:
    """One server. Every question raises PrometheusError with a sentence for a person."""

    def __init__(self, settings: Prometheus) -> None:
        self._settings = replace(settings, url=settings.url.rstrip("/"))
        self.name = clean(urlsplit(settings.url).netloc.rpartition("@")[2] or "prometheus", 120)
        """Host and port, for people."""
        self.shown = clean(redact_url(self._settings.url), 200)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="prometheus")
        self._own = threading.local()
        self._clients: list[Client] = []
        self._bearer: str | None = None
        self._generation = 0

    async def instant(self, query: str, at: float | None = None) -> Answer:
        """What an expression is at a time (None: now, by the server's clock); a range selector gives samples."""
        params = {"timeout": f"{self._settings.timeout_s:g}s"}
        if at is not None:
            params["time"] = f"{at:.3f}"
        return await self._ask(lambda client: client.custom_query(query, params))

    async def range(self, query: str, start: float, end: float, step_s: float) -> Answer:
        """An expression at `start`, every `step_s` after it, until `end`."""
        exact = {"start": f"{start:.3f}", "end": f"{end:.3f}", "timeout": f"{self._settings.timeout_s:g}s"}
        begin, stop = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        return await self._ask(lambda client: client.custom_query_range(query, begin, stop, f"{step_s:g}s", exact))

    async def labels(self, selectors: Sequence[str], start: float, end: float) -> tuple[Mapping[str, str], ...]:
        """The label sets of the series that had samples within start…end."""
        begin, stop = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        answer = await self._ask(lambda client: client.get_series(begin, stop, {"match[]": list(selectors)}))
        return tuple(row.labels for row in answer.rows)

    async def alerts(self) -> tuple[FiringAlert, ...]:
        """The alerts that are pending or firing there; empty where the server has no rules of its own."""
        found = await self._run(lambda client: client.page("/api/v1/alerts"))
        return tuple(FiringAlert(**one) for one in read_alerts(found))

    async def version(self) -> str:
        """What the server says it is; empty where it does not say."""
        try:
            said = await self._run(lambda client: client.page("/api/v1/status/buildinfo"))
        except PrometheusError as error:
            if error.kind in ("unreachable", "denied", "timeout", "local"):
                raise
            return ""
        data = said.get("data") if isinstance(said, dict) else None
        return clean(str(data.get("version", "")), 60) if isinstance(data, dict) else ""

    async def close(self) -> None:
        """Give back threads and connections; a question in flight ends by its own time-out, unheard."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    async def _ask(self, ask: Callable[[Any], object]) -> Answer:
        def answered(client: Client) -> Answer:
            try:
                found = ask(client.api)
            except (AttributeError, KeyError, TypeError) as error:  # the library trusts an answer's shape
                text = f"{self.shown} answers, but not as Prometheus does: {error!r}"
                raise PrometheusError("protocol", text) from error
            return Answer(read_rows(found, self.shown), client.notes)

        return await self._run(answered)

    async def _run(self, work: Callable[[Client], T]) -> T:
        """Do it in a thread. Raises PrometheusError, also where no thread comes free in time."""
        settings = self._settings

        def in_thread() -> T:
            return work(self._client())

        try:
            # The client's own time-outs end before this one, which is for what they do not see (names, a slow thread).
            async with asyncio.timeout(settings.timeout_s * 2 + 1):
                return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
        except TimeoutError:
            text = f"{self.shown} gave no answer within {settings.timeout_s:g} s; see settings: prometheus.timeout_s"
            raise PrometheusError("timeout", text) from None
        except SecretError as error:
            raise PrometheusError("denied", str(error)) from None
        except PrometheusError as error:
            if error.kind == "denied":
                self._generation += 1  # the token may have been replaced: its file is read again
            raise

    def _client(self) -> Client:
        """This thread's client; requests' sessions are not made to be shared."""
        known: tuple[int, Client] | None = getattr(self._own, "client", None)
        if known is not None and known[0] == self._generation:
            return known[1]
        from app.transport.prometheus_session import Client  # noqa: PLC0415 - late: 100 ms, for who has a server

        path = self._settings.token_file
        bearer = read_secret_file(Path(path).expanduser()) if path else None
        client = Client(self._settings, bearer, self.shown)
        self._clients.append(client)
        self._own.client = (self._generation, client)
        return client
