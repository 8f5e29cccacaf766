"""Who may speak to the MCP server over HTTP: those who show a token, and no page of another origin. ASGI.

`Host` and `Origin` are checked against DNS rebinding before the token is looked at; a refusal says what to do and
nothing of the token. A body must come whole in time, and is no longer than one can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.config.tokens import Door, Tokens, is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_S = 10.0
"""Seconds in which a request must have come whole: nobody holds a place by sending slowly."""
LONGEST_BODY = 256 * 1024
"""Bytes; the arguments of a tool are a few hundred."""
REFUSED_S = 1.0
"""Seconds in which the rest of a refused request is still taken in."""
HTTP_PORT = 80
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SEEN = (b"host", b"origin", b"authorization")
_REALM = b'Bearer realm="gpu-watchdog", scope="view"'


class _TooLongError(Exception):
    """A body is longer than any that is wanted."""


class Guard:
    """Lets in who shows a token that is known; the token grants the view role: to look."""

    def __init__(self, app: ASGIApp, tokens: Tokens, hosts: frozenset[str]) -> None:
        """`hosts` as clients write them, with the port."""
        self._app = app
        self._tokens = tokens
        self._hosts = hosts
        self._origins = frozenset(f"http://{one}" for one in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the beginning and the end of the program."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["headers"]) or _wrong_method(scope["method"])
        if refusal is not None:
            await _swallow(receive)
            await _refuse(send, *refusal)
            return
        try:
            body = await _body(receive)
        except TimeoutError:
            await _refuse(send, 408, f"the request did not come whole within {BODY_S:g} s")
        except _TooLongError:
            await _swallow(receive)
            await _refuse(send, 413, f"a request has at most {LONGEST_BODY:,} bytes")
        else:
            if body is not None:
                await self._app(scope, _again(body, receive), send)

    def _refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """Status and sentence of a refusal; None: come in."""
        shown: dict[bytes, list[str]] = {name: [] for name in _SEEN}
        for name, value in headers:
            if name in shown:
                shown[name].append(value.decode("latin-1").strip())
        if len(shown[b"host"]) != 1 or shown[b"host"][0].lower() not in self._hosts:
            return 421, "this server is not called that (--allow-host gives it another name)"
        if any(one.lower() not in self._origins for one in shown[b"origin"]):
            return 403, "pages of other origins are not served"
        given = shown[b"authorization"]
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not self._tokens.knows(token.strip()):
            return 401, "show a token of --token-file: `Authorization: Bearer …`"
        return None


def _wrong_method(method: str) -> tuple[int, str] | None:
    """Nothing is told unasked, and no session is kept: a stream that is opened for it would only hold a place."""
    return None if method == "POST" else (405, "only POST is served")


def hosts_of(door: Door, port: int) -> frozenset[str]:
    """What clients may call this server: its address, the names it was given, loopback's own; with the port."""
    names = {name.lower() for name in (address_of(door), *door.names)}
    if is_loopback(door.host):
        names |= set(_LOOPBACK)
    return frozenset({f"{name}:{port}" for name in names} | (names if port == HTTP_PORT else set()))


def address_of(door: Door) -> str:
    """Its address as it stands in a URL."""
    return f"[{door.host}]" if ":" in door.host else door.host


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where the client has gone. Raises TimeoutError and _TooLongError."""
    parts: list[bytes] = []
    size, is_more = 0, True
    async with asyncio.timeout(BODY_S):
        while is_more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > LONGEST_BODY:
                raise _TooLongError
            is_more = message.get("more_body", False)
    return b"".join(parts)


async def _swallow(receive: Receive) -> None:
    """Take in the rest of a request that is refused, as far as it comes soon and is of a usual length.

    The connection is closed after the answer. Closed with something unread, the kernel resets it, and the client may
    lose the answer: it would see a broken connection, and not why.
    """
    with contextlib.suppress(TimeoutError, _TooLongError):
        async with asyncio.timeout(REFUSED_S):
            await _body(receive)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read, once more; then what follows it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def part() -> Message:
        return left.pop() if left else await receive()

    return part


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", _REALM))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
