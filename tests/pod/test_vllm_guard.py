"""The guard of a model server: ready, restarts with pauses, giving up, draining; with a stand-in for vLLM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from pod.vllm import guard as guards
from pod.vllm.boards import Boards
from pod.vllm.command import start_of
from pod.vllm.guard import GAVE_UP, Guard, pause_s
from pod.vllm.settings import Settings
from tests.tools.ports import free_port

FAKE = Path(__file__).resolve().parents[1] / "standins" / "fake_vllm.py"
START = Path(__file__).resolve().parents[2] / "pod" / "vllm" / "start.sh"


class Box:
    """A machine with a volume, the stand-in, and a guard in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(vllm=str(FAKE), port=free_port(), volume=folder, model="m", drain_s=5.0)
        self.environ = {
            **os.environ,
            "FAKE_VLLM_SAW": str(folder / "saw.json"),
            "FAKE_VLLM_COUNT": str(folder / "count"),
        }
        self.said: list[str] = []
        self.status: int | None = None
        self.guard: Guard | None = None
        self._thread: Thread | None = None

    def start(self, **environ: str) -> Box:
        """Begin."""
        start = start_of(self.settings, Boards())
        self.guard = Guard(self.settings, start, {**self.environ, **environ}, self.said.append)
        self.guard.first_pause_s = 0.01
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        assert self.guard is not None
        self.status = self.guard.run()

    def end(self, within: float = 60.0) -> int | None:
        """Stop it, and give its exit status."""
        if self.guard is not None:
            self.guard.stop()
        if self._thread is not None:
            self._thread.join(within)
        return self.status

    def log(self) -> str:
        """The log so far."""
        path = self.settings.log_file
        assert path is not None
        return path.read_text("utf-8") if path.exists() else ""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A box that is stopped with its test."""
    monkeypatch.setattr(guards, "_LOOK_S", 0.05)
    one = Box(tmp_path)
    yield one
    one.end()


def until(ready: Callable[[], object], within: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = monotonic() + within
    while not ready():
        assert monotonic() < deadline
        sleep(0.01)


def test_ready_is_a_file_and_a_line(box: Box) -> None:
    """While it serves, the file is there and says what is served; at the end it is gone and the status is 0."""
    box.start()
    until(box.settings.ready.exists)
    assert "m" == json.loads(box.settings.ready.read_text())["model"]

    assert 0 == box.end()
    assert not box.settings.ready.exists()
    assert ["vllm guard: start 1", "vllm guard: ready", "vllm guard: ended as it was told"] == box.said


def test_a_server_that_fails_is_started_again(box: Box) -> None:
    """Two failures, then it serves; each start is a line of the log."""
    box.start(FAKE_VLLM_FAILS="2")
    until(box.settings.ready.exists)

    assert ["vllm guard: start 1", "vllm guard: start 2", "vllm guard: start 3"] == [
        line for line in box.log().splitlines() if line.startswith("vllm guard: start")
    ]


def test_it_gives_up_loudly(box: Box) -> None:
    """After five failures in a row it ends with 70, and says the server's own last error."""
    box.start(FAKE_VLLM_FAILS="99")
    until(lambda: box.status is not None)

    assert GAVE_UP == box.status
    assert "giving up after 5 starts in a row" in box.said[-1]
    assert "ValueError: there is no such architecture" in box.said[-1]


def test_pauses_grow_up_to_five_minutes() -> None:
    """5 s, then twice as long each time, never more than 300 s."""
    assert [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0] == [pause_s(failures) for failures in range(1, 9)]


def test_a_stop_lets_requests_end(box: Box) -> None:
    """Told to stop while a request runs, it takes its sign down and waits for the request."""
    busy = box.folder / "busy"
    busy.touch()
    box.start(FAKE_VLLM_BUSY=str(busy))
    until(box.settings.ready.exists)
    assert box.guard is not None
    box.guard.stop()
    until(lambda: not box.settings.ready.exists())
    assert box.status is None
    busy.unlink()

    until(lambda: box.status is not None)
    assert 0 == box.status


def test_a_server_that_does_not_hear_is_killed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server deaf to SIGTERM does not hold the pod."""
    monkeypatch.setattr(guards, "_KILL_S", 0.3)
    box.start(FAKE_VLLM_DEAF="1")
    until(box.settings.ready.exists)

    assert 0 == box.end()
    assert any("is killed" in line for line in box.said)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The sentence names it."""
    box = Box(tmp_path)
    box.settings = Settings(vllm="/nonexistent/vllm", port=box.settings.port, volume=tmp_path, model="m", restarts=1)
    box.start()
    until(lambda: box.status is not None)

    assert GAVE_UP == box.status
    assert any("/nonexistent/vllm cannot be started: No such file" in line for line in box.said)


def test_the_start_script_hides_the_token_and_stops_on_sigterm(box: Box, tmp_path: Path) -> None:
    """From the pod's variable the token goes into a private file; the server sees its path, and no word holds it."""
    token = "hf_thisisatokenofatest"
    environ = {
        **box.environ,
        "HF_TOKEN": token,
        "XDG_RUNTIME_DIR": str(tmp_path),
        "GPU_WATCHDOG_VLLM_VOLUME": str(tmp_path),
        "PYTHON": sys.executable,
    }
    words = ("--vllm", str(FAKE), "--port", str(box.settings.port), "--model", "m", "--drain-s", "1")
    script = subprocess.Popen([START, *words], env=environ, stderr=subprocess.PIPE, text=True)
    until(box.settings.ready.exists)
    script.send_signal(signal.SIGTERM)
    _, told = script.communicate(timeout=30)
    saw = json.loads((tmp_path / "saw.json").read_text())

    assert 0 == script.returncode
    assert "HF_TOKEN" not in saw["environ"]
    assert token == Path(saw["environ"]["HF_TOKEN_PATH"]).read_text().strip()
    assert token not in told + box.log() + " ".join(saw["argv"])
