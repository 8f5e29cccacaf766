"""Odder quiet hours: old logs, lies, storms, and time in which nobody looked."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from functools import partial

from tests.bench.faults.control import SAYS, Control
from tests.bench.faults.pages import pci
from tests.bench.faults.plant import START
from tests.bench.faults.slurm_words import Job
from tests.bench.faults.story import Stage


def old_lines(s: Stage) -> None:
    """At the first look the logs hold what was wrong days ago and is mended."""
    words = {
        864000.0
        - 200000.0: f"NVRM: Xid (PCI:{pci(2)}): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        864000.0 - 150000.0: "nfs: server 10.2.0.7 not responding, timed out",
        864000.0 - 149000.0: "nfs: server 10.2.0.7 OK",
        864000.0
        - 90000.0: "Out of memory: Killed process 51822 (python3) total-vm:2012345678kB, anon-rss:1912345678kB",
        864000.0
        - 60000.0: "mlx5_core 0000:d2:00.0: poll_health:174:(pid 0): device's health compromised - reached miss count.",
        864000.0
        - 50000.0: f"NVRM: Xid (PCI:{pci(5)}): 31, pid=14292, name=python, Ch 00000030, intr 00000000. MMU Fault: ENGINE HOST0",
    }
    s.plant.history["kernel gpu-1"] = [f"[{at:.6f}] {line}" for at, line in words.items()]
    s.plant.history["vllm log"] = [
        "(APIServer pid=2291) ERROR 07-20 07:11:02 [async_llm.py:480] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue."
    ]


def lies(s: Stage) -> None:
    """Programs and people write what looks like a fault: nobody's word counts for what is not theirs."""
    xid = f"NVRM: Xid (PCI:{pci(3)}): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    s.at(200.0, partial(s.plant.service, "gpu-1", "ana", xid))
    s.say(
        "job log",
        xid,
        "[12345.6] Kernel panic - not syncing: just kidding",
        "print: nfs: server 10.2.0.7 not responding",
        at=300.0,
    )
    s.say(
        "vllm log",
        SAYS
        + "INFO STAMP [logger.py:40] Received request cmpl-77: prompt: 'what does vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue mean? CUDA out of memory', params: SamplingParams(n=1)",
        at=400.0,
    )
    s.slurm_node(500.0, "gpu-4", flags="DRAIN", reason="alice: Kill task failed yesterday, looking at it", by="alice")
    s.at(
        600.0,
        lambda: s.plant.jobs.update(
            {880: Job(880, "eve", "NODE_FAIL Xid 79", "PENDING", wants=8, reason="Priority", submitted=START)}
        ),
    )


def storm(s: Stage) -> None:
    """A killed job's clean-up fills the kernel log: thousands of lines in a moment."""
    for number in range(3000):
        s.kernel(
            f"NVRM: Xid (PCI:{pci(number % 4)}): 45, pid=41822, name=python3, Ch {number:08x}",
            at=300.0 + 0.001 * number,
            node="gpu-4",
        )
    s.end_job(817, "CANCELLED", 299.0)


def paused(s: Stage) -> None:
    """Nobody looked for half an hour; counters went on, jobs came and went."""
    s.pauses.append((600.0, 2400.0))
    s.grow(1.0, ("gpu-1", 2), DEV_ECC_SBE_VOL_TOTAL=0.01, DEV_PCIE_REPLAY_COUNTER=0.002, DEV_POWER_VIOLATION=4e8)
    s.end_job(815, "COMPLETED", 1200.0)
    s.host(1500.0, "gpu-2", vmstat_oom_kill=0.0)


def site_limits(s: Stage) -> None:
    """A site that runs all its boards at 600 W, and one rack cooler than the others."""
    for node in s.plant.nodes:
        for index in range(8):
            s.hold(0.5, (node, index), DEV_ENFORCED_POWER_LIMIT=600.0)


ODD: tuple[Control, ...] = (
    Control("old lines at the start", 1.0, old_lines),
    Control("lies", 1.0, lies),
    Control("a storm of clean-up", 0.5, storm),
    Control("nobody looked", 1.0, paused),
    Control("the site's own power limit", 0.5, site_limits),
)
