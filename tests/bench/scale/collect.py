"""Collecting: what a round of 1,024 nodes costs the daemon and Prometheus, in slices of one run."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.fleet_values import GPUS_OF_NODE
from tests.bench.report import Report, Target
from tests.bench.scale.cost import Cost, cost
from tests.bench.scale.field import INTERVAL_S, PEER, Peer, is_full, ours, pages, prometheus, status, wait_for
from tests.bench.scale.pages import METRICS
from tests.real.paging import Daemon

NODES = 1024
SETTLE_S, SLICE_S, SLICES = 30.0, 20.0, 4
FULL_SLICE_S, FULL_SLICES = 60.0, 30
"""Longer than a window of the store, so that sealing is part of what is measured."""


@dataclass(slots=True)
class _Slices:
    """Figures of each slice, of one program."""

    cpu_s: list[float] = field(default_factory=list)
    """Seconds of CPU an interval."""
    rss_mib: list[float] = field(default_factory=list)

    def add(self, before: Cost, after: Cost, seconds: float) -> None:
        """Take a slice."""
        self.cpu_s.append((after.cpu_s - before.cpu_s) / seconds * INTERVAL_S)
        self.rss_mib.append(after.rss_mib)


def run(report: Report, folder: Path, has_peer: bool) -> None:
    """Measure both at once: they share the machine and the moment."""
    with ExitStack() as stack:
        stack.enter_context(pages(folder, NODES))
        daemon = stack.enter_context(ours(folder))
        wait_for(lambda: _gpus(daemon) == NODES * GPUS_OF_NODE, "every GPU was seen")
        peer = stack.enter_context(prometheus(folder)) if has_peer else None
        if peer is not None:
            wait_for(lambda: peer.ask("count(up == 1)") == NODES, "Prometheus has scraped every page")
        time.sleep(SETTLE_S)
        _measure(report, daemon, peer)


def _measure(report: Report, daemon: Daemon, peer: Peer | None) -> None:
    pids = [daemon.process.pid, *([peer.process.pid] if peer is not None else [])]
    slices = [_Slices() for _ in pids]
    began, before_samples = time.monotonic(), status(daemon, "/api/store")["store"]["samples"]
    missed = _missed(daemon)
    for _ in range(FULL_SLICES if is_full() else SLICES):
        before, at = [cost(pid) for pid in pids], time.monotonic()
        time.sleep(FULL_SLICE_S if is_full() else SLICE_S)
        seconds = time.monotonic() - at
        for one, was, pid in zip(slices, before, pids, strict=True):
            one.add(was, cost(pid), seconds)
    took_s = time.monotonic() - began
    samples = status(daemon, "/api/store")["store"]["samples"] - before_samples
    what = f"{NODES:,} nodes × {GPUS_OF_NODE} GPUs × {METRICS} metrics every {INTERVAL_S:g} s"
    theirs = slices[1] if peer is not None else _Slices()
    report.add(f"{what}: CPU a round", "s", slices[0].cpu_s, Target(at_most=1.5, peer=PEER), {PEER: theirs.cpu_s})
    target = Target(at_most=1.0, peer=PEER)
    report.add("the same: memory", "MiB", slices[0].rss_mib, target, {PEER: theirs.rss_mib})
    report.add("slots missed, of all rounds", "", _missed(daemon) - missed, Target(at_most=0.0))
    report.add("samples kept, values we derive among them", "1/s", samples / took_s)
    if peer is not None:
        report.note(f"Prometheus kept {peer.ask('sum(scrape_samples_scraped)') or 0:,.0f} samples a round")
    report.note("ours: alerts, diagnosis and the flight recorder included")


def _gpus(daemon: Daemon) -> int:
    return int(status(daemon)["cluster"]["gpus"])


def _missed(daemon: Daemon) -> int:
    """Slots that sources missed so far, and sources that do not answer."""
    sources = status(daemon)["sources"]
    return sum(one["missed_slots"] + (one["state"] != "ok") for one in sources)
