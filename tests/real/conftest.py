"""What tests of real parts share: free ports, and real servers that end with their test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from tests.tools import ports
from tests.tools.parts import find

StartServer = Callable[[Sequence[str], int], subprocess.Popen[bytes]]


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Give a loopback port that nobody listens on now, another one at each call."""
    return ports.free_port


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start a real server and return once it accepts on its loopback port; it ends, children included, with the test.

    A server that dies or does not accept within a minute fails the test with what the server said.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(command: Sequence[str], port: int) -> subprocess.Popen[bytes]:
        path = find(command[0])
        assert path is not None, f"{command[0]} is not here: mark this test with its part"
        log = tmp_path / f"server-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [path, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        await_port(process, port, log, within_s=60)
        return process

    yield start
    for process in started:
        end(process)


def await_port(process: subprocess.Popen[bytes], port: int, log: Path, within_s: float) -> None:
    """Return when something accepts on the loopback port; fail the test when the process ends or time is over."""
    deadline = monotonic() + within_s
    while monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"{process.args!r} does not accept on port {port}:\n{log.read_text(errors='replace')}", pytrace=False)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server's whole process group: politely, then by force after 5 s."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
