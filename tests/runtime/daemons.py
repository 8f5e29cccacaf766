"""Real daemons for tests: started as a user starts them, waited for by what they say, ended with the test."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LONGEST_S = 60.0


@dataclass
class Daemon:
    """A daemon that runs, and what it has said."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, words: str) -> str:
        """Wait until it says a line with these words."""
        while True:
            line = self._lines.get(timeout=LONGEST_S)
            assert line is not None, f"it ended ({self.process.poll()}) and never said {words!r}: {self.said}"
            self.said.append(line)
            if words in line:
                return line

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(LONGEST_S)


@contextmanager
def daemon(config: Path, *words: str, **environ: str) -> Iterator[Daemon]:
    """A daemon on a configuration, serving when the context is entered."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", str(config), *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    made = Daemon(process)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(LONGEST_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _Line(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, route: str, timeout_s: float = LONGEST_S) -> Any:  # noqa: ANN401 - JSON has no better name
    """A route's answer. Raises OSError where nobody answers."""
    line = _Line(path, timeout_s)
    try:
        line.request("GET", route)
        return json.loads(line.getresponse().read())
    finally:
        line.close()


class Pages:
    """An exporter of one GPU, whose power is the number of times it was asked."""

    def __init__(self, host: str = "node-1") -> None:
        self.asked = 0
        pages, lock = self, threading.Lock()

        class Page(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    pages.asked += 1
                text = page(host, pages.asked).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self._server.server_port}/metrics"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def page(host: str, power: float) -> str:
    """A small page as dcgm-exporter writes it."""
    labels = f'gpu="0",UUID="GPU-00000000-1111",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="{host}"'
    return f"# TYPE DCGM_FI_DEV_POWER_USAGE gauge\nDCGM_FI_DEV_POWER_USAGE{{{labels}}} {power}\n"
