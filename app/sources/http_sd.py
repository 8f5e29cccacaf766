"""Targets from an http_sd server: one bounded GET, tried again where the trouble may pass."""

from __future__ import annotations

import asyncio

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from app.config.settings import Target
from app.domain.masking import redact_url
from app.domain.naming import clean
from app.sources.target_groups import MOST_BYTES, GroupsError, parse_groups
from app.transport.clock import Clock

TIMEOUT_S = 5.0
"""Seconds one try may take to connect, and between two pieces of an answer."""
TOTAL_S = 10.0
"""Seconds all tries together may take; a server that answers a byte a second is cut here."""
TRIES = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0


class HttpSdError(Exception):
    """An http_sd server gave no list; the message is for a person and holds no credentials."""


async def fetch_targets(url: str, refresh_s: float, clock: Clock) -> tuple[Target, ...]:
    """Ask an http_sd server for its targets; none is an answer too. Raises HttpSdError."""
    retrying = AsyncRetrying(
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=_FIRST_PAUSE_S, max=_LONGEST_PAUSE_S),
        retry=retry_if_exception(_may_pass),
        sleep=clock.sleep,
        reraise=True,
    )
    try:
        async with asyncio.timeout(TOTAL_S):
            raw: bytes = await retrying(_fetch, url, refresh_s)
        return parse_groups(raw)
    except (httpx.HTTPError, httpx.InvalidURL, GroupsError, TimeoutError) as error:
        raise HttpSdError(f"http_sd {redact_url(url)}: {_reason(error)}") from error


async def _fetch(url: str, refresh_s: float) -> bytes:
    """One bounded GET; its headers are those Prometheus sends."""
    headers = {"Accept": "application/json", "X-Prometheus-Refresh-Interval-Seconds": f"{refresh_s:g}"}
    body = bytearray()
    # trust_env: like a scrape, discovery goes where it is told and not through a proxy of the environment.
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise httpx.HTTPStatusError(f"HTTP {answer.status_code}", request=answer.request, response=answer)
        async for part in answer.aiter_bytes(65536):
            body += part
            if len(body) > MOST_BYTES:
                raise GroupsError(f"larger than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do better: the server is busy or away, not wrong."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code == httpx.codes.TOO_MANY_REQUESTS
    return isinstance(error, httpx.TransportError)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"answered HTTP {error.response.status_code}"
    if isinstance(error, TimeoutError):
        return f"no whole answer within {TOTAL_S:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {TIMEOUT_S:g} s"
    return clean(redact_url(str(error)), 200) or type(error).__name__
