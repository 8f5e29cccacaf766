"""From nothing to a running cluster and back, one command each: real Terraform, sshd and Slurm, and the real screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.real.deploy.customer import GPU, Customer, customer
from tests.real.deploy.pods import Quirks
from tests.real.pod.sockets import elsewhere
from tests.real.slurm.oracle import MOMENTARY
from tests.terminal.tmux import python, terminal

pytestmark = [pytest.mark.real("terraform", "slurm", "gcc", "ssh", "tmux"), pytest.mark.terminal]
MODEL = "org/tiny"
NODES = ("lab-head", "lab-w1", "lab-w2")
WISH = ("--nodes", "3", "--gpu", GPU, "--model", MODEL)
WHERE = "/tmp/where"
STANDING = {"IDLE", "DYNAMIC_NORM"}
SCRIPT = f"""\
#!/bin/bash
#SBATCH -J everywhere -N 2 --ntasks-per-node=1 --gres=gpu:1 --mem=64M --time=5
srun sh -c 'echo $SLURMD_NODENAME GPU $CUDA_VISIBLE_DEVICES > {WHERE}'
sleep 600
"""
"""On both workers: the head's only GPU is the model's."""


@pytest.fixture
def user(state_dir: Path) -> Iterator[Customer]:
    """Somebody with a key; a pod of theirs boots later than the others."""
    with customer(state_dir, {"w2": Quirks(boot_s=2.0)}) as made:
        yield made


def test_from_nothing_to_a_running_cluster_and_back(user: Customer) -> None:
    """One command makes it, everything sees it, a job runs on all of it, and one command proves that it is gone."""
    look_first(user)
    with user.measured("deploy"):
        said = user.must("deploy", "lab", *WISH, "--yes")
    assert "lab is ready: 3 nodes, 3 GPUs" in said
    see_it(user)
    try_its_doors(user)
    with user.measured("job"):
        use_it(user)
    with user.measured("screen"):
        see_it_on_the_screen(user)
    with user.measured("scale"):
        user.must("deploy", "lab", "--scale", "2", "--cancel", "--yes")
    user.until(lambda: not jobs(user))  # a job that was cancelled is in the queue until its nodes are done with it
    assert ["head", "w1"] == keys(user)
    lose_a_pod(user)
    with user.measured("destroy"):
        said = user.must("deploy", "lab", "--destroy", "--yes")
    user.show_times()

    assert ({}, {}) == (user.runpod.pods, user.pods.pods)
    assert "the provider was asked 3 times" in said
    assert [] == user.json("status")["nodes"]


def look_first(user: Customer) -> None:
    """Without a terminal and `--yes` nothing is done; a plan asks, and changes nothing."""
    refused = user.run("deploy", "lab", *WISH)
    before = user.runpod.requests
    with user.measured("plan"):
        planned = user.json("deploy", "lab", "--plan", *WISH)

    assert (64, "", []) == (refused.returncode, refused.stdout, before)
    assert "--yes" in refused.stderr
    assert ["create"] * 3 == [change["action"] for change in planned["plan"]["changes"]]
    assert {"GET"} == {request["method"] for request in user.runpod.requests}


def see_it(user: Customer) -> None:
    """`status` has every node with its GPU, what Slurm says of it and what it costs, and the model; nothing is down."""
    status = user.seen("status", lambda status: {"ok"} == {source["state"] for source in status["sources"]})

    assert {"ok"} == {source["state"] for source in status["sources"]}
    assert list(NODES) == [node["name"] for node in status["nodes"]]
    assert [(1, GPU)] * 3 == [(len(node["gpus"]), node["gpus"][0]["model"]) for node in status["nodes"]]
    assert [STANDING] * 2 == [standing(node) for node in status["nodes"][1:]]
    assert [(MODEL, "ok")] == [(service["model"], service["state"]) for service in status["services"]]
    assert user.runpod.per_hour == pytest.approx(status["cluster"]["cost_per_hour"])


def try_its_doors(user: Customer) -> None:
    """On every pod, the model's as well, sshd is all that listens on an address that is not private."""
    opened = {pod.name: {(one.program, one.port) for one in elsewhere(pod.host)} for pod in user.pods.pods.values()}

    assert [{("sshd", 22)}] * 3 == list(opened.values())


def use_it(user: Customer) -> None:
    """A job that is submitted here runs on both workers at once, each with a GPU, and is in the queue."""
    sent = user.json("submit", "-", "--chdir", "/tmp", "--yes", stdin=SCRIPT)
    places = [user.pods.of(key).host.root / WHERE.lstrip("/") for key in ("w1", "w2")]
    user.until(lambda: all(place.exists() and place.read_text() for place in places))
    queue = user.json("jobs")["jobs"]

    assert ["lab-w1 GPU 0\n", "lab-w2 GPU 0\n"] == [place.read_text() for place in places]
    assert [(sent["id"], "RUNNING", ["lab-w1", "lab-w2"])] == [(job["id"], job["state"], job["nodes"]) for job in queue]


def see_it_on_the_screen(user: Customer) -> None:
    """Opened without a word of configuration, it has the GPUs of all nodes, Slurm's job on them, and the deployment."""
    with terminal(user.home / "terminal", user.environ(), 160, 50) as shell:
        shell.run(*python("-m", "app", "tui"))
        shell.shows("LIVE", "3/3 GPUs", "2 allocated", "1 running", *NODES)
        shell.press("3")
        shell.shows("everywhere", "lab-w[1-2]")
        shell.press("6")
        shell.shows("Deployments", "ready", "3/3", "10 of 10", "watched by this program", *NODES)
        shell.until(lambda text: 3 == text.count("running     1 ×"))
        shell.press("q")
        shell.until(lambda text: text.rstrip().endswith("$"))


def lose_a_pod(user: Customer) -> None:
    """A pod that was ended in the provider's console is drift, and deploying again brings another one in its place."""
    [lost] = user.runpod.end_outside("*-w1")
    drifted = user.json("deploy", "lab", "--status")
    with user.measured("mend"):
        user.must("deploy", "lab", "--yes")
    mended = user.json("deploy", "lab", "--status")

    assert [("gone", "lab-w1")] == [(one["code"], one["node"]) for one in drifted["drift"]]
    assert ("ready", []) == (mended["deployment"]["state"], mended["drift"])
    assert (["head", "w1"], False) == (keys(user), lost in user.runpod.pods)
    assert STANDING == standing(user.json("status")["nodes"][1])


def standing(node: Mapping[str, Any]) -> set[str]:
    """State and flags of a node, but for those that come and go by themselves, or stay a moment behind a job."""
    return set(node["slurm_state"].split("+")) - MOMENTARY - {"COMPLETING"}


def keys(user: Customer) -> list[str]:
    """Keys of the nodes whose pods are billed."""
    return sorted(pod.name.rpartition("-")[2] for pod in user.runpod.pods.values())


def jobs(user: Customer) -> list[str]:
    """Ids of the jobs in the queue."""
    return [job["id"] for job in user.json("jobs")["jobs"]]
