"""How soon there is something to see: `status --json` from a cold process, and the screen's first frame and numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from tests.bench.bare import LINE
from tests.bench.report import Report, Target
from tests.bench.stage import Program, UnreadyError, environment, exporter, fake_gpus, hung_target, ours, peer
from tests.bench.terminal import measure

ROUNDS = 7
BUSY = r"9[0-9] ?%"
"""A number that only the GPUs bring: all of them are above 90 %."""


def run(report: Report) -> None:
    """Measure the starts."""
    try:
        with fake_gpus() as fake, environment(fake) as environ, exporter(environ) as page, hung_target() as hung:
            _commands(report, environ, page)
            _screens(report, environ, page, hung)
    except UnreadyError as error:
        report.skip(str(error))


def _commands(report: Report, environ: Mapping[str, str], page: str) -> None:
    """One-shots from a cold process, beside peers' one-shots on the same driver."""
    driver = ours("status", "--json", "--target", "nvml:")
    others = [one for one in (peer("nvitop", "-1"), peer("gpustat", "--json")) if not one.why_not]
    times: dict[str, list[float]] = {one.name: [] for one in others}
    mine: list[float] = []
    fetched: list[float] = []
    for _ in range(ROUNDS):
        mine.append(_wall(driver, environ))
        fetched.append(_wall(ours("status", "--json", "--target", page), environ))
        for one in others:
            times[one.name].append(_wall(one, environ))
    report.add("status --json, 8 GPUs by driver, cold", "s", mine, Target(at_most=0.35), times)
    report.add("status --json, 8 GPUs by exporter, cold", "s", fetched, Target(at_most=0.35))


def _screens(report: Report, environ: Mapping[str, str], page: str, hung: str) -> None:
    """The screen on a terminal: by driver beside nvitop, and with a hung target among two."""
    by_driver = ours("--target", "nvml:", "--interval", "1", "--cluster-name", "bench-lab")
    with_hung = ours("--target", page, "--target", hung, "--interval", "1", "--cluster-name", "bench-lab")
    nvitop = peer("nvitop", "--interval", "1")
    floor = Program("Textual alone", (sys.executable, str(Path(__file__).with_name("bare.py"))))
    frames, numbers, hung_frames, hung_numbers = [], [], [], []
    theirs: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        bare.append(_first(floor, environ, LINE, LINE)[0])
        frame, number = _first(by_driver, environ, "bench-lab")
        frames.append(frame)
        numbers.append(number)
        frame, number = _first(with_hung, environ, "bench-lab")
        hung_frames.append(frame)
        hung_numbers.append(number)
        if not nvitop.why_not:
            theirs.append(_first(nvitop, environ, "NVITOP")[1])
    report.add("first frame, by driver", "s", frames, Target(at_most=0.3), {floor.name: bare})
    report.add("first numbers, by driver", "s", numbers, Target(at_most=0.5), {"nvitop": theirs})
    report.add("first frame, a target hangs", "s", hung_frames, Target(at_most=0.3), {floor.name: bare})
    report.add("first numbers, a target hangs", "s", hung_numbers, Target(at_most=0.5))


def _wall(program: Program, environ: Mapping[str, str]) -> float:
    """Seconds from start to end."""
    began = perf_counter()
    subprocess.run(program.command, env=dict(environ), capture_output=True, check=False, timeout=30)
    return perf_counter() - began


def _first(program: Program, environ: Mapping[str, str], frame: str, numbers: str = BUSY) -> tuple[float, float]:
    """Seconds until the frame and until numbers stood on the screen; as long as was waited, where they never did."""
    waited = 8.0
    marks = {"frame": frame, "numbers": numbers}
    seen = measure(program.command, environ, marks, warm_s=waited, window_s=0.0, until_marked=True).marks
    return seen["frame"] or waited, seen["numbers"] or waited
