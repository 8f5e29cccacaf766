"""Keeps a server running: starts it, says when it is ready, starts it again after growing pauses, drains it at a stop.

Its own lines begin with `vllm guard: `, so that whoever reads the log can tell one start from the next.
"""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from pod.vllm.command import Start
from pod.vllm.settings import Settings, is_loopback

GAVE_UP = 70
"""Exit status: it failed as often as it may (EX_SOFTWARE of sysexits.h)."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
STEADY_S = 600.0
"""A server that served this long begins anew to count its failures."""
_LOOK_S = 1.0
_ANSWER_S = 5.0
_KILL_S = 60.0
"""After a SIGTERM the server has this long, then it is killed."""
_MOST_LOG_BYTES = 64 * 2**20
_TAIL_BYTES = 4096


def pause_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, failures - 1))


class Guard:
    """One server and its restarts. `told` is given each of its own lines."""

    def __init__(
        self, settings: Settings, start: Start, environment: Mapping[str, str], told: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._start = start
        kept = {name: value for name, value in environment.items() if name not in start.dropped}
        self._environment = {**kept, **start.environment}
        self._told = told
        self._stop = threading.Event()
        self._log: IO[bytes] | None = None
        self.first_pause_s: float | None = None
        """Instead of FIRST_PAUSE_S; for tests."""

    def stop(self, *_: object) -> None:
        """Let the server drain, and end."""
        self._stop.set()

    def run(self) -> int:
        """Serve until told to stop, or until it failed too often; returns the exit status."""
        self._open_log()
        failures = attempt = 0
        while not self._stop.is_set():
            attempt += 1
            self._say(f"start {attempt}")
            began = time.monotonic()
            status, was_ready = self._serve()
            if self._stop.is_set():
                break
            if was_ready and time.monotonic() - began >= STEADY_S:
                failures = 0
            failures += 1
            if failures >= self._settings.restarts:
                last = f"the last ended with status {status}; {self._last_words()}"
                self._say(f"giving up after {failures} starts in a row: {last}")
                return GAVE_UP
            wait = pause_s(failures) if self.first_pause_s is None else self.first_pause_s
            self._say(f"it ended with status {status}; the next start is in {wait:g} s")
            self._stop.wait(wait)
        self._say("ended as it was told")
        return 0

    def _serve(self) -> tuple[int, bool]:
        """One life of the server: its exit status, and whether it ever was ready."""
        try:
            server = subprocess.Popen(
                self._start.argv,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT if self._log is not None else None,
                env=dict(self._environment),
                start_new_session=True,
            )
        except OSError as error:
            self._say(f"{self._start.argv[0]} cannot be started: {error.strerror or error}")
            return 127, False
        is_ready = False
        try:
            while server.poll() is None:
                if self._stop.is_set():
                    self._end(server, is_ready=is_ready)
                    break
                if not is_ready and self._answers("/health"):
                    is_ready = True
                    self._mark_ready(server.pid)
                self._stop.wait(_LOOK_S)
        finally:
            self._settings.ready.unlink(missing_ok=True)
        return server.wait(), is_ready

    def _end(self, server: "subprocess.Popen[bytes]", *, is_ready: bool) -> None:
        """Take the sign down, let what is under way end, then stop the server and all it started."""
        self._settings.ready.unlink(missing_ok=True)
        until = time.monotonic() + self._settings.drain_s
        while is_ready and server.poll() is None and time.monotonic() < until and self._in_flight():
            time.sleep(_LOOK_S / 4)
        server.terminate()
        try:
            server.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            self._say(f"it does not end {_KILL_S:g} s after SIGTERM, and is killed")
        try:
            os.killpg(server.pid, signal.SIGKILL)  # workers that outlived it would hold the GPUs
        except ProcessLookupError:
            return

    def _in_flight(self) -> bool:
        """Whether requests run or wait; not where the server does not say."""
        page = self._get("/metrics")
        names = (b"vllm:num_requests_running", b"vllm:num_requests_waiting{")
        return any(
            line.startswith(names) and line.rpartition(b" ")[2].strip() not in (b"0", b"0.0")
            for line in page.splitlines()
        )

    def _answers(self, path: str) -> bool:
        return self._get(path, None) is not None

    def _get(self, path: str, instead: "bytes | None" = b"") -> bytes:
        """What the server answers; `instead` where it does not."""
        host = self._settings.host if is_loopback(self._settings.host) else "127.0.0.1"
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{self._settings.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=_ANSWER_S) as answer:
                body: bytes = answer.read(4 * 2**20)
                return body
        except (OSError, ValueError):
            return instead  # type: ignore[return-value]  # None only where it was asked for

    def _mark_ready(self, pid: int) -> None:
        path = self._settings.ready
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "pid": pid,
            "model": self._settings.name or self._settings.model,
            "port": self._settings.port,
            "at": time.time(),
        }
        new = path.with_name(f"{path.name}.new")
        new.write_text(json.dumps(said), "utf-8")
        new.replace(path)
        self._say("ready")

    def _open_log(self) -> None:
        path = self._settings.log_file
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _MOST_LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        self._log = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", buffering=0)

    def _say(self, text: str) -> None:
        line = f"vllm guard: {text}"
        self._told(line)
        if self._log is not None:
            self._log.write(f"{line}\n".encode())

    def _last_words(self) -> str:
        """The last line that the server wrote and that names an error."""
        path: Path | None = self._settings.log_file
        if path is None:
            return "see above"
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        errors = [line.strip() for line in lines if "Error" in line or "ERROR" in line]
        return f"{errors[-1][:300]}; see {path}" if errors else f"see {path}"
