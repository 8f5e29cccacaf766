"""Starts processes that keep an answer, and kills them (see `tests.store.chatting_child`)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic


class Nursery:
    """Starts processes that keep an answer, and kills them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.chatting_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=Path(__file__).parents[2],
        )

    def live(self, path: Path, key: str, lives_s: float) -> int:
        """Let a process live for so long after its first keeping; says how many words it saw kept."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path} {key}\n".encode())
        pid = int(self._process.stdout.readline().split()[1])
        printed, dies_at = self._process.stdout.readline(), monotonic() + lives_s
        while (left := dies_at - monotonic()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                printed += os.read(self._process.stdout.fileno(), 1 << 16)
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():  # the nursery reaps it
            select.select([], [], [], 0.001)
        while select.select([self._process.stdout], [], [], 0)[0]:
            printed += os.read(self._process.stdout.fileno(), 1 << 16)
        return int(printed[: printed.rfind(b"\n")].split()[-1])

    def end(self) -> None:
        """No more lives."""
        self._process.kill()
        self._process.communicate()
