"""The one way in: finds out who asks, and lets in who may come. ASGI.

Nobody comes in without a token or a user of this machine behind the socket, whatever the path. Who does not take what
they are sent is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.api.caller import Caller, Peers, Tokens
from app.api.row import json_reply
from app.domain.naming import clean

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app.api.door import Connection

STALL_S = 60.0
"""Seconds for which nobody is waited for who takes nothing."""
UNREAD_S = 1.0
"""Seconds in which the rest of a question that was answered early is still taken in."""
UNREAD_BYTES = 256 * 1024
_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"), (b"server", b"gpu-watchdog")]


_CLOSE = [(b"connection", b"close")]
"""A body that nobody has read may be without an end."""


class StalledError(Exception):
    """Who asked has gone, or takes nothing and was cut off."""


class Gate:
    """Lets in who may come; everything behind it knows who asks.

    `state` of a scope holds `connection` and `uid` from the door, `caller` for whoever answers, and from them `is_read`
    once the body has come whole.
    """

    def __init__(self, app: ASGIApp, peers: Peers, tokens: Tokens | None, refused: Callable[[str], None]) -> None:
        """`refused` is told why somebody was not let in."""
        self._app = app
        self._peers = peers
        self._tokens = tokens
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One question."""
        if scope["type"] != "http":
            return
        state = scope["state"]
        connection: Connection = state["connection"]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_left = _has_body(scope) and not state.get("is_read")
                if is_left:
                    await _swallow(receive)
                close = _CLOSE if is_left else []
                message["headers"] = [*message.get("headers", ()), *_ALWAYS, *close]
            if connection.is_gone:
                raise StalledError
            try:
                async with asyncio.timeout(STALL_S):
                    await send(message)
            except TimeoutError:
                connection.abort()
                raise StalledError from None

        try:
            caller = await self._caller(scope)
            if caller is None:
                self._refused("token")
                await _unknown()(scope, receive, told)
                return
            state["caller"] = caller
            await self._app(scope, receive, told)
        except (StalledError, ClientDisconnect):
            return

    async def _caller(self, scope: Scope) -> Caller | None:
        uid = scope["state"].get("uid")
        if uid is not None:
            return await self._peers.caller(uid)
        if self._tokens is None:
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            return None
        client = scope.get("client")
        return self._tokens.caller(token.strip(), clean(str(client[0]), 60) if client else "")


async def _swallow(receive: Receive) -> None:
    """Take in what is left of a question, as far as it comes soon and is of a usual length.

    The connection is closed after the answer. Closed with something unread, the kernel resets it, and whoever asked may
    lose the answer: they would see a broken connection, and not why.
    """
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(UNREAD_S):
            while size <= UNREAD_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


def refusal(status: int, text: str) -> Response:
    """Why something is not answered, in one sentence."""
    reply = json_reply({"error": text}, status)
    return Response(reply.text, status, media_type=reply.media)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _unknown() -> Response:
    answer = refusal(401, "show a token of serve.token_file: `Authorization: Bearer …`")
    answer.headers["www-authenticate"] = 'Bearer realm="gpu-watchdog"'
    return answer
