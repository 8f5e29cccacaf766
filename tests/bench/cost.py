"""What watching 8 GPUs once a second costs: CPU, memory, bytes to the terminal; every program in turn, some rounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from tests.bench.report import Report, Target
from tests.bench.stage import (
    Program,
    UnreadyError,
    environment,
    exporter,
    fake_gpus,
    kempnerpulse,
    ours,
    peer,
    usable,
    weather,
)
from tests.bench.terminal import Measured, measure

ROUNDS = 3
WARM_S, WINDOW_S = 6.0, 20.0
"""The start is over by then (`start` measures that), and what is done once in some seconds falls into every window."""


def run(report: Report) -> None:
    """Measure our screen and the peers on the same GPUs, by driver and by page."""
    try:
        with fake_gpus() as fake, environment(fake) as environ, exporter(environ) as page, weather(fake):
            mine = ours("--target", "nvml:", "--interval", "1")
            peers = (peer("nvitop", "--interval", "1"), peer("gpustat", "-i", "1"), peer("nvtop", "-d", "10"))
            _compare(report, "by driver", mine, usable(peers, report), environ, cpu_of="nvitop")
            mine = ours("--target", page, "--interval", "1")
            _compare(report, "by page", mine, usable([kempnerpulse(page)], report), environ, cpu_of="kempnerpulse")
    except UnreadyError as error:
        report.skip(str(error))


def _compare(
    report: Report, how: str, mine: Program, peers: Sequence[Program], environ: Mapping[str, str], cpu_of: str
) -> None:
    """Some rounds of every program in turn, and their figures."""
    measured: dict[str, list[Measured]] = {one.name: [] for one in (mine, *peers)}
    for number in range(ROUNDS):
        for one in (mine, *peers):
            measured[one.name].append(measure(one.command, environ, {}, warm_s=WARM_S, window_s=WINDOW_S))
        print(f"cost, {how}: round {number + 1} of {ROUNDS}", file=sys.stderr)
    own = measured.pop(mine.name)
    has_peer = cpu_of in measured
    cpu = Target(at_most=1.0, peer=cpu_of) if has_peer else None
    report.add(f"CPU at 1 s, {how}", "%", [m.cpu_percent for m in own], cpu, _of(measured, lambda m: m.cpu_percent))
    report.add(f"RSS, {how}", "MiB", [m.rss_mib for m in own], Target(at_most=70), _of(measured, lambda m: m.rss_mib))
    rate = _of(measured, lambda m: m.bytes_per_s)
    report.add(f"bytes to the terminal, {how}", "B/s", [m.bytes_per_s for m in own], Target(at_most=4000), rate)


def _of(measured: Mapping[str, Sequence[Measured]], part: Callable[[Measured], float]) -> dict[str, list[float]]:
    """One figure of every peer, round by round."""
    return {name: [part(one) for one in rounds] for name, rounds in measured.items()}
