"""A deployment is seen by commands and by a daemon that ran before it, with nothing written into the configuration."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from app.domain.deployment import Deployment, Wish
from app.services.deploy import watching
from tests.real.deploy.ground import GPU, Field, in_field
from tests.real.deploy.pods import NamespacePods

pytestmark = [pytest.mark.real("slurm"), pytest.mark.real("gcc"), pytest.mark.real("ssh")]


def environ_of(state_dir: Path) -> dict[str, str]:
    """What a command of ours runs in: a home of its own, and no Slurm of this machine."""
    home = state_dir / "home"
    home.mkdir(exist_ok=True)
    plain = {"HOME": str(home), "GPU_WATCHDOG_STATE_DIR": str(state_dir), "XDG_RUNTIME_DIR": str(state_dir / "run")}
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(Path.cwd()), **plain}


async def asked(state_dir: Path, *words: str, stdin: bytes = b"") -> Any:  # noqa: ANN401 - JSON
    """What a command of ours answers."""
    command = (sys.executable, "-m", "app", *words)
    process = await asyncio.create_subprocess_exec(
        *command, env=environ_of(state_dir), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate(stdin)
    assert out, err.decode()
    return json.loads(out)


def write(lab: Field) -> None:
    """Say what is there to be watched, as the last step does."""
    nodes = tuple(replace(node, pod_id=lab.pods[node.key].id) for node in lab.nodes)
    deployment = Deployment(lab.hands.wish, "0", 0.0, nodes=nodes)
    watching.watch(lab.folder, deployment, lab.pods)


async def until(state_dir: Path, is_so: Callable[[Any], bool], within_s: float = 90.0) -> Any:  # noqa: ANN401 - JSON
    """Ask for the status until something is so."""
    began = monotonic()
    while not is_so(found := await asked(state_dir, "status", "--json")):
        assert monotonic() - began < within_s, found
    return found


def states(status: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    """The state of each source."""
    return {source["name"]: source["state"] for source in status["sources"]}


SCRIPT = b"#!/bin/bash\n#SBATCH --gres=gpu:1 --mem=64M --time=5\nsleep 30\n"
EVERYTHING = dict.fromkeys(
    ("lab-head", "lab-w1", "slurmctld log lab-head", "slurmd log lab-head", "slurmd log lab-w1", "slurm"), "ok"
)


@pytest.mark.slow
async def test_commands_see_the_cluster_and_act_on_its_slurm(cloud: NamespacePods, state_dir: Path) -> None:
    """`status` has its nodes with GPUs and prices, and a job can be submitted, without a configuration file."""
    async with in_field(cloud, state_dir, Wish("lab", nodes=2, gpus_per_node=2)) as lab:
        await lab.boot()
        await lab.up_to("form")
        write(lab)
        status = await asked(state_dir, "status", "--json")
        sent = await asked(state_dir, "submit", "-", "--chdir", "/tmp", "--yes", "--json", stdin=SCRIPT)
        jobs = await asked(state_dir, "jobs", "--json")
        watching.unwatch(lab.folder)
        after = await asked(state_dir, "status", "--json")

    assert EVERYTHING == states(status)
    assert [("lab-head", 2), ("lab-w1", 2)] == [(node["name"], len(node["gpus"])) for node in status["nodes"]]
    assert ("IDLE+DYNAMIC_NORM", GPU) == (status["nodes"][1]["slurm_state"], status["nodes"][1]["gpus"][0]["model"])
    assert 10.0 == status["cluster"]["cost_per_hour"]
    assert [sent["id"]] == [job["id"] for job in jobs["jobs"]]
    assert "slurm" not in states(after)


async def test_a_daemon_that_runs_follows_by_itself(cloud: NamespacePods, state_dir: Path) -> None:
    """A daemon started before there was any deployment sees it come, and sees it go."""
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", "--interval", "1"),
        env=environ_of(state_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert daemon.stderr is not None
        while b"serving" not in (line := await daemon.stderr.readline()):
            assert line, "the daemon ended"
        async with in_field(cloud, state_dir, Wish("lab", nodes=2)) as lab:
            await lab.boot()
            await lab.up_to("form")
            write(lab)
            seen = await until(state_dir, lambda status: EVERYTHING.items() <= states(status).items())
            watching.unwatch(lab.folder)
            await until(state_dir, lambda status: not EVERYTHING.keys() & states(status).keys())
    finally:
        daemon.terminate()
        await daemon.wait()

    assert ["lab-head", "lab-w1"] == [node["name"] for node in seen["nodes"]]
