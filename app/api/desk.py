"""Answers what is asked at one path: checks it against its row, writes down what it changes, tells errors in words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.api.caller import Caller
from app.api.gate import StalledError, refusal
from app.api.hall import Hall
from app.api.row import Call, RefusedError, Reply, Row, read, read_body
from app.services.alerting import AlertingError, UnknownError
from app.services.audit import AuditError
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

LONGEST_BODY = 256 * 1024
BODY_S = 10.0
"""Seconds in which a body must have come whole."""
_log = logging.getLogger(__name__)


class Desk:
    """One path; each of its methods is a row."""

    def __init__(self, hall: Hall, rows: Sequence[Row]) -> None:
        self._hall = hall
        self._rows = {row.method: row for row in rows}

    @property
    def methods(self) -> list[str]:
        """What may be done here."""
        return [*self._rows, *(("HEAD",) if "GET" in self._rows else ())]

    async def answer(self, request: Request) -> Response:
        """Answer one question."""
        row = self._rows["GET" if request.method == "HEAD" else request.method]  # type: ignore[index]  # one of them
        caller: Caller = request.state.caller
        try:
            response = await self._answered(row, request, caller)
        except RefusedError as error:
            response = refusal(error.status, str(error))
        except UnknownError as error:
            response = refusal(404, str(error))
        except AuditError as error:
            response = refusal(503, str(error))
        except LookupError as error:
            response = refusal(404, str(error.args[0]) if error.args else "not found")
        except (AlertingError, ValueError) as error:
            response = refusal(400, str(error))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - one answer fails, not the daemon
            _log.exception("cannot answer %s", row.path)
            response = refusal(500, f"a mistake of the daemon's, please report it: {error!r}")
        self._hall.counters.answers[row.method, row.path, response.status_code] += 1
        return response

    async def _answered(self, row: Row, request: Request, caller: Caller) -> Response:
        if not caller.may(row.role):
            self._hall.counters.note_refused("role")
            raise RefusedError(403, f"this needs the role {row.role}; {caller.name} has the role {caller.role}")
        body = read_body(row, await _body(request)) if row.body is not None else {}
        call = Call(caller, read(row.params, _given(row, request), self._hall.feed.now()), body)
        if row.is_stream and request.method == "HEAD":
            return Response(media_type=row.media)
        reply = await (self._written_down(row, call) if row.changes else row.handler(self._hall, call))
        if reply.events is not None:
            return Stream(reply.events, self._hall, caller, reply)
        return Response(reply.text, reply.status, media_type=reply.media)

    async def _written_down(self, row: Row, call: Call) -> Reply:
        """What is to be done stands in the audit log before it is done, and what came of it after."""
        audit, now = self._hall.audit, self._hall.feed.now
        asked = f"{row.method} {row.path}"
        secret = {one.name for one in row.params if one.place == "header"}
        told = {name: value for name, value in call.given.items() if name not in secret}
        fact = await audit.intend(call.caller, asked, {**told, **call.body}, now())
        try:
            reply = await row.handler(self._hall, call)
        except BaseException as error:
            await asyncio.shield(audit.conclude(call.caller, asked, fact, str(error) or "interrupted", now()))
            raise
        await audit.conclude(call.caller, asked, fact, None, now())
        return reply


class Stream(Response):
    """A stream of events, until it ends, its listener goes, or takes nothing any more."""

    def __init__(self, events: AsyncIterator[bytes], hall: Hall, caller: Caller, reply: Reply) -> None:
        """Raises RefusedError where there are too many."""
        super().__init__(media_type=reply.media)
        del self.headers["content-length"]
        self.headers["x-accel-buffering"] = "no"  # a proxy that collects would hold events back
        self._events = events
        self._hand = reply.hand
        self._hall = hall
        self._caller = caller
        hall.check_room(caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._hand is not None:
            self._hand.reach(scope)
        with self._hall.listening(self._caller):
            async with Tasks() as tasks:
                telling = tasks.start(self._tell(send), "stream")
                leaving = tasks.start(_left(receive), "listener")
                await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)

    async def _tell(self, send: Send) -> None:
        with contextlib.suppress(StalledError):
            async with contextlib.aclosing(self._events) as events:  # type: ignore[type-var]  # every one is a generator
                async for one in events:
                    await send({"type": "http.response.body", "body": one, "more_body": True})
                    await asyncio.sleep(0)  # writing to who takes all at once waits for nothing: others have their turn
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _given(row: Row, request: Request) -> dict[str, str]:
    """What stands in path, query and the headers that the row names. Raises RefusedError for what is said twice."""
    pairs = request.query_params.multi_items()
    query = dict(pairs)
    if len(query) < len(pairs):
        raise RefusedError(400, "a parameter is given twice")
    path = {name: str(value) for name, value in request.path_params.items()}
    if hidden := query.keys() & {one.name for one in row.params if one.place != "query"}:
        raise RefusedError(400, f"{min(hidden)} does not belong into the query")
    headers = [one.name for one in row.params if one.place == "header"]
    return {**query, **path, **{name: request.headers[name] for name in headers if name in request.headers}}


async def _body(request: Request) -> bytes:
    """The whole body. Raises RefusedError where it is too long or too slow."""
    too_long = RefusedError(413, f"a body has at most {LONGEST_BODY:,} bytes")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > LONGEST_BODY:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST_BODY:
                    raise too_long
    except TimeoutError:
        raise RefusedError(408, f"the body did not come whole within {BODY_S:g} s") from None
    request.state.is_read = True
    return bytes(body)
