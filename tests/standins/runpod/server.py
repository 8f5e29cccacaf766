"""The HTTP side of the emulated RunPod: who is let in, what goes wrong on purpose, how answers are written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, RLock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.standins.runpod.account import Account
from tests.standins.runpod.control import Control
from tests.standins.runpod.knobs import Fault
from tests.standins.runpod.limits import Limiter
from tests.standins.runpod.logs import stream
from tests.standins.runpod.problems import ProblemError, title_of
from tests.standins.runpod.routes import Answer, Asked, find

PROXY_PAGE = (
    b"<html>\r\n<head><title>%d</title></head>\r\n<body><center><h1>cloudflare</h1></center></body>\r\n</html>\r\n"
)


class HungUpError(Exception):
    """The connection ends without an answer, or in the middle of one."""


class AnsweredError(Exception):
    """Something else was sent in place of the answer."""


@dataclass
class Doors:
    """What the server needs of the emulator."""

    key: str
    account: Account
    lock: RLock
    limiter: Limiter
    control: Control
    clock: Callable[[], float]
    closing: Event


class Server(ThreadingHTTPServer):
    """A thread a connection; those that wait end with the emulator."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], doors: Doors) -> None:
        super().__init__(address, Handler)
        self.doors = doors

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """A client that goes away is nothing to tell of; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one piece: in two, the second waits 40 ms for the client's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has it
        """Nothing: `/_ctl` tells what was asked."""

    def answer(self) -> None:
        """Answer one request."""
        doors, split = self.server.doors, urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if split.path == "/_ctl":
            self._control(raw)
            return
        told = {
            "at": doors.clock(),
            "method": self.command,
            "path": split.path,
            "query": split.query,
            "agent": self.headers.get("User-Agent", ""),
            "status": None,
        }
        with doors.lock:
            doors.control.requests.append(told)
        headers: dict[str, str] = {}
        try:
            self._let_in(headers)
            status, body = self._reply(split.path, dict(parse_qsl(split.query)), raw, headers)
            told["status"] = status
            self._send(status, body, headers)
        except ProblemError as problem:
            told["status"] = problem.status
            self._send(problem.status, problem.body, headers | problem.headers)
        except AnsweredError as answered:
            told["status"] = answered.args[0]
        except HungUpError:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - names that the base class calls

    def _let_in(self, headers: dict[str, str]) -> None:
        """Check the key and the quota; headers of the quota go on every answer to one who is known."""
        given = self.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            raise ProblemError(401, "missing bearer token")
        if given != f"Bearer {self.server.doors.key}":
            raise ProblemError(401, "invalid bearer token")
        with self.server.doors.lock:
            headers |= self.server.doors.limiter.spend(self.server.doors.clock())
            if self.command != "GET" and not self.server.doors.account.knobs.may_write:
                raise ProblemError(403, "access denied")

    def _reply(self, path: str, query: dict[str, str], raw: bytes, headers: dict[str, str]) -> Answer:
        """What is answered, after all delays; what goes wrong on purpose does so here."""
        doors = self.server.doors
        with doors.lock:
            knobs = doors.account.knobs
            fault = knobs.fault(self.command, path)
            is_create = (self.command, path) == ("POST", "/v2/pods")
            before = knobs.delay_s + (knobs.late(knobs.create_delay_s) if is_create else 0.0)
            after = knobs.late(knobs.answer_delay_s) if is_create else 0.0
        if fault is not None and not fault.is_done:
            self._wait(knobs.delay_s)
            self._go_wrong(fault)
        if self.command == "GET" and path.startswith("/v2/pods/") and path.endswith("/logs"):
            stream(self, doors, path.split("/")[3], query, headers)
            raise HungUpError
        handle, parts = find(self.command, path)
        body = self._body(raw)
        self._wait(before)
        with doors.lock:
            now = doors.clock()
            doors.account.tick(now)
            answer = handle(Asked(doors.account, now, parts, query, body))
        self._wait(after)
        if fault is not None:
            self._go_wrong(fault)
        return answer

    def _body(self, raw: bytes) -> Any:  # noqa: ANN401 - checked by its schema
        if self.command == "GET" or not raw:
            return {}
        try:
            return json.loads(raw)
        except ValueError:
            raise ProblemError(400, "request body is not valid JSON") from None

    def _wait(self, seconds: float) -> None:
        """Wait; what was asked for is still done when the client has left, and no more once the emulator ends."""
        if self.server.doors.closing.wait(seconds) if seconds > 0 else self.server.doors.closing.is_set():
            raise HungUpError

    def _go_wrong(self, fault: Fault) -> None:
        if fault.kind == "hang":
            self._wait(fault.hold_s)
        if fault.kind in ("hang", "drop"):
            raise HungUpError
        if fault.kind == "garbage":
            self._write(200, b'{"pods": [{"id": ', {}, "application/json")
            raise AnsweredError(200)
        if fault.kind == "page":
            self._write(fault.status, PROXY_PAGE % fault.status, {}, "text/html")
            raise AnsweredError(fault.status)
        wait = 1 if fault.retry_after_s is None and fault.status == 429 else fault.retry_after_s
        extra = {} if wait is None else {"Retry-After": str(wait)}
        raise ProblemError(fault.status, fault.detail, headers=extra)

    def _control(self, raw: bytes) -> None:
        try:
            given = json.loads(raw) if raw else {}
            self._send(200, self.server.doors.control.turn(given), {})
        except (ValueError, TypeError) as error:
            self._send(422, {"title": title_of(422), "status": 422, "detail": str(error)}, {})

    def _send(self, status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        self._write(status, b"" if body is None else json.dumps(body).encode(), headers, kind)

    def _write(self, status: int, raw: bytes, headers: Mapping[str, str], kind: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if raw:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()
