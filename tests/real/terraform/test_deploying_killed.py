"""A deploy of nine pods that is interrupted or killed at a random moment: the next run has them all, and no more."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from app.domain.deployment import State, Told, Wish
from app.services.deploy.journal import follow
from app.sources.runpod import pace
from tests.real.terraform.ground import A6000, Ground
from tests.real.terraform.whole import whole_of

pytestmark = pytest.mark.real("terraform")
NODES = 9
WISH = Wish("lab", NODES, gpu_types=(A6000,))
WAYS = ("SIGINT", "SIGINT SIGINT", "SIGTERM", "SIGKILL")
MOMENTS = 100


def started(ground: Ground, state_dir: Path) -> subprocess.Popen[bytes]:
    """A process that deploys."""
    argv = (sys.executable, "-m", "tests.real.terraform.whole", str(state_dir), ground.runpod.url, str(NODES))
    root = Path(__file__).parents[3]
    return subprocess.Popen(argv, cwd=root, env={**os.environ, **ground.environ()}, stderr=subprocess.PIPE)


async def struck(process: subprocess.Popen[bytes], ground: Ground, signals: Sequence[str], after_s: float) -> None:
    """Send signals some time after the first pod was asked for, and wait for the end."""
    deadline = monotonic() + 60
    while not any(request["method"] == "POST" for request in ground.runpod.requests) and process.poll() is None:
        assert monotonic() < deadline, "it never began"
        await asyncio.sleep(0.02)
    await asyncio.sleep(after_s)
    for name in signals:
        process.send_signal(signal.Signals[name])
        await asyncio.sleep(1.2)  # a second one within a second is the first one, told twice
    _, said = await asyncio.to_thread(process.communicate, None, 120)
    assert b"Traceback" not in said, said.decode()


async def one_moment(ground: Ground, folder: Path, way: str, after_s: float, stop: str) -> None:
    """Interrupt, look at what is told, run again to the end, destroy."""
    ground.stop = stop
    ground.runpod.turn(create_delay_s=0.4, jitter_s=0.4)
    state_dir = folder / "state"
    first = len(ground.runpod.requests)
    process = started(ground, state_dir)
    await struck(process, ground, way.split(), after_s)
    story = f"{way} {after_s:.2f} s after the first create, {stop}"
    whole = whole_of(ground, state_dir)
    events, _ = follow(whole.deploys.folder("lab").events)
    if way != "SIGKILL":
        assert Told.ENDED is events[-1].told, story

    made = await whole.deploy("lab")

    assert State.READY is made.state, story
    assert {node.key: node.pod_id for node in made.nodes} == ground.ids(), story
    assert NODES == len(ground.runpod.pods), story
    proof = await whole.destroy()
    assert (True, {}) == (proof.is_clean, ground.ids()), story
    assert len(ground.runpod.requests) > first


@pytest.mark.parametrize(
    "way",
    [
        "SIGINT SIGINT",
        "SIGKILL",
        pytest.param("SIGINT", marks=pytest.mark.slow),
        pytest.param("SIGTERM", marks=pytest.mark.slow),
    ],
)
async def test_the_next_run_has_all_pods_and_no_more(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Whichever signal it was: nobody's pod is forgotten, none is made twice, and the destroy finds them all."""
    monkeypatch.setattr(pace, "EVERY_S", 0.01)

    await one_moment(ground, tmp_path, way, Random(way).uniform(0.0, 1.0), "cancel")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
async def test_at_a_hundred_moments_the_next_run_has_all_pods_and_no_more(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The same at random moments, with each of the ways in which a provider takes an interrupt."""
    monkeypatch.setattr(pace, "EVERY_S", 0.01)
    random = Random(number)

    await one_moment(
        ground, tmp_path, WAYS[number % len(WAYS)], random.uniform(0.0, 2.5), random.choice(("graceful", "cancel"))
    )
