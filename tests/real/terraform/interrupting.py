"""An apply that is stopped at some moment, and what a run afterwards makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from app.domain.deployment import Deployment
from app.services.deploy.ports import Applied
from app.services.terraform.driver import Terraform
from tests.real.terraform.ground import PUBLIC_KEY, Ground

NODES = 9
CREATE_S = 0.5
"""How long the provider takes for a create; ten are made at once, so an apply takes about a second."""
Outcome = Applied | None
"""None: the apply was cancelled."""


def terraform_of(folder: Path) -> int | None:
    """The process that runs Terraform in a folder; None: there is none."""
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or not (entry / "cwd").samefile(folder):
                continue
            if (entry / "cmdline").read_bytes().split(b"\0")[0].endswith(b"terraform"):
                return int(entry.name)
        except OSError:
            continue
    return None


def providers_of(home: Path) -> list[int]:
    """Processes of providers that run with this test's home."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"HOME={home}\0".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def stopped(ground: Ground, terraform: Terraform, how: str, after_s: float) -> Outcome:
    """Apply, and stop it in one way after some time.

    `cancel`: as our own Ctrl-C does; `cancel twice`: as a second one; any signal's name: sent to Terraform by somebody
    else. What is done by then is left as it is.
    """
    plan = await terraform.plan()
    apply = asyncio.create_task(terraform.apply(plan, ground.tell))
    await asyncio.wait([apply], timeout=after_s)
    if how.startswith("cancel"):
        apply.cancel()
        if how == "cancel twice":
            await asyncio.wait([apply], timeout=1.1)
            apply.cancel()
    else:
        process = terraform_of(ground.folder)
        if process is not None:
            os.kill(process, signal.Signals[how])
    try:
        return await apply
    except asyncio.CancelledError:
        return None


async def struck(ground: Ground, terraform: Terraform, how: str) -> Applied:
    """Apply, and send Terraform a signal once it has begun to create something."""
    apply = asyncio.create_task(terraform.apply(await terraform.plan(), ground.tell))
    await asyncio.wait_for(ground.begun.wait(), 60)
    process = terraform_of(ground.folder)
    assert process is not None, "it creates"
    os.kill(process, signal.Signals[how])
    return await apply


def _is_under_way(request: Mapping[str, object]) -> bool:
    return (request["method"], request["status"]) == ("POST", None)


async def settled(ground: Ground, wish: Deployment) -> Mapping[str, str]:
    """What the next run does: take the first pod that no state knows into it, end the others, apply what is missing."""
    terraform = ground.terraform()
    await terraform.prepare(wish, PUBLIC_KEY)
    # A create that was given up may still be answered: its pod comes late.
    async with asyncio.timeout(60):
        while any(_is_under_way(request) for request in ground.runpod.requests):  # noqa: ASYNC110 - others' threads
            await asyncio.sleep(0.02)
    held = await terraform.pods()
    lost = [pod for pod in ground.runpod.pods.values() if pod.id not in held.values()]
    for pod in lost[1:]:
        ground.runpod.end_outside(pod.id)
    for pod in lost[:1]:
        key = pod.name.removeprefix(wish.prefix)
        if key in held:
            ground.runpod.end_outside(pod.id)
        else:
            await terraform.adopt(key, pod.id)
    applied = await terraform.apply(await terraform.plan(), ground.tell)
    assert applied.ok, applied
    return applied.pods
