"""A log of the pod exporter, by its address: `GET /logs/NAME` by byte offset, as `pod/logs.py` serves it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.config.secret import SecretError, read_secret_file
from app.config.settings import Log
from app.sources.logs.look import BACKLOG_BYTES, MOST_BYTES, LogError, LogLook
from app.sources.logs.pieces import Piece, PieceTail
from app.transport.clock import Clock
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import Limits, ScrapeClient

PIECE_BYTES = 262144
"""As much as the exporter gives at once."""
_LIMITS = Limits(max_body=8 * PIECE_BYTES)
_DENIED = (401, 403)


class UrlWay:
    """One log of one exporter."""

    def __init__(self, log: Log, client: ScrapeClient, clock: Clock) -> None:
        self._log = log
        self._client = client
        self._clock = clock
        self._endpoint: Endpoint | None = None
        self._tail = PieceTail()
        self.target = str(parse_endpoint(log.url, ssh=log.ssh))

    async def look(self, timeout_s: float) -> LogLook:
        """What came since the last look, piece by piece. Raises LogError."""
        is_first, lines, lost, size = not self._tail.is_begun, list[str](), "", 0
        boot_at = offset_s = None
        try:
            async with asyncio.timeout(timeout_s):
                while size < MOST_BYTES:
                    piece, boot_at, offset_s = await self._piece(timeout_s)
                    more, gone = self._tail.take(piece)
                    lines, lost, size = lines + more, lost or gone, size + len(piece.data)
                    if not piece.data and not piece.is_rotated:
                        break
        except TimeoutError as error:
            if not lines:
                raise LogError(f"{self.target} does not answer within {timeout_s:g} s") from error
        return LogLook(tuple(lines), (), is_first, size, lost, boot_at, offset_s)

    async def close(self) -> None:
        """Close the connection that is kept for it."""
        if self._endpoint is not None:
            self._client.forget(self._endpoint.server)

    async def _piece(self, timeout_s: float) -> tuple[Piece, float | None, float | None]:
        place = self._tail.place
        wanted = {"format": "json", "limit": str(PIECE_BYTES)}
        wanted["offset"] = str(-BACKLOG_BYTES // 4 if place.offset is None else place.offset)
        if place.id:
            wanted["id"] = place.id
        asked_at = self._clock.now()
        try:
            endpoint = self._ready()
            path = f"{endpoint.path.partition('?')[0]}?{urlencode(wanted)}"
            answer = await self._client.get(endpoint.at(path), timeout_s, _LIMITS)
            said = json.loads(answer.body)
            return _piece_of(said), _number(said, "boot_at"), _offset(said, asked_at, self._clock.now())
        except ScrapeError as error:
            if error.status in _DENIED:
                self._endpoint = None  # the token may have been replaced: its file is read again
            raise LogError(str(error)) from error
        except SecretError as error:
            raise LogError(str(error)) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise LogError(f"{self.target} answers no log: give the address of one, as in /logs/kernel") from error

    def _ready(self) -> Endpoint:
        if self._endpoint is None:
            file = self._log.token_file
            token = read_secret_file(Path(file).expanduser()) if file else None
            self._endpoint = parse_endpoint(self._log.url, token=token, ssh=self._log.ssh)
        return self._endpoint


def _piece_of(said: dict[str, Any]) -> Piece:
    """The piece in an answer. Raises KeyError, TypeError or ValueError."""
    offset, following = int(said["offset"]), int(said["next_offset"])
    if not 0 <= offset <= following < 1 << 60:
        raise ValueError("offsets that cannot be")
    data = str(said["text"]).encode("utf-8", "replace")
    return Piece(str(said["id"])[:100], offset, following, int(said["size"]), bool(said["is_rotated"]), data)


def _number(said: dict[str, Any], name: str) -> float | None:
    value = said.get(name)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e11 else None


def _offset(said: dict[str, Any], asked_at: float, answered_at: float) -> float | None:
    """The other clock less ours, by the middle of the exchange; None where it does not tell its time."""
    now = _number(said, "now")
    return None if now is None else now - (asked_at + answered_at) / 2
