"""POSTs and GETs to whoever wants to be told: bounded, without redirects, and with an outcome instead of an exception.

Addresses are secrets: no outcome says more of one than its host. Proxies of the environment are used, as people reach
the outside world through them.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from app.config.secret import Secret
from app.domain.naming import clean
from app.domain.notice import DONE, Outcome

_PASSING = frozenset({408, 409, 423, 425, 429})
"""Refusals below 500 that a later attempt may not meet."""


async def post_json(
    address: Secret, body: bytes, timeout_s: float, headers: Mapping[str, str] | None = None
) -> Outcome:
    """POST JSON; a 2xx is done."""
    said = {"Content-Type": "application/json", **(headers or {})}
    return await _send("POST", address, body, said, timeout_s)


async def get(address: Secret, timeout_s: float) -> Outcome:
    """GET an address only to be heard there."""
    return await _send("GET", address, b"", {}, timeout_s)


def warm() -> None:
    """Load what the first message would wait for. Blocking: for a thread."""
    import httpx  # noqa: F401, PLC0415 - late: as below

    _trusted()


async def _send(method: str, address: Secret, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Outcome:
    import httpx  # noqa: PLC0415 - late: 130 ms for who is told something

    # httpx says every whole address by its log at INFO; whoever turns logs on must not find tokens there.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    where = host_of(address)
    said = {"User-Agent": "gpu-watchdog", **headers}
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(timeout=timeout_s, verify=_trusted()) as client,
            client.stream(method, address.reveal(), content=body, headers=said) as answer,
        ):
            return _outcome(where, answer.status_code, answer.headers.get("retry-after", ""))
    except TimeoutError:
        return Outcome(ok=False, error=f"{where} gave no answer within {timeout_s:g} s")
    except httpx.TimeoutException:
        return Outcome(ok=False, error=f"{where} gave no answer within {timeout_s:g} s")
    except httpx.TransportError as error:
        return Outcome(ok=False, error=f"{where} cannot be reached: {_reason(error, address)}")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
        return Outcome(ok=False, error=f"{where}: the address cannot be used", may_pass=False)


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates, read once: that takes longer than all the rest of a message."""
    return ssl.create_default_context()


def _outcome(where: str, status: int, retry_after: str) -> Outcome:
    if 200 <= status < 300:
        return DONE
    may_pass = status >= 500 or status in _PASSING
    pause_s = float(retry_after) if retry_after.isdigit() and len(retry_after) < 7 else None
    moved = "; it points elsewhere, which is not followed: configure where to" if 300 <= status < 400 else ""
    return Outcome(ok=False, error=f"{where} answered HTTP {status}{moved}", may_pass=may_pass, retry_after_s=pause_s)


def host_of(address: Secret) -> str:
    """What may be said of an address: host and port."""
    try:
        parts = urlsplit(address.reveal())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    return clean(f"{parts.hostname or 'the address'}{port}", 100)


def _reason(error: Exception, address: Secret) -> str:
    """The system's own words, as long as nothing of the address but its host is in them."""
    text = clean(str(error), 160) or type(error).__name__
    try:
        parts = urlsplit(address.reveal())
    except ValueError:
        return type(error).__name__
    hidden = [part for part in (parts.username, parts.password, parts.path.strip("/"), parts.query) if part]
    return type(error).__name__ if any(part in text for part in hidden) else text
