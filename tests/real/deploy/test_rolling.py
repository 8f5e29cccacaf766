"""All nodes of a cluster that works get other pods, one after another: real Terraform, sshd and Slurm."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.real.deploy.customer import GPU, ROOT, WITHIN_S, Customer, customer

pytestmark = [pytest.mark.real("terraform", "slurm", "gcc", "ssh")]
NODES = ("lab-head", "lab-w1", "lab-w2")
LOOK_S = 0.2
SCRIPT = """\
#!/bin/bash
#SBATCH -J {name} -w {node} --gres=gpu:1 --mem=64M --time=10
until [ -e /shared/go-{name} ]; do sleep 0.2; done
echo $SLURMD_NODENAME > /shared/done-{name}
"""
"""Works until it is let go, and leaves its word where no pod takes it along."""
AWAY = ("DOWN", "DRAIN", "NOT_RESPONDING", "FUTURE", "UNKNOWN", "INVAL", "FAIL")


@pytest.fixture
def user(state_dir: Path) -> Iterator[Customer]:
    """Somebody with a key."""
    with customer(state_dir) as made:
        yield made


def test_all_nodes_are_replaced_while_jobs_run(user: Customer) -> None:
    """Killed while it waits for a job it can be mended and gone on with; no job is lost, and never two nodes lack."""
    user.must("deploy", "lab", "--nodes", "3", "--gpu", GPU, "--yes")
    before = pod_ids(user)
    first = submit(user, "first", "lab-w1")
    killed_while_it_waits(user, first)
    rest = mended(user)
    gone_through_again(user)
    second = submit(user, "second", "lab-w2")
    with looks(user) as seen, user.measured("roll"):
        roll = begun(user, *rest)
        user.until(lambda: told(user).rpartition("lab-w1 is next")[2].count(waits_for(first)) > 0)
        let_go(user, "first")
        user.until(lambda: waits_for(second) in told(user))
        at_the_second = (states(user)["lab-w1"].split("*")[0], pod_ids(user)["w1"] != before["w1"])
        let_go(user, "second")
        out, err = roll.communicate(timeout=WITHIN_S)
    user.show_times()

    assert (0, True) == (roll.returncode, "lab is ready: 3 nodes, 3 GPUs" in out), err
    assert ("idle", True) == at_the_second
    assert ["lab-w1", "lab-w2"] == [
        user.pods.of("w1").host.must(["cat", f"/shared/done-{one}"]).strip() for one in JOBS
    ]
    assert set() == set(before.values()) & set(pod_ids(user).values())
    assert dict.fromkeys(NODES, "idle") == states(user)
    assert ("ready", [], []) == standing(user)
    assert 1 == max(seen.missing_pods)
    assert 1 >= max(seen.missing_nodes)
    sys.stderr.write(f"{seen}\n")


JOBS = ("first", "second")


def waits_for(job: str) -> str:
    """What is told while a job holds the next one up."""
    return f"waiting for the jobs {job}"


def killed_while_it_waits(user: Customer, job: str) -> None:
    """Begin with all of them, and pull the plug while a job is waited for: w1 takes no jobs then."""
    roll = begun(user, "all")
    user.until(lambda: waits_for(job) in told(user))
    roll.kill()
    roll.communicate()

    assert states(user)["lab-w1"].startswith("drain")


def mended(user: Customer) -> list[str]:
    """Deploying lets it take jobs again, ends nothing, and names what is still to be replaced."""
    with user.measured("mend"):
        said = user.must("deploy", "lab", "--yes")
    state, drift, rest = standing(user)

    assert ("ready", [], ["lab-w1", "lab-w2", "lab-head"]) == (state, drift, rest)
    assert "--replace lab-w1 --replace lab-w2 --replace lab-head" in said
    assert ("mixed", "RUNNING") == (states(user)["lab-w1"], user.json("jobs")["jobs"][0]["state"])
    return rest


def gone_through_again(user: Customer) -> None:
    """Every step on the pods is repeated while a job has the only GPU of a node: it is in nobody's way."""
    with user.measured("again"):
        user.must("deploy", "lab", "--skip-infra", "--yes")

    assert "lab-w1: all taken by jobs, which is proof enough" in told(user)


class Seen:
    """What was missing at each look, from a whole cluster of three."""

    def __init__(self) -> None:
        self.missing_pods: list[int] = []
        self.missing_nodes: list[int] = []
        """As a head that answers tells it, until the head itself goes: to that end every node is drained."""
        self.longest_s = 0.0
        """Between two looks."""

    def __str__(self) -> str:
        pods, nodes = self.missing_pods, self.missing_nodes
        return (
            f"{len(pods)} looks at pods, of which {pods.count(1)} missed one; {len(nodes)} at Slurm, of which "
            f"{nodes.count(1)} missed one; at most {self.longest_s:.1f} s apart"
        )

    def look(self, user: Customer) -> None:
        """One look."""
        self.missing_pods.append(len(NODES) - len({pod.name for pod in tuple(user.pods.pods.values())}))
        if "lab-head takes no new jobs" in told(user):
            return
        there = states(user)
        if there:
            away = [node for node in NODES if node not in there or any(one.lower() in there[node] for one in AWAY)]
            self.missing_nodes.append(len(away))


@contextmanager
def looks(user: Customer) -> Iterator[Seen]:
    """Look again and again while something goes on."""
    seen, over = Seen(), threading.Event()

    def work() -> None:
        at = monotonic()
        while not over.wait(LOOK_S):
            seen.look(user)
            seen.longest_s, at = max(seen.longest_s, monotonic() - at), monotonic()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def begun(user: Customer, *nodes: str) -> subprocess.Popen[str]:
    """A run that replaces nodes, in a process of its own."""
    words = [word for node in nodes for word in ("--replace", node)]
    return subprocess.Popen(
        (sys.executable, "-m", "app", "deploy", "lab", *words, "--yes"),
        cwd=ROOT,
        env=user.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def submit(user: Customer, name: str, node: str) -> str:
    """A job on a node, which has begun; its id."""
    sent = user.json("submit", "-", "--chdir", "/tmp", "--yes", stdin=SCRIPT.format(name=name, node=node))
    user.until(lambda: states(user)[node] == "mixed")
    return str(sent["id"])


def let_go(user: Customer, name: str) -> None:
    """Let a job come to its end."""
    user.pods.of("head").host.must(["touch", f"/shared/go-{name}"])


def states(user: Customer) -> dict[str, str]:
    """What the head's Slurm calls each node; empty where it does not answer."""
    head = next((pod for pod in tuple(user.pods.pods.values()) if pod.name.endswith("-head")), None)
    if head is None:
        return {}
    done = head.host.run(["timeout", "5", "sinfo", "-h", "-N", "-o", "%N %T"])
    return dict(line.split() for line in done.stdout.splitlines()) if not done.returncode else {}


def told(user: Customer) -> str:
    """All that was told of it so far."""
    return (user.folder / "deploy.log").read_text()


def standing(user: Customer) -> tuple[str, Sequence[object], list[str]]:
    """State, drift, and what is still to be replaced, as `--status` has them."""
    found = user.json("deploy", "lab", "--status")
    return found["deployment"]["state"], found["drift"], found["deployment"]["to_replace"]


def pod_ids(user: Customer) -> dict[str, str]:
    """The pod of each node."""
    record = json.loads((user.folder / "deployment.json").read_text())
    return {node["key"]: node["pod_id"] for node in record["nodes"]}
