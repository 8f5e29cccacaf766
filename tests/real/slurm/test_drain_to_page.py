"""From a drain by a real Slurm to whoever is told: the incident and a webhook, at any moment of an interval."""

from __future__ import annotations

import random
import time
from asyncio import gather, sleep
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.real import paging
from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.pages import serving
from tests.services.receivers import Hook, Mailbox, mailbox, webhook

INTERVAL_S = 2.0
CONFIG = """[cluster]
name = "lab"
interval_s = {interval_s}
[slurm]
via = "local"
bin_dir = "{slurm}"
[alerts]
notify_file = "{notify}"
"""
DRAINS = {"node1": "Kill task failed", "node2": "Prolog error", "node3": "batch job complete failure"}
"""Slurm's own reasons, word for word; nodes that are out for one reason would be one incident."""


@pytest.mark.clock
async def test_drain_is_told_within_an_interval_and_a_second(cluster: SlurmCluster, short_folder: Path) -> None:
    """A node that slurmctld has drained for a reason of Slurm's own is an incident, a webhook and a mail, in time."""
    dice = random.Random(4)
    late: dict[str, tuple[float, list[float]]] = {}
    async with webhook() as hook, mailbox() as box:
        with ExitStack() as stack:
            pages = stack.enter_context(serving(tuple(DRAINS)))
            notify = paging.notify_file(short_folder, hook, box)
            config = CONFIG.format(interval_s=INTERVAL_S, slurm=cluster.bin_dir("root"), notify=notify)
            config += "".join(f'[[target]]\nurl = "{page}"\n' for page in pages)
            running = stack.enter_context(paging.daemon(short_folder / "d", config))
            async with running.client() as client:
                await paging.found(client, "/api/diagnosis", lambda answer: answer["at"] > 0)
                await sleep(2 * INTERVAL_S)
                for node, reason in DRAINS.items():
                    await paging.random_phase(INTERVAL_S, dice)
                    async with paging.slurm_pace(client) as pace:
                        began = time.monotonic()
                        cluster.slurm.update_node(node, "state=drain", f"reason={reason}")
                        took = [at - began for at in await told(node, client, hook, box)]
                    if max(took) > pace.interval_s + 1.0:
                        late[node] = pace.interval_s, took

    assert {} == late


async def told(node: str, client: httpx.AsyncClient, hook: Hook, box: Mailbox) -> tuple[float, ...]:
    """When the API, the webhook and the mail server have told of a node, in monotonic seconds."""
    word = f"{node}: "
    return await gather(
        paging.found(client, "/api/incidents", lambda answer: paging.says(answer, word)),
        paging.seen(lambda: paging.says(hook.bodies, word), lambda: f"{word} among {hook.bodies}"),
        paging.seen(lambda: any(word in mail["Subject"] for mail in box.mails), lambda: f"a mail among {box.mails}"),
    )
