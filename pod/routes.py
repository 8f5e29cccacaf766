"""What the exporter answers to each path. Everything comes from memory or a log file, never from the driver."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Literal

from pod.detached import TooManyError, detached
from pod.exposition import CONTENT_TYPE, Page, render
from pod.logs import DEFAULT_BYTES, LogError, LogPiece, Logs, boot_time
from pod.messages import Request, Response
from pod.sampler import Sampler, State
from pod.xid import Ledger

LOG_READ_S = 5.0
FOLLOW_EVERY_S = 0.5
DEFAULT_FOLLOW_S = 30.0
LONGEST_FOLLOW_S = 300.0
ROUNDS_KEPT = 3
"""Values older than this many intervals are not shown as the present."""
LEAST_MAX_AGE_S = 10.0

Status = Literal["ok", "degraded", "down"]
JSON = "application/json"

INDEX = """GPU Watchdog exporter
/metrics                         Prometheus text
/healthz                         200 while GPUs answer, else 503
/events?since=ID                 Xid and ECC events
/logs                            names of logs
/logs/NAME?offset=N&limit=BYTES  a piece of one; &follow=1&timeout=S goes on
"""


class Routes:
    """Answers requests."""

    def __init__(
        self,
        sampler: Sampler,
        ledger: Ledger,
        logs: Logs,
        *,
        version: str,
        hostname: str,
        interval_s: float,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._sampler = sampler
        self._ledger = ledger
        self._logs = logs
        self._version = version
        self._hostname = hostname
        self._max_age_s = max(ROUNDS_KEPT * interval_s, LEAST_MAX_AGE_S)
        self._epoch = epoch
        self._instance = secrets.token_hex(8)
        self._page: tuple[State, tuple[int, int], bytes] | None = None

    async def __call__(self, request: Request) -> Response:
        """The answer to one request that may be answered."""
        path = request.path.rstrip("/") or "/"
        if path == "/metrics":
            return Response(self.metrics(self._epoch()), content_type=CONTENT_TYPE)
        if path == "/healthz":
            return self._health(self._epoch())
        if path == "/events":
            return self._events(request)
        if path == "/logs":
            return _json({"logs": self._logs.names()})
        if path.startswith("/logs/"):
            return await self._log(request, path.removeprefix("/logs/"))
        if path == "/":
            return Response(INDEX.encode())
        return _problem(HTTPStatus.NOT_FOUND, "there is nothing here; / lists what there is")

    def metrics(self, now: float) -> bytes:
        """The page; made once a reading, second and event, however many ask.

        An Xid does not wait for the next reading of the GPUs: it is on the page once the driver has raised it.
        """
        state, mark = self._sampler.state, (int(now), self._ledger.newest)
        if self._page is None or self._page[0] is not state or self._page[1] != mark:
            error = None if state.error is None else (state.error.code, str(state.error))
            reading = state.reading and replace(state.reading, xids=self._ledger.counts())
            page = Page(reading, state.expected_gpus, self._version, self._hostname, self._max_age_s, error)
            self._page = (state, mark, render(page, now).encode())
        return self._page[2]

    def _health(self, now: float) -> Response:
        state = self._sampler.state
        gpus = state.reading.gpus if state.reading else ()
        lost = sum(gpu.is_lost for gpu in gpus)
        late = sum(gpu.is_late for gpu in gpus)
        age = now - state.reading.at if state.reading else None
        status = health(state, age, self._max_age_s)
        answer = {
            "status": status,
            "version": self._version,
            "driver": state.reading.driver_version if state.reading else None,
            "gpus": len(gpus),
            "gpus_expected": state.expected_gpus,
            "gpus_lost": lost,
            "gpus_late": late,
            "age_s": None if age is None else round(age, 3),
            "error": None if state.error is None else str(state.error),
        }
        return _json(answer, HTTPStatus.SERVICE_UNAVAILABLE if status == "down" else HTTPStatus.OK)

    def _events(self, request: Request) -> Response:
        since = _whole(request, "since", 0)
        if since is None:
            return _problem(HTTPStatus.BAD_REQUEST, "since must be an event's id")
        part = self._ledger.since(since)
        answer = {"instance": self._instance, "newest": part.newest, "oldest": part.oldest}
        return _json(answer | {"events": [asdict(event) for event in part.events]})

    async def _log(self, request: Request, name: str) -> Response:
        if name not in self._logs.names():
            return _problem(HTTPStatus.NOT_FOUND, "no such log; /logs lists them")
        offset = _whole(request, "offset", None)
        limit = _whole(request, "limit", DEFAULT_BYTES)
        if limit is None or ("offset" in request.query and offset is None):
            return _problem(HTTPStatus.BAD_REQUEST, "offset and limit must be whole numbers of bytes")
        wants_json = JSON in request.headers.get("accept", "") or request.query.get("format") == "json"
        try:
            piece = await self._read_log(name, offset, limit, request.query.get("id", ""))
        except (LogError, TimeoutError, TooManyError) as error:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error) or f"log {name} does not answer")
        if request.query.get("follow") in {"1", "true"}:
            pieces = self._follow(piece, limit, _follow_s(request), as_json=wants_json)
            return Response(pieces, content_type="application/x-ndjson" if wants_json else "text/plain; charset=utf-8")
        if wants_json:
            # Time and boot let a reader place lines on its own clock, and those that tell uptimes only.
            return _json(asdict(piece) | {"now": self._epoch(), "boot_at": boot_time()})
        place = {"X-Log-Id": piece.id, "X-Next-Offset": str(piece.next_offset), "X-Log-Size": str(piece.size)}
        return Response(piece.text.encode(), headers=place | ({"X-Log-Rotated": "1"} if piece.is_rotated else {}))

    async def _follow(self, piece: LogPiece, limit: int, for_s: float, *, as_json: bool) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        end = loop.time() + for_s
        while True:
            if piece.text:
                yield (json.dumps(asdict(piece)) + "\n").encode() if as_json else piece.text.encode()
            if loop.time() >= end:
                return
            if not piece.text:
                await asyncio.sleep(FOLLOW_EVERY_S)
            try:
                piece = await self._read_log(piece.name, piece.next_offset, limit, piece.id)
            except (LogError, TimeoutError, TooManyError):
                # Rotated away for a moment, or the disk is slow: the reader can come back with the last offset.
                return

    async def _read_log(self, name: str, offset: int | None, limit: int, log_id: str) -> LogPiece:
        return await detached(lambda: self._logs.read(name, offset, limit, log_id), LOG_READ_S)


def health(state: State, age_s: float | None, max_age_s: float) -> Status:
    """Down without NVML, without a fresh round, or when no GPU answers; degraded when one is missing, lost or late."""
    if state.reading is None or age_s is None or age_s > max_age_s:
        return "down"
    gpus = state.reading.gpus
    answering = [gpu for gpu in gpus if not gpu.is_lost and not gpu.is_late]
    if gpus and not answering:
        return "down"
    return "ok" if len(answering) >= max(len(gpus), state.expected_gpus or 0) else "degraded"


def _whole(request: Request, name: str, otherwise: int | None) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return otherwise
    return int(text) if text.removeprefix("-").isdigit() and text.isascii() and len(text) < 20 else None


def _follow_s(request: Request) -> float:
    text = request.query.get("timeout", "")
    return min(float(text), LONGEST_FOLLOW_S) if text.isdigit() else DEFAULT_FOLLOW_S


def _json(answer: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response((json.dumps(answer) + "\n").encode(), status, JSON)


def _problem(status: HTTPStatus, text: str) -> Response:
    return _json({"error": text}, status)
