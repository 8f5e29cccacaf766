"""The daemon's HTTP face: the table's routes behind one gate, on sockets that are open already.

Routes answer through `app.services.queries` and the `Feed`; they collect nothing and decide nothing. Starlette and
uvicorn are imported here and nowhere else of the daemon's parts, so that one-shot commands never pay for them.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.audit import ApiAudit
from app.api.caller import Peers, Tokens
from app.api.chat_desks import ChatDesks
from app.api.counters import Counters
from app.api.desk import Desk
from app.api.door import Door, is_unix, tls_context
from app.api.gate import Gate, refusal
from app.api.hall import Hall
from app.api.happenings import Happenings
from app.api.row import Row
from app.api.stream import Fanout, deflated
from app.api.table import ROWS
from app.api.verdicts import Verdicts
from app.config.secret import SecretError
from app.services.listening import ListenError
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    import ssl

    from app.runtime.serving import Served


def listen(served: Served, sockets: Sequence[socket.socket]) -> contextlib.AbstractAsyncContextManager[None]:
    """Answer on sockets that already listen, until the context is left; they are closed then.

    Peers on this machine come in by a unix socket, holders of a token by TCP. Raises ListenError at once, before
    anybody is answered, for a token file or a certificate that cannot be used, and where tokens would be read.
    """
    serve = served.settings.serve
    tls = tls_context(sockets, serve.tls_cert, serve.tls_key)
    return _answering(served, sockets, tls, _tokens(serve.token_file))


@contextlib.asynccontextmanager
async def _answering(
    served: Served, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None, tokens: Tokens | None
) -> AsyncIterator[None]:
    serve = served.settings.serve
    hall = hall_of(served)
    gate = Gate(application(hall), Peers(serve.act, serve.admin), tokens, hall.counters.note_refused)
    door = Door(gate)
    hall.counters.gauges["connections"] = ("Connections that are open.", lambda: len(door.crowd))
    hall.counters.gauges["turned_away_total"] = ("Connections closed for want of room.", lambda: door.crowd.turned_away)
    hall.counters.gauges["listeners"] = ("Streams that are followed.", hall.listeners.total)
    try:
        for one in sockets:
            await door.open(one, None if is_unix(one) else tls)
        async with Tasks() as tasks:
            tasks.start(Verdicts(hall.feed, hall.packed, hall.deflated).run(), "verdicts")
            yield
    finally:
        hall.fanout.close()
        hall.deflated.close()
        await door.close()
        await hall.chats.close()


def _tokens(file: str) -> Tokens | None:
    try:
        return Tokens(Path(file)) if file else None
    except SecretError as error:
        raise ListenError(str(error)) from error


def hall_of(served: Served) -> Hall:
    """What the routes of a daemon stand on."""
    fanout = Fanout(served.board)
    return Hall(
        served,
        fanout,
        Fanout(served.board, deflated),
        Happenings(served.feed, served.board, fanout),
        ChatDesks(served.feed, served.settings, served.state_dir),
        ApiAudit(served.state_dir),
        Counters(),
    )


def application(hall: Hall) -> Starlette:
    """All routes; what comes to it has passed the gate."""
    by_path: dict[str, list[Row]] = {}
    for row in ROWS:
        by_path.setdefault(row.path, []).append(row)
    routes = []
    for path, rows in by_path.items():
        desk = Desk(hall, rows)
        routes.append(Route(path, desk.answer, methods=desk.methods))
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_here})


async def _not_here(request: Request, error: Exception) -> Response:
    """No such path, or not by this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = (
        "there is no such route; /openapi.json has them all"
        if status == 404
        else f"{request.method} is not served here"
    )
    response = refusal(status, text)
    for name, value in (getattr(error, "headers", None) or {}).items():
        response.headers[name] = value
    return response
