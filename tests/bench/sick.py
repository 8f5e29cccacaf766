"""One sick GPU among eight: how long until the numbers of a healthy one are on screen, beside gpustat and nvitop.

The healthy one is told by a utilization that no other GPU has. The peers read the GPUs one after the other and print
when all are done, so a GPU whose every call takes three seconds holds them up for a minute; they are measured once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from tests.bench.report import Report, Target
from tests.bench.stage import Program, UnreadyError, environment, fake_gpus, ours, peer, usable
from tests.bench.terminal import measure
from tests.standins.nvml.state import FakeNvml

ROUNDS = 3
SICK, HEALTHY = 5, 7
SIGN = r"83 ?%"
"""Utilization of the healthy GPU that is looked for."""
PATIENCE_S = 110.0


def run(report: Report) -> None:
    """Measure a lost GPU, then a slow one."""
    try:
        _measure(report, "one of 8 is lost", lambda fake: fake.lose(SICK), ROUNDS)
        _measure(report, "one of 8 takes 3 s a call", lambda fake: fake.delay(SICK, 3000), 1)
    except UnreadyError as error:
        report.skip(str(error))


def _measure(report: Report, story: str, hurt: Callable[[FakeNvml], None], rounds: int) -> None:
    with fake_gpus() as fake, environment(fake) as environ:
        fake.set(HEALTHY, util=83)
        hurt(fake)
        own = [_until(ours("--target", "nvml:", "--interval", "1"), environ) for _ in range(ROUNDS)]
        once = [_until(ours("status", "--target", "nvml:"), environ) for _ in range(ROUNDS)]
        theirs: dict[str, list[float]] = {}
        for one in usable((peer("gpustat"), peer("nvitop", "-1")), report):
            theirs[one.name] = [_until(one, environ) for _ in range(rounds)]
            print(f"sick, {story}: {one.name} measured", file=sys.stderr)
    report.add(f"{story}: others' numbers, screen", "s", own, Target(at_most=1.0), theirs)
    report.add(f"{story}: others' numbers, status", "s", once, None, theirs)


def _until(program: Program, environ: Mapping[str, str]) -> float:
    """Seconds until the healthy GPU's number stood on the screen; the patience, where it never did."""
    seen = measure(
        program.command, environ, {"healthy": SIGN}, warm_s=PATIENCE_S, window_s=0.0, until_marked=True
    ).marks["healthy"]
    return PATIENCE_S if seen is None else seen
