"""A slow line between a program and a terminal: so many bytes a second, and a delay each way.

Whatever the program writes is taken from it at once and waits its turn on the line, as in ssh's and the kernel's
buffers: no write ever blocks, which is what makes slow links slow. Questions to the terminal are answered when they
arrive, and the answers take their time too.
"""

from __future__ import annotations

import heapq
import os
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from tests.bench.terminal import Written, started

PIECE = 256
"""Bytes that arrive together."""
ANSWERS: tuple[tuple[bytes, bytes], ...] = (
    (b"\x1b[6n", b"\x1b[1;6R"),  # as of a terminal that repeats
    (b"\x1b[5n", b"\x1b[0n"),
    (b"\x1b[c", b"\x1b[?62;c"),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
)


@dataclass(slots=True)
class Line:
    """What is on its way."""

    bytes_per_s: float
    delay_s: float
    """Each way."""
    free_at: float = 0.0
    down: list[tuple[float, int, bytes]] = field(default_factory=list)
    up: list[tuple[float, int, bytes]] = field(default_factory=list)
    _count: int = 0

    def wrote(self, now: float, text: bytes) -> None:
        """The program wrote something."""
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            self.free_at = max(now, self.free_at) + len(piece) / self.bytes_per_s
            self._put(self.down, self.free_at + self.delay_s, piece)

    def typed(self, now: float, text: bytes) -> None:
        """The terminal sent something."""
        self._put(self.up, now + self.delay_s, text)

    def due(self, way: list[tuple[float, int, bytes]], now: float) -> Iterator[bytes]:
        """What has arrived by now."""
        while way and way[0][0] <= now:
            yield heapq.heappop(way)[2]

    def _put(self, way: list[tuple[float, int, bytes]], at: float, text: bytes) -> None:
        self._count += 1
        heapq.heappush(way, (at, self._count, text))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run brought to the far end of the line."""

    arrived: Sequence[Written]
    typed_s: Sequence[float]
    """Seconds from the start at which each key was pressed at the terminal."""
    written: Sequence[Written]
    """What the program wrote, as it wrote it."""

    def bytes_per_s(self, since_s: float, until_s: float) -> float:
        """How much the program wrote on average."""
        within = sum(len(one.text) for one in self.written if since_s <= one.at_s < until_s)
        return within / (until_s - since_s)


def over(
    line: Line,
    command: Sequence[str],
    environ: Mapping[str, str],
    keys: Sequence[tuple[float, bytes]],
    for_s: float,
    size: tuple[int, int],
) -> Seen:
    """Run a program for so long at the other end of a line, and press keys at their seconds."""
    arrived: list[Written] = []
    written: list[Written] = []
    typed: list[float] = []
    tail = b""
    with started(command, environ, size) as (_, terminal):
        began = monotonic()
        while (now := monotonic() - began) < for_s:
            if select.select([terminal], [], [], 0.005)[0]:
                try:
                    text = os.read(terminal, 65536)
                except OSError:  # the program has ended
                    break
                written.append(Written(monotonic() - began, text))
                line.wrote(monotonic() - began, text)
            if len(typed) < len(keys) and now >= keys[len(typed)][0]:
                line.typed(now, keys[len(typed)][1])
                typed.append(now)
            for piece in line.due(line.down, now):
                arrived.append(Written(now, piece))
                for question, answer in ANSWERS:
                    line.typed(now, answer * ((tail + piece).count(question) - tail.count(question)))
                tail = piece[-16:]
            for text in line.due(line.up, now):
                with suppress(OSError):
                    os.write(terminal, text)
    return Seen(arrived, typed, written)
