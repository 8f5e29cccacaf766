"""Starts one process a device on this machine, without Slurm, and waits for all of them."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Sequence  # noqa: UP035 - the nodes' Python may be 3.8

from pod.stress.settings import TOKEN, Settings

_GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
"""Ports below belong to well-known services."""
_TRIES = 200


def launch(settings: Settings, words: Sequence[str], out: int) -> int:
    """Start them all with their places, pass an end on to them, and return the worst of their statuses."""
    count = settings.processes or gpus_here() or 1
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        TOKEN: secrets.token_hex(16),
    }
    started: list[subprocess.Popen[bytes]] = []

    def stop(*_: object) -> None:
        for one in started:
            if one.poll() is None:
                one.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    line = [sys.executable, *_self(), *_without_processes(words)]
    for rank in range(count):
        environ = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        started.append(subprocess.Popen(line, env=environ, stdin=subprocess.DEVNULL, stdout=out))
    return max(abs(one.wait()) for one in started)


def gpus_here() -> int:
    """GPUs of this machine by their device files; 0 where there are none."""
    return sum(1 for path in Path("/dev").glob("nvidia[0-9]*"))


def _self() -> list[str]:
    """How this program is started: as the file that holds it, else as a module."""
    here = sys.argv[0]
    return [here] if here.endswith(".pyz") else ["-m", "pod.stress"]


def _without_processes(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skips = False
    for word in words:
        if skips:
            skips = False
        elif word == "--processes":
            skips = True
        elif not word.startswith("--processes="):
            kept.append(word)
    return kept


def _free_port() -> int:
    """A port that is free now, and the next one, for the ring of this node.

    One of those that the system gives to nobody by itself, where it can be: the processes take seconds to start, and by
    then any program's connection may have been given an ephemeral one.
    """
    above = _first_ephemeral() - 1
    for _ in range(_TRIES if above > _LOWEST else 0):
        port = _LOWEST + secrets.randbelow(above - _LOWEST)
        if _are_free(port):
            return port
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
        if _are_free(port):
            return port


def _first_ephemeral() -> int:
    """The lowest port that the system gives out by itself (ip_local_port_range of ip(7))."""
    try:
        return int(_GIVEN_OUT.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _LOWEST


def _are_free(port: int) -> bool:
    """Whether nobody has a port or the one after it."""
    with socket.socket() as one, socket.socket() as other:
        try:
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 1))
        except (OSError, OverflowError):
            return False
    return True
