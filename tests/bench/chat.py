"""An answer of 10,000 tokens at 200 a second: what showing it costs, late frames, how soon keys are seen."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise

from tests.bench.chat_app import BUSY
from tests.bench.paint import environ
from tests.bench.report import Report, Target
from tests.bench.terminal import Measured, measure, pictures

SIZE = (200, 60)
TOKENS, PER_S = 10_000, 200
CPU_TARGET, GAP_TARGET, KEY_TARGET = Target(at_most=15.0), Target(at_most=100.0), Target(at_most=50.0)
WARM_S = 5.0
KEYS = 60


def command(tokens: int, place: str) -> tuple[str, ...]:
    """The program to measure."""
    return (sys.executable, "-m", "tests.bench.chat_app", str(tokens), str(PER_S), place)


def run(report: Report) -> None:
    """Measure the page and the docked chat; what the same screen costs without an answer; keys while it comes."""
    for place in ("PAGE", "HOME"):
        still = measure(command(0, place), environ(), {}, warm_s=WARM_S, window_s=10.0, size=SIZE)
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as busy:
            around = {**environ(), BUSY: busy.name}
            got = measure(command(TOKENS, place), around, {}, warm_s=WARM_S, window_s=40.0, size=SIZE)
            busy_ms = float(busy.read() or "nan")
        name = "its own page" if place == "PAGE" else "docked"
        report.add(f"CPU, {name}", "% of a core", got.cpu_percent, CPU_TARGET)
        report.add(f"CPU without an answer, {name}", "% of a core", still.cpu_percent)
        report.add(f"terminal, {name}", "kB/s", got.bytes_per_s / 1000)
        report.add(f"longest step without a breath, CPU, {name}", "ms", busy_ms, GAP_TARGET)
        gaps = frame_gaps_ms(got)
        report.add(f"between two frames, p99, {name}", "ms", gaps[int(len(gaps) * 0.99)])
        report.add(f"between two frames, longest, {name}", "ms", gaps[-1])
    waits = key_waits_ms()
    report.add("letter typed to letter seen, median", "ms", waits[len(waits) // 2])
    report.add("letter typed to letter seen, p95", "ms", waits[int(len(waits) * 0.95)], KEY_TARGET)


def frame_gaps_ms(got: Measured) -> list[float]:
    """Milliseconds between what was written while the answer came, in order of length."""
    times = [one.at_s for one in got.written if WARM_S <= one.at_s <= WARM_S + 40.0]
    return sorted(1000 * (later - before) for before, later in pairwise(times))


def key_waits_ms() -> Sequence[float]:
    """Milliseconds from a letter typed into the line until it stands there, while an answer comes."""
    typed = "abcdefghijklmnopqrstuvwxyz"
    keys = [(WARM_S + number * 0.217, typed[number % 26].encode()) for number in range(KEYS)]
    got = measure(
        command(TOKENS, "PAGE"), environ(), {}, warm_s=WARM_S, window_s=KEYS * 0.217 + 1, size=SIZE, keys=keys
    )
    waits: list[float] = []
    text = ""
    wanted = [typed[number % 26] for number in range(KEYS)]
    for shown in pictures(got.written, SIZE):
        line = next((one for one in shown.lines[::-1] if one[1:].lstrip().startswith("> ")), "")
        text = line.strip("│ ").removeprefix("> ").strip()
        while len(waits) < len(text) and text.startswith("".join(wanted[: len(waits) + 1])):
            waits.append(1000 * (shown.at_s - got.typed_s[len(waits)]))
    return sorted(waits) or [float("nan")]
