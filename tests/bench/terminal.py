"""Measures a program on a terminal of its own: what it shows and when, CPU, memory, bytes a second.

What the program writes is kept with its time and looked at afterwards, on a terminal in memory (pyte), so that looking
costs the measured program nothing. CPU and memory are those of the whole process tree, from /proc.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import pyte

_TICKS = os.sysconf("SC_CLK_TCK")
WEIGH_S = 1.7
"""Between two looks at memory; no multiple of a poll."""
_ANSWERS = ((b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[c", b"\x1b[?62;c"), (b"\x1b[?2026$p", b"\x1b[?2026;2$y"))
"""What a terminal says when asked where the cursor is, what it is, and whether it can hold a frame back."""

_WITHIN = 8
"""A column within the widest table's first cells."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a program showed and cost."""

    first_byte_s: float | None
    marks: Mapping[str, float | None]
    """Seconds from the start until each pattern stood on the screen; None: it never did."""
    cpu_percent: float
    """Of one core, within the window."""
    rss_mib: float
    """Of the whole process tree, the median of what it was at several moments of the window."""
    bytes_per_s: float
    picture: tuple[str, ...]
    """The screen at the end."""
    began_s: float = 0.0
    """Monotonic seconds of the start."""
    written: Sequence[Written] = ()
    """Everything that it wrote."""
    typed_s: Sequence[float] = ()
    """Seconds from the start at which each of the keys was typed."""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes a program wrote, and when."""

    at_s: float
    text: bytes


def measure(
    command: Sequence[str],
    environ: Mapping[str, str],
    marks: Mapping[str, str],
    *,
    warm_s: float = 5.0,
    window_s: float = 15.0,
    until_marked: bool = False,
    size: tuple[int, int] = (160, 50),
    keys: Sequence[tuple[float, bytes]] = (),
) -> Measured:
    """Run a program for `warm_s` + `window_s`; cost counts in the window; `until_marked` stops once all marks stand.

    A program that ends by itself ends the measurement; its marks count all the same. `keys` are typed at their seconds.
    """
    began = monotonic()
    written: list[Written] = []
    typed: list[float] = []
    cost = _Cost()
    seen = _Marks(marks, size)
    with started(command, environ, size) as (pid, terminal):
        for now in _pump(terminal, began, written):
            if len(typed) < len(keys) and now >= keys[len(typed)][0]:
                typed.append(monotonic() - began)
                os.write(terminal, keys[len(typed) - 1][1])
            if cost.since_s is None and now >= warm_s:
                cost.begin(now, _tree(pid), len(written))
            if cost.since_s is not None and now >= cost.weigh_at:
                cost.weigh(now, _tree(pid))
            if now >= warm_s + window_s:
                cost.end(now, _tree(pid))
                break
            if until_marked and seen.look(written):
                break
    seen.look(written)
    within = sum(len(one.text) for one in written[cost.first_chunk :]) if cost.since_s is not None else 0
    return Measured(
        first_byte_s=written[0].at_s if written else None,
        marks=seen.found,
        cpu_percent=cost.percent,
        rss_mib=cost.rss_mib,
        bytes_per_s=within / cost.seconds if cost.seconds else 0.0,
        picture=seen.picture(),
        began_s=began,
        written=written,
        typed_s=typed,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """The screen after something was written."""

    at_s: float
    lines: Sequence[str]
    marked: str
    """The line on a ground of its own: where a cursor stands; empty without one."""


def pictures(written: Sequence[Written], size: tuple[int, int]) -> Iterator[Picture]:
    """The screen after each thing written."""
    screen = pyte.Screen(*size)
    stream = pyte.ByteStream(screen)
    for one in written:
        stream.feed(without_private(one.text))
        lines = screen.display
        grounds = [screen.buffer[row][_WITHIN].bg for row in range(size[1])]
        alone = [row for row, ground in enumerate(grounds) if grounds.count(ground) == 1]
        yield Picture(one.at_s, lines, lines[alone[0]] if len(alone) == 1 else "")


class _Marks:
    """Patterns looked for on a terminal in memory."""

    def __init__(self, marks: Mapping[str, str], size: tuple[int, int]) -> None:
        self._patterns = {name: re.compile(pattern) for name, pattern in marks.items()}
        self.found: dict[str, float | None] = dict.fromkeys(marks)
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._looked_at = 0

    def look(self, written: Sequence[Written]) -> bool:
        """Take in what is new; True once every pattern has stood on the screen."""
        for one in written[self._looked_at :]:
            self._stream.feed(without_private(one.text))
            missing = [name for name, at in self.found.items() if at is None]
            if missing:
                picture = "\n".join(self._screen.display)
                for name in missing:
                    if self._patterns[name].search(picture):
                        self.found[name] = one.at_s
        self._looked_at = len(written)
        return all(at is not None for at in self.found.values())

    def picture(self) -> tuple[str, ...]:
        """The screen as it stands."""
        return tuple(line.rstrip() for line in self._screen.display)


class _Cost:
    """CPU and memory of a process tree over a window."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        self.first_chunk = 0
        self.seconds = self.percent = self.weigh_at = 0.0
        self._cpu_s = 0.0
        self._rss_mib: list[float] = []

    @property
    def rss_mib(self) -> float:
        """At rest: a look that happens to fall into a poll is one of several."""
        return median(self._rss_mib) if self._rss_mib else 0.0

    def weigh(self, now: float, tree: Sequence[int]) -> None:
        """Look at the memory once."""
        self.weigh_at = now + WEIGH_S
        self._rss_mib.append(sum(_rss_kib(pid) for pid in tree) / 1024)

    def begin(self, now: float, tree: Sequence[int], chunks: int) -> None:
        """The window opens."""
        self.since_s, self._cpu_s, self.first_chunk = now, _cpu_s(tree), chunks

    def end(self, now: float, tree: Sequence[int]) -> None:
        """The window closes, with the program still running."""
        self.seconds = now - (self.since_s or 0.0)
        self.percent = 100 * (_cpu_s(tree) - self._cpu_s) / self.seconds if self.seconds else 0.0
        self.weigh(now, tree)


@contextmanager
def started(command: Sequence[str], environ: Mapping[str, str], size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """A program on a terminal of its own; ended with its whole session, politely first."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.execvpe(command[0], list(command), dict(environ))
    try:
        yield pid, terminal
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
            if _is_gone(pid, terminal):
                break
        os.close(terminal)


def _is_gone(pid: int, terminal: int) -> bool:
    """Whether the program ended within two seconds; its last words are read so that it can."""
    deadline = monotonic() + 2.0
    while monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        ready, _, _ = select.select([terminal], [], [], 0.02)
        with suppress(OSError):
            if ready:
                os.read(terminal, 65536)
    return False


def _pump(terminal: int, began: float, written: list[Written]) -> Iterator[float]:
    """Take what the program writes and answer what it asks; yields the seconds since the start, often."""
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.02)
        if ready:
            try:
                text = os.read(terminal, 65536)
            except OSError:  # Linux's way of saying that the other end is closed
                return
            written.append(Written(monotonic() - began, text))
            for question, answer in _ANSWERS:
                if question in text:
                    os.write(terminal, answer)
        yield monotonic() - began


def without_private(text: bytes) -> bytes:
    """Without the sequences of newer terminals that pyte would print (keyboard protocol, requests, strings)."""
    text = re.sub(rb"\x1b[P_^][^\x1b]*\x1b\\", b"", text)
    return re.sub(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z$]*[pu]", b"", text)


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split() if int(child) not in found]
    return found


def _cpu_s(tree: Sequence[int]) -> float:
    """CPU seconds of processes, their ended children included."""
    ticks = 0
    for pid in tree:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def _rss_kib(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Rss:")).split()[1])
    return 0
