"""The event stream: a snapshot, then every reading; a listener that cannot keep up is given a new snapshot instead."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

from app.services import wire
from app.services.board import Arrival, Board

QUEUE_LIMIT = 2048
"""Readings held for one listener; beyond it they are dropped and the listener starts anew from a snapshot."""
HEARTBEAT_S = 5.0


async def stream(request: web.Request, board: Board) -> web.StreamResponse:
    """Serve one listener until it goes."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    queue: deque[Arrival] = deque()
    woken = asyncio.Event()
    behind = True

    def take(arrival: Arrival) -> None:
        nonlocal behind
        if len(queue) >= QUEUE_LIMIT:
            behind = True
            queue.clear()
        queue.append(arrival)
        woken.set()

    def renew() -> None:
        nonlocal behind
        behind = True
        woken.set()

    stop = board.listen(take, renew)
    try:
        while True:
            if behind:
                behind = False
                queue.clear()
                await response.write(_event("snapshot", wire.pack_snapshot(board.snapshot)))
            while queue and not behind:
                await response.write(_event("arrival", wire.pack_arrival(queue.popleft())))
            woken.clear()
            if not queue and not behind:
                await _wait(woken, response)
    except ConnectionError:
        return response  # the listener left
    finally:
        stop()


async def _wait(woken: asyncio.Event, response: web.StreamResponse) -> None:
    """Wait for news; a comment now and then tells a listener that the daemon lives."""
    try:
        await asyncio.wait_for(woken.wait(), HEARTBEAT_S)
    except TimeoutError:
        await response.write(b": alive\n\n")


def _event(name: str, payload: str) -> bytes:
    return f"event: {name}\ndata: {payload}\n\n".encode()
