"""Painting fleets: what a heat map of thousands costs the processor and the line, and how soon a key is answered.

The screen runs on a pty of its own. Cost is measured over a window of ticks; then arrow keys are pressed at uneven
moments while the ticks go on, and the time to the first byte that answers is taken.
"""

from __future__ import annotations

import os
import random
import select
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from tests.bench.report import Report, Target
from tests.bench.terminal import measure, started

SIZE, FEW_SIZE = (200, 60), (160, 50)
FEW_BYTES_TARGET = Target(at_most=4.0)
CPU_TARGET, BYTES_TARGET, KEY_TARGET = Target(at_most=3.0), Target(at_most=150.0), Target(at_most=50.0)
KEYS = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One fleet and what moves in it."""

    nodes: int
    kind: str
    """`real` or `walk`, see `fleet_app`."""
    parts: str
    """`grid` or `whole`."""

    @property
    def command(self) -> tuple[str, ...]:
        """The program to measure."""
        return (sys.executable, "-m", "tests.bench.fleet_app", str(self.nodes), "8", self.kind, self.parts)

    @property
    def size(self) -> tuple[int, int]:
        """Of its terminal."""
        return FEW_SIZE if self.nodes == 1 else SIZE

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.nodes * 8:,} GPUs, {self.kind}, {self.parts}"


CASES = (
    Case(1, "real", "grid"),
    Case(128, "real", "grid"),
    Case(512, "real", "grid"),
    Case(512, "walk", "grid"),
    Case(512, "real", "whole"),
)


def environ() -> Mapping[str, str]:
    """A true-colour terminal."""
    return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}


def run(report: Report) -> None:
    """Measure every case; keys once, on the largest fleet."""
    for case in CASES:
        got = measure(case.command, environ(), {"map": "gpu-"}, warm_s=8.0, window_s=20.0, size=case.size)
        is_target = case.nodes == 512 and case.parts == "grid"
        report.add(f"CPU, {case.name}", "% of a core", got.cpu_percent, CPU_TARGET if is_target else None)
        target = FEW_BYTES_TARGET if case.nodes == 1 else BYTES_TARGET
        report.add(f"terminal, {case.name}", "kB/s", got.bytes_per_s / 1000, target)
    waits = sorted(key_waits_ms(CASES[3]))
    report.add("key to paint, median", "ms", waits[len(waits) // 2])
    report.add("key to paint, p99", "ms", waits[int(len(waits) * 0.99)], KEY_TARGET)


def key_waits_ms(case: Case, keys: int = KEYS) -> list[float]:
    """Milliseconds from writing a key to the first byte of the frame that answers it."""
    chance = random.Random(3)
    waits: list[float] = []
    with started(case.command, environ(), SIZE) as (_, terminal):
        _drain(terminal, 8.0)
        for number in range(keys):
            _drain(terminal, chance.uniform(0.02, 0.2))
            pressed = monotonic()
            os.write(terminal, (b"\x1b[C", b"\x1b[B", b"\x1b[D", b"\x1b[A")[number % 4])
            if select.select([terminal], [], [], 2.0)[0]:
                waits.append(1000 * (monotonic() - pressed))
    return waits


def _drain(terminal: int, seconds: float) -> None:
    """Read what comes for a while."""
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 1 << 20)
