"""What the driver costs over a plain `terraform apply` of the same files."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import time

import pytest

from tests.real.terraform.ground import KEY, PUBLIC_KEY, Ground, wished

pytestmark = [pytest.mark.real("terraform"), pytest.mark.slow]

NODES = 9
ROUNDS = 5


async def test_deploying_costs_little_more_than_a_plain_apply(ground: Ground) -> None:
    """Laid out, planned, shown and applied: at most a tenth and two seconds over `terraform apply -auto-approve`."""
    ground.runpod.turn(create_delay_s=1)
    plain, ours = [], []
    for _ in range(ROUNDS):
        plain.append(await applied_plainly(ground))
        ours.append(await applied_by_us(ground))

    usual, mine = statistics.median(plain), statistics.median(ours)
    assert mine <= 1.1 * usual + 2, f"plain {plain}, ours {ours}"


async def applied_by_us(ground: Ground) -> float:
    """Seconds of a first deployment by the driver, its folder not there yet."""
    shutil.rmtree(ground.folder, ignore_errors=True)
    began = time.perf_counter()
    await ground.up(NODES)
    took_s = time.perf_counter() - began
    ground.runpod.end_outside("*")
    return took_s


async def applied_plainly(ground: Ground) -> float:
    """Seconds of the same by hand, in a folder that holds the files already."""
    shutil.rmtree(ground.folder, ignore_errors=True)
    await ground.terraform().prepare(wished(NODES), PUBLIC_KEY)
    environ = {**ground.environ(), "RUNPOD_API_KEY": KEY, "RUNPOD_API_BASE_URL": ground.runpod.url}
    began = time.perf_counter()
    words = ("terraform", "apply", "-auto-approve", "-json")
    process = await asyncio.create_subprocess_exec(*words, cwd=ground.folder, env=environ, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    took_s = time.perf_counter() - began
    assert 0 == process.returncode, said
    ground.runpod.end_outside("*")
    return took_s
