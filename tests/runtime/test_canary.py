"""A secret given to the program reaches the exporter it is for, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep

import pytest

TOKEN = "canary-5f1b9c2e7a"
PASSWORD = "canary-77d0e4aa31"
PAGE = b'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",Hostname="n1"} 97\n'


class Guarded(BaseHTTPRequestHandler):
    """Gives the page to whoever shows a credential, and tells what was shown in its refusal."""

    shown: list[str]

    def do_GET(self) -> None:
        """Answer one scrape."""
        given = self.headers.get("Authorization", "")
        self.shown.append(given)
        is_right = given == f"Bearer {TOKEN}" or given.startswith("Basic ")
        body = PAGE if is_right else f"not with {given}".encode()
        self.send_response(200 if is_right else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def guarded() -> Iterator[tuple[int, list[str]]]:
    """A guarded exporter: its port, and the credentials it was shown."""
    shown: list[str] = []
    handler = type("Handler", (Guarded,), {"shown": shown})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, shown
    server.shutdown()
    server.server_close()
    thread.join()


def config(folder: Path, port: int, token: str) -> Path:
    """A configuration with a secret in a file and one in an address."""
    secret = folder / "token"
    secret.write_text(token + "\n")
    secret.chmod(0o600)
    path = folder / "config.toml"
    path.write_text(
        "[cluster]\ninterval_s = 0.3\n"
        f'[[target]]\nurl = "http://127.0.0.1:{port}/metrics"\ntoken_file = "{secret}"\n'
        f'[[target]]\nurl = "http://ana:{PASSWORD}@127.0.0.1:{port}/other"\n'
    )
    return path


def spoken(*words: str) -> str:
    """Everything a command says, on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *words], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "-refused"])
def test_secrets_reach_only_whom_they_are_for(guarded: tuple[int, list[str]], tmp_path: Path, token: str) -> None:
    """Neither a working nor a refused credential is in any answer, error, history or state file."""
    port, shown = guarded
    path = config(tmp_path, port, token)
    said = spoken("status", "--json", "--config", str(path)) + spoken("status", "--config", str(path))
    said += spoken("doctor", "--json", "--config", str(path))
    daemon = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert daemon.stderr is not None
    said += daemon.stderr.readline()
    while len(shown) < 14:
        assert daemon.poll() is None
        sleep(0.02)
    said += spoken("status", "--json", "--config", str(path))
    daemon.send_signal(signal.SIGTERM)
    said += "".join(daemon.communicate(timeout=10))

    assert f"Bearer {token}" in shown
    assert any(one.startswith("Basic ") for one in shown)
    home = Path(os.environ["HOME"])
    kept = [file for file in home.rglob("*") if file.is_file()]
    assert any(file.name == "history.db" for file in kept)
    for secret in (TOKEN, PASSWORD):
        assert secret not in said
        assert [] == [file for file in kept if secret.encode() in file.read_bytes()]
