"""From a fault to a webhook, beside Prometheus and Alertmanager on the same exporters with the same intervals.

Theirs is as quick as it can be told to be: no `for`, `group_wait: 0s`. The rule is ours, by `alerts rules export`. What
only stands in a log or in Slurm their pages do not say; those figures are ours alone. Faults come at any moment of an
interval; every round is another node.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.report import Report, Target
from tests.bench.stage import free_port
from tests.real import paging
from tests.services.receivers import Hook, Mailbox, mailbox, webhook
from tests.standins.nvml.build import BuildError
from tests.standins.nvml.state import FakeNvml
from tests.standins.slurm_commands import FakeSlurm
from tests.tools.parts import find

INTERVAL_S = 5.0
MARGIN_S = 1.0
BY_PAGE = "Xid 79 by NVML"
GPU = 3
PEER = "Prometheus + Alertmanager"
REASONS = (
    *("Kill task failed", "Prolog error", "batch job complete failure", "Epilog error"),
    *("gres/gpu count reported lower than configured (7 < 8)", "Low RealMemory (reported:1000 < 100.00% of 1000000)"),
)
"""Of Slurm's own; nodes that are out for one reason would be one incident."""
ROUNDS = 2 * len(REASONS)
"""Of what is compared; the two have phases of their own, so it takes some for chance to even out."""
RULES = """[rule.FellOff]
metric = "gpu.xid_last"
equals = 79
severity = "critical"
"""
CONFIG = """[cluster]
interval_s = {interval_s}
[slurm]
via = "local"
bin_dir = "{slurm}"
[alerts]
rules = ["rules.toml"]
notify_file = "{notify}"
[[log]]
path = "{log}"
"""
PROMETHEUS = """global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every}}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{manager}']}}]}}]}}
scrape_configs: [{{job_name: gpu, static_configs: [{{targets: {targets}}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Field:
    """What faults are put into, and where what is told arrives."""

    machines: Sequence[FakeNvml]
    log: Path
    slurm: FakeSlurm
    hook: Hook

    async def told_s(self, inject: Callable[[], None], node: str, *told_by: str) -> tuple[float, ...]:
        """Seconds from a fault until each of them has told of the node."""
        began = time.monotonic()
        inject()
        return tuple(at - began for at in await asyncio.gather(*(self._told_at(one, node) for one in told_by)))

    async def _told_at(self, who: str, node: str) -> float:
        def has_come() -> bool:
            mine = [body for head, body in self.hook.got if head["path"].startswith(f"/{who}")]
            return any(paging.says(body, node) for body in mine)

        return await paging.seen(has_come, lambda: f"a message about {node} by {who}")

    def faults(self, number: int) -> Mapping[str, tuple[Callable[[], None], str]]:
        """What is done in a round, and the node that people are told of then; ours alone in the first rounds only."""
        page, log, cpu = (f"{kind}-{number + 1}" for kind in ("page", "log", "cpu"))

        def say() -> None:
            with self.log.open("a") as lines:
                lines.write(paging.xid_line(log, GPU))

        found = {BY_PAGE: (lambda: self.machines[number].xid(GPU, 79), page)}
        if number >= len(REASONS):
            return found
        return found | {
            "Xid 79 in a log": (say, log),
            "drain by Slurm": (lambda: paging.drain(self.slurm, cpu, REASONS[number]), cpu),
        }


def run(report: Report) -> None:
    """Measure, or say what is not there."""
    missing = [name for name in ("prometheus", "prometheus-alertmanager") if find(name) is None]
    for name in missing:
        report.skip(f"{name} is not here (make parts): nothing stands beside ours")
    try:
        asyncio.run(_measure(report, has_peer=not missing))
    except BuildError as error:
        report.skip(str(error))


async def _measure(report: Report, *, has_peer: bool) -> None:
    async with webhook() as hook, mailbox() as box:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw-")))
            field = await asyncio.to_thread(_start, stack, folder, hook, box, has_peer)
            await asyncio.sleep(4 * INTERVAL_S)  # until ours has settled, and theirs has scraped and evaluated
            await _rounds(report, field, has_peer=has_peer)


def _start(stack: ExitStack, folder: Path, hook: Hook, box: Mailbox, has_peer: bool) -> Field:
    """Start everything; it ends with the stack."""
    machines = [paging.machine(folder, number) for number in range(1, ROUNDS + 1)]
    pages = [stack.enter_context(paging.exporter(fake, f"page-{n}")) for n, fake in enumerate(machines, 1)]
    log, slurm = folder / "kern.log", paging.slurm_of(folder / "slurm", ROUNDS)
    log.write_text(paging.kernel_line("log-0", "Linux version 6.8.0"))
    home = folder / "d"
    home.mkdir()
    (home / "rules.toml").write_text(RULES)
    notify = paging.notify_file(folder, hook, box, "/ours")
    config = CONFIG.format(interval_s=INTERVAL_S, slurm=slurm.folder, notify=notify, log=log)
    config += "".join(f'[[target]]\nurl = "{page}"\n' for page in pages)
    running = stack.enter_context(paging.daemon(home, config))
    if has_peer:
        manager, prometheus = free_port(), free_port()
        stack.enter_context(_server(paging.alertmanager(folder, hook, manager)))
        stack.enter_context(_server(_prometheus(folder, running, pages, manager, prometheus)))
    return Field(machines, log, slurm, hook)


def _prometheus(folder: Path, ours: paging.Daemon, pages: Sequence[str], manager: int, port: int) -> list[str]:
    """The command of a Prometheus with our rules, as we export them."""
    export = [sys.executable, "-m", "app", "alerts", "rules", "export", "--config", str(ours.config)]
    rules = subprocess.run(export, check=True, capture_output=True, text=True, cwd=paging.ROOT, env=ours.environ)
    (folder / "rules.yml").write_text(rules.stdout)
    targets, every = [urlsplit(page).netloc for page in pages], f"{INTERVAL_S:g}s"
    (folder / "prometheus.yml").write_text(PROMETHEUS.format(every=every, manager=manager, targets=targets))
    return [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


@contextmanager
def _server(command: Sequence[str]) -> Iterator[None]:
    """A server of somebody else's, silent, until the context is left."""
    path = find(command[0])
    assert path is not None, "asked for before"
    quiet = subprocess.DEVNULL
    with paging.ending(subprocess.Popen([path, *command[1:]], stdout=quiet, stderr=quiet, text=True)):
        yield


async def _rounds(report: Report, field: Field, *, has_peer: bool) -> None:
    """Every fault in every round, one after another."""
    dice = random.Random(5)
    ours: dict[str, list[float]] = {}
    theirs: list[float] = []
    for number in range(ROUNDS):
        for name, (inject, node) in field.faults(number).items():
            await paging.random_phase(INTERVAL_S, dice)
            told_by = ("ours", "theirs") if has_peer and name == BY_PAGE else ("ours",)
            took = await field.told_s(inject, node, *told_by)
            ours.setdefault(name, []).append(took[0])
            theirs += took[1:]
        print(f"alarm: round {number + 1} of {ROUNDS}", file=sys.stderr)
    _tell(report, ours, theirs)


def _tell(report: Report, ours: Mapping[str, list[float]], theirs: list[float]) -> None:
    """Medians with the ratio of the rounds, and the slowest, which is what was promised."""
    for name, took in ours.items():
        peers = {PEER: theirs} if theirs and name == BY_PAGE else {}
        quicker = Target(at_most=1.0, peer=PEER) if peers else None
        report.add(f"{name} to a webhook, median of {len(took)}", "s", took, quicker, peers)
        slowest = {who: [max(all_of)] for who, all_of in peers.items()}
        report.add(f"{name} to a webhook, the slowest", "s", max(took), Target(at_most=INTERVAL_S + MARGIN_S), slowest)
