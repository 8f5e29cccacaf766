"""A slow line: 128 kbit/s and 200 ms each way. What watching costs it, and how long a key waits for its answer.

The whole program collects from a simulated cluster and paints to a terminal at the far end of
`tests.bench.line`. A key is painted when its answer stands on the terminal, whole when all has come that was written
for it; 400 ms of both are the way there and back. Each figure is measured as it is over ssh, and beside it with the
line said to be fast, which is what Textual itself sends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep

from tests.bench.line import Line, Seen, over
from tests.bench.report import Report, Target
from tests.bench.terminal import without_private
from tests.tools.screen import RepeatingByteStream, RepeatingScreen

BYTES_PER_S, DELAY_S = 16_000.0, 0.2
SIZES = ((80, 24), (120, 40))
WARM_S, WATCH_S, LAST_S = 14.0, 16.0, 4.0
"""Until everything stands; watching without a key; after the last key."""
ANSWERED_S = 0.6
"""What is written within this of a key's arrival is its answer."""
KEY_TARGET, BYTES_TARGET = Target(at_most=700.0), Target(at_most=8.0)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and what shows that it was answered."""

    wait_s: float
    """After the one before."""
    sends: bytes
    shows: str


STORY = (
    Key(0.0, b"\x1b[B", "gpu-01/1 "),
    Key(2.3, b"\x1b[B", "gpu-01/2 "),
    Key(1.9, b"m", "gpu-01/2 memory used"),
    Key(2.6, b"2", "who / why"),
    Key(2.2, b"\x1b[B", "gpu-01/3"),
    Key(1.8, b"3", "where / why"),
    Key(2.7, b"1", "gpu-01/3 memory used"),
    Key(2.4, b"?", "Everything at once"),
    Key(2.1, b"\x1b", "gpu-01/3 memory used"),
    Key(2.5, b"\x1b[A", "gpu-01/2 memory used"),
)


def run(report: Report) -> None:
    """Measure both sizes; the second beside the line that is said to be fast."""
    with simulated() as (config, environ):
        for size in SIZES:
            ours = _run(config, environ, size, "auto")
            theirs = _run(config, environ, size, "fast")
            _tell(report, size, ours, theirs)


def _tell(report: Report, size: tuple[int, int], ours: Seen, theirs: Seen) -> None:
    name = f"{size[0]}×{size[1]}"
    until = ours.typed_s[0]
    watching = [one.bytes_per_s(until - WATCH_S, until) / 1000 for one in (ours, theirs)]
    using = [one.bytes_per_s(until, one.typed_s[-1] + LAST_S) / 1000 for one in (ours, theirs)]
    report.add(f"{name}: watching", "kB/s", watching[0], BYTES_TARGET, {"plain": [watching[1]]})
    report.add(f"{name}: a key every 2 s", "kB/s", using[0], BYTES_TARGET, {"plain": [using[1]]})
    seen, plain_seen = seen_ms(ours, size), seen_ms(theirs, size)
    report.add(f"{name}: key to paint, median", "ms", median(seen), KEY_TARGET, {"plain": [median(plain_seen)]})
    report.add(f"{name}: key to paint, worst", "ms", max(seen), None, {"plain": [max(plain_seen)]})
    whole, plain_whole = whole_ms(ours), whole_ms(theirs)
    report.add(f"{name}: until whole, median", "ms", median(whole), None, {"plain": [median(plain_whole)]})
    report.add(f"{name}: until whole, worst", "ms", max(whole), None, {"plain": [max(plain_whole)]})


def _run(config: Path, environ: Mapping[str, str], size: tuple[int, int], line: str) -> Seen:
    at, keys = WARM_S + WATCH_S, []
    for key in STORY:
        at += key.wait_s
        keys.append((at, key.sends))
    environ = {**environ, "GPU_WATCHDOG_STATE_DIR": str(config.parent / f"state-{size[0]}-{line}")}
    words = ("tui", "--config", str(config), "--embedded", "--screen-line", line)
    command = (sys.executable, "-m", "app", *words)
    return over(Line(BYTES_PER_S, DELAY_S), command, environ, keys, at + LAST_S, size)


def seen_ms(seen: Seen, size: tuple[int, int]) -> list[float]:
    """Of each key, from pressing it until its answer stood on the terminal; until the next one where it never did."""
    screen = RepeatingScreen(*size)
    stream = RepeatingByteStream(screen)
    ends = [*seen.typed_s[1:], seen.typed_s[-1] + LAST_S]
    waits = [1000 * (end - typed) for typed, end in zip(seen.typed_s, ends, strict=True)]
    answered: set[int] = set()
    for piece in seen.arrived:
        stream.feed(without_private(piece.text))
        here = max((number for number, typed in enumerate(seen.typed_s) if typed <= piece.at_s), default=None)
        # Nothing that comes within the time of both ways can be an answer.
        if here is None or here in answered or piece.at_s < seen.typed_s[here] + 2 * DELAY_S:
            continue
        if any(STORY[here].shows in line for line in screen.display):
            answered.add(here)
            waits[here] = 1000 * (piece.at_s - seen.typed_s[here])
    return waits


def whole_ms(seen: Seen) -> list[float]:
    """Of each key, until the last byte had come that was written in answer to it."""
    waits = []
    gone = 0
    ends = _arrivals(seen)
    sent = [(one.at_s, gone := gone + len(one.text)) for one in seen.written]
    for typed in seen.typed_s:
        reached = typed + DELAY_S
        last = max((total for at, total in sent if reached <= at < reached + ANSWERED_S), default=0)
        came = next((at for at, total in ends if total >= last), reached + DELAY_S) if last else reached + DELAY_S
        waits.append(1000 * (came - typed))
    return waits


def _arrivals(seen: Seen) -> Sequence[tuple[float, int]]:
    total = 0
    return [(one.at_s, total := total + len(one.text)) for one in seen.arrived]


@contextmanager
def simulated() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A cluster served by a process of its own: the configuration that reads it, and a login over ssh."""
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-bench-") as folder:
        home = Path(folder)
        config = home / "config.toml"
        command = (sys.executable, "-m", "app", "demo", "--nodes", "2", "--headless")
        with (
            config.open("w") as out,
            subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as served,
        ):
            try:
                assert served.stderr is not None, "started with a pipe"
                served.stderr.readline()  # the line that says it serves
                while not config.stat().st_size:
                    sleep(0.05)
                yield config, _environ(home)
            finally:
                served.terminate()


def _environ(home: Path) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    ssh = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22", "XDG_RUNTIME_DIR": str(home)}
    return {
        **kept,
        **ssh,
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
