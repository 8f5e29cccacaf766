"""Reads the command line and the environment of every process of this machine, those in the pods included."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.05


@dataclass
class Seen:
    """What was read."""

    processes: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Command line and environment of each."""
    looks: int = 0

    def look(self) -> None:
        """Read all of them."""
        self.looks += 1
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes()
                environ = (folder / "environ").read_bytes()
                # One that becomes another program meanwhile has the words of the one and the variables of the other.
                if words and words == (folder / "cmdline").read_bytes():
                    self.processes.add((words, environ))

    def with_argument(self, text: bytes) -> list[bytes]:
        """Command lines that hold a text."""
        return sorted({words for words, _ in self.processes if text in words})

    def with_variable(self, text: bytes) -> list[bytes]:
        """Command lines of processes whose environment holds it."""
        return sorted({words for words, environ in self.processes if text in environ})


@contextmanager
def spying() -> Iterator[Seen]:
    """Look often, until the context is left."""
    seen, stop = Seen(), threading.Event()

    def run() -> None:
        while not stop.wait(EVERY_S):
            seen.look()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
