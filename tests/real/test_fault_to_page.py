"""From a fault to everybody who is to know of it: a daemon, a screen, a webhook and a mail server, all of them real.

The GPUs are NVML's stand-in behind our own exporter, the kernel log is a file, Slurm's commands are a stand-in. Faults
come at any moment of an interval, since no fault asks when the next look is.
"""

from __future__ import annotations

import random
import tempfile
import time
from asyncio import gather, sleep
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.real import paging
from tests.services.receivers import Hook, Mailbox, mailbox, webhook
from tests.standins.nvml.state import FakeNvml
from tests.standins.slurm_commands import FakeSlurm
from tests.terminal.tmux import Terminal, terminal

pytestmark = [pytest.mark.real("gcc", "tmux"), pytest.mark.terminal]

INTERVAL_S = 2.0
MARGIN_S = 1.0
DRAINS = {
    "Kill task failed": "processes of a job could not be killed",
    "Prolog error": "the prolog failed",
    "batch job complete failure": "slurmd could not finish a job",
}
"""Slurm's own reasons, and what people are told. Another one each round: nodes out for one reason are one incident."""
ROUNDS = len(DRAINS)
BY_SLURM = "drain by Slurm"
CONFIG = """[cluster]
name = "lab"
interval_s = {interval_s}
[slurm]
via = "local"
bin_dir = "{slurm}"
[alerts]
notify_file = "{notify}"
[[log]]
kind = "kernel"
path = "{log}"
"""
NODES = 2 * ROUNDS
"""Two for each round: what falls off the bus of a node soon after another GPU of it is part of the same incident."""


@dataclass
class Field:
    """What a fault is put into, and who is to know of it."""

    machines: Mapping[str, FakeNvml]
    log: Path
    slurm: FakeSlurm
    hook: Hook
    box: Mailbox
    client: httpx.AsyncClient
    shell: Terminal

    @property
    def hooked(self) -> list[str]:
        """Titles of what the webhook was told."""
        return [body["title"] for body in self.hook.bodies]

    @property
    def mailed(self) -> list[str]:
        """Titles of the mails, without severity and cluster before them."""
        return [str(mail["Subject"]).partition(": ")[2] for mail in self.box.mails]

    async def told_s(self, inject: Callable[[], None], title: str) -> dict[str, float]:
        """Seconds from a fault until each of the four knows of it by this title."""
        began = time.monotonic()
        inject()
        seen = await gather(
            paging.found(self.client, "/api/incidents", lambda answer: paging.says(answer, title)),
            paging.seen(lambda: title in self.shell.text, lambda: f"{title} on the screen:\n{self.shell.text}"),
            paging.seen(lambda: title in self.hooked, lambda: f"{title} among {self.hooked}"),
            paging.seen(lambda: title in self.mailed, lambda: f"{title} among {self.mailed}"),
        )
        return {who: at - began for who, at in zip(("api", "screen", "webhook", "mail"), seen, strict=True)}


@asynccontextmanager
async def field(interval_s: float) -> AsyncIterator[Field]:
    """Everything, running, looked at for some intervals, with nothing wrong in it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw-")))
        hook, box = await stack.enter_async_context(webhook()), await stack.enter_async_context(mailbox())
        machines = {f"node-{number}": paging.machine(folder, number) for number in range(1, NODES + 1)}
        pages = [
            stack.enter_context(paging.exporter(fake, host, "--interval", "0.5")) for host, fake in machines.items()
        ]
        log = folder / "kern.log"
        log.write_text("".join(paging.kernel_line(host, "Linux version 6.8.0") for host in machines))
        slurm = paging.slurm_of(folder / "slurm", ROUNDS)
        config = CONFIG.format(
            interval_s=interval_s, slurm=slurm.folder, notify=paging.notify_file(folder, hook, box), log=log
        )
        config += "".join(f'[[target]]\nurl = "{page}"\n' for page in pages)
        running = stack.enter_context(paging.daemon(folder / "d", config))
        shell = stack.enter_context(terminal(folder / "t", running.environ | {"TERM": "xterm-256color"}, 160, 50))
        client = await stack.enter_async_context(running.client())
        await paging.found(client, "/api/diagnosis", lambda answer: answer["at"] > 0)
        shell.run(*running.screen)
        shell.shows("LIVE", "node-1")
        shell.press("4")
        await sleep(2 * interval_s)
        assert [] == (await client.get("/api/incidents")).json()["incidents"]
        yield Field(machines, log, slurm, hook, box, client, shell)


def faults(field: Field, number: int) -> dict[str, tuple[Callable[[], None], str]]:
    """The three ways in, for one round: what is done, and what people are to be told."""
    reason, title = list(DRAINS.items())[number]
    silent, logged, node = f"node-{2 * number + 1}", f"node-{2 * number + 2}", f"cpu-{number + 1}"

    def write() -> None:
        with field.log.open("a") as log:
            log.write(paging.xid_line(logged, number))

    return {
        "Xid by NVML": (lambda: field.machines[silent].xid(number, 79), f"GPU {silent}/{number}: gone from the bus"),
        "Xid by the log": (write, f"GPU {logged}/{number}: gone from the bus"),
        BY_SLURM: (lambda: paging.drain(field.slurm, node, reason), f"{node}: {title}"),
    }


async def test_fault_is_everywhere_within_an_interval_and_a_second() -> None:
    """An Xid 79 by NVML or a log line, and a drain by Slurm, reach API, webhook, mail and screen in time, once each."""
    dice = random.Random(79)
    late: list[tuple[str, str, float]] = []
    async with field(INTERVAL_S) as made:
        for number in range(ROUNDS):
            for way, (inject, title) in faults(made, number).items():
                await paging.random_phase(INTERVAL_S, dice)
                async with paging.slurm_pace(made.client) as pace:
                    told_s = await made.told_s(inject, title)
                interval_s = pace.interval_s if way == BY_SLURM else INTERVAL_S
                for who, took_s in told_s.items():
                    if took_s > interval_s + MARGIN_S:
                        late.append((way, who, took_s))
        assert 3 * ROUNDS == len(made.hook.got) == len(made.box.mails)

    assert [] == late
