"""Over a real mosh: the screen opens, answers keys, comes back after a silence, and ends with its server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.terminal.tmux import ROOT, Terminal, python, terminal

pytestmark = [pytest.mark.real("mosh", "tmux"), pytest.mark.terminal]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """The terminal of who looks."""
    with terminal(tmp_path / "home", {"TERM": "xterm-256color"}) as shown:
        yield shown


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A mosh server with the screen behind it, on a line that is said to be slow: its port and its key."""
    screen = python("-m", "tests.terminal.frozen", str(tmp_path), "slow")
    words = ["mosh-server", "new", "-s", "-c", "256", "-l", "LANG=C.UTF-8", "--", *screen]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "SSH_CONNECTION": "127.0.0.1 50000 127.0.0.1 22",
    }
    said = subprocess.run(words, check=True, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    found = re.search(r"MOSH CONNECT (\d+) (\S+)", said.stdout)
    assert found is not None, said
    pid = int(re.search(r"pid = (\d+)", said.stderr + said.stdout)[1])  # type: ignore[index]  # it always says so
    yield found[1], found[2]
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, signal.SIGTERM)


def screens(folder: Path) -> list[int]:
    """The screens that run on a folder."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                words = (one / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"tests.terminal.frozen" in words and os.fsencode(folder) in words and b"mosh-server" not in words[0]:
                found.append(int(one.name))
    return found


def chart(text: str) -> str:
    """The upper frame of the chart; empty while it is not there."""
    return next((line for line in text.splitlines() if "╭ gpu-01/0 utilization " in line), "")


def test_screen_over_mosh(shell: Terminal, server: tuple[str, str], tmp_path: Path) -> None:
    """It looks and answers as over ssh, and its server's end ends it with its feed."""
    port, key = server
    shell.run("env", f"MOSH_KEY={key}", "MOSH_PREDICTION_DISPLAY=never", "mosh-client", "127.0.0.1", port)
    shell.shows("lab", "gpu-01", "gpu-02", "d details")
    shell.press("2")
    shell.shows("who / why")
    shell.press("1")
    shell.shows("d details", "╭ gpu-01/0 utilization ")
    shell.until(lambda text: 80 < chart(text).count("─"))  # what is written once with how often it is meant arrives

    (pid,) = screens(tmp_path)
    os.kill(int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]), signal.SIGTERM)

    deadline = monotonic() + 30
    while screens(tmp_path):
        assert monotonic() < deadline
        sleep(0.05)
    assert "closed" == (tmp_path / "closed").read_text()
