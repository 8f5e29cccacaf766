"""On a pod everything but sshd listens on loopback or the private network: of all that listens, whatever it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.pod.conftest import HEAD, TOKEN, WORKERS, Formed, new_key
from tests.real.pod.pods import PodHost
from tests.real.pod.sockets import connects, elsewhere, listeners
from tests.real.slurm.daemons import until
from tests.real.slurm.namespaces import container_hosts

NODES = (HEAD, *WORKERS)
LOOPBACK = "127.0.0.1"
FAKE_VLLM = Path(__file__).parents[2] / "standins/fake_vllm.py"
ECHO = ("sh", "-c", "echo up; exec cat")
LATER = "4102444800"


@contextmanager
def step(formed: Formed, node: str) -> Iterator[subprocess.Popen[str]]:
    """A step on all nodes, started from one of them, that says back what it is told."""
    words = formed.pods[node].host.words(["srun", "-N3", "-t", "2", *ECHO])
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in NODES:
            assert "up\n" == process.stdout.readline()
        yield process


def open_ports(pod: PodHost) -> set[tuple[str, int]]:
    """Address and port of all that listens on a pod."""
    return {(one.address, one.port) for one in listeners(pod.host)}


def with_model(pod: PodHost) -> None:
    """Serve a model there, by the stand-in, as a head of a deployment does."""
    server = pod.host.root / "usr/local/bin/vllm"
    python = pod.environ.get("GPU_WATCHDOG_PYTHON", "/usr/bin/python3")
    server.write_text(f"#!{python}\n{FAKE_VLLM.read_text()}")
    server.chmod(0o755)
    pod.environ |= {"FAKE_VLLM_SAW": "/tmp/saw", "FAKE_VLLM_COUNT": "/tmp/count"}
    pod.must("start-model.sh", "--model", "lab/small", "--volume", "/workspace", stdin="")
    until(lambda: "ready" == pod.must("status.sh")["model"], 90, "the model to be ready")


def test_every_service_listens_on_loopback_or_the_private_network(formed: Formed) -> None:
    """Controller and slurmd on the private address; exporter and model on loopback; nothing else, not even by UDP."""
    with_model(formed.head)
    for pod in formed.pods.values():
        pod.must("watchdog.sh", "--ttl-at", LATER)
    found = {node: open_ports(pod) for node, pod in formed.pods.items()}
    for pod in formed.pods.values():
        pod.must("watchdog.sh")
    formed.head.must("stop-model.sh")

    expected = {node: {(pod.host.address, 6818), (LOOPBACK, 9400)} for node, pod in formed.pods.items()}
    expected[HEAD] |= {(formed.head.host.address, 6817), (LOOPBACK, 8000)}
    assert expected == found


def test_who_is_not_on_the_private_network_is_refused(formed: Formed) -> None:
    """By its other address no port of the head takes a connection from another pod; by the private one Slurm's do."""
    head, other = formed.head, formed.pods[WORKERS[1]].host
    ports = (6817, 6818, 9400, 8000)

    assert [False] * 4 == [connects(other, head.outer, port) for port in ports]
    assert [True, True, False, False] == [connects(other, head.host.address, port) for port in ports]
    assert connects(head.host, LOOPBACK, 9400)


@pytest.mark.parametrize("node", [HEAD, WORKERS[0]])
def test_a_step_listens_on_the_private_network_alone_while_it_runs(formed: Formed, node: str) -> None:
    """Srun's own ports are on its pod's private address, input and output go through them, and no pod opens another."""
    pod, other = formed.pods[node], formed.pods[WORKERS[1]].host
    with step(formed, node) as process:
        ports = {one.port for one in listeners(pod.host) if "srun" == one.program}
        opened = {name: elsewhere(one.host) for name, one in formed.pods.items()}
        outside = [connects(other, pod.outer, port) for port in ports]
        inside = [connects(other, pod.host.address, port) for port in ports]
        said, _ = process.communicate("and back\n", timeout=30)

    assert {name: set() for name in NODES} == opened
    assert (set(), {True}) == (set(outside) - {False}, set(inside))
    assert ["and back"] * 3 == said.splitlines()
    assert 0 == process.returncode


def test_nodes_are_known_by_their_private_addresses(formed: Formed) -> None:
    """The controller's record of each has it, whichever way its host name went before."""
    for node, pod in formed.pods.items():
        assert f"NodeAddr={pod.host.address} " in formed.slurm("scontrol", "-o", "show", "node", node)
        assert pod.host.address == pod.must("status.sh")["slurm.listens"]


@pytest.mark.parametrize("node", [HEAD, WORKERS[0]])
def test_jobs_of_every_kind_run_from_head_and_worker(formed: Formed, node: str) -> None:
    """The controller is up, an allocation takes a step, a batch job's steps on all nodes write into its output."""
    host = formed.pods[node].host
    output = formed.rack.shared / f"{node}.out"

    pinged = host.must(["scontrol", "ping"])
    allocated = host.must(["salloc", "-Q", "-N2", "-t", "1", "srun", "printenv", "SLURMD_NODENAME"])
    batch = ["sbatch", "-W", "-N3", "-t", "1", "-o", f"/shared/{output.name}", "--wrap"]
    host.must([*batch, "srun printenv SLURMD_NODENAME"])

    assert "is UP" in pinged
    assert 2 == len(allocated.splitlines())
    assert sorted(NODES) == sorted(output.read_text().splitlines())


def test_a_job_that_is_requeued_runs_again(formed: Formed) -> None:
    """It is ended on its node, waits, and is started once more, its output going on."""
    batch = ("sbatch", "--parsable", "--requeue", "-w", WORKERS[0], "-o", "/dev/null", "--wrap", "sleep 600")
    job = formed.slurm(*batch).strip()
    state = ("squeue", "-h", "-j", job, "-o", "%t")
    until(lambda: "R" == formed.slurm(*state).strip(), 60, "the job to run")

    formed.slurm("scontrol", "requeue", job)
    until(lambda: "PD" == formed.slurm(*state).strip(), 60, "the job to wait again")
    # Slurm lets it wait for two minutes, so that no node still takes it for the one before.
    formed.slurm("scontrol", "update", f"jobid={job}", "starttime=now")
    until(lambda: "R" == formed.slurm(*state).strip(), 60, "the job to run again")
    record = formed.slurm("scontrol", "-o", "show", "job", job)

    formed.slurm("scancel", job)
    assert " Restarts=1 " in record


@pytest.mark.real("slurm", "gcc")
def test_a_single_node_without_a_network_keeps_to_itself(new_pod: Callable[..., PodHost]) -> None:
    """All of it is on loopback, and a step runs."""
    pod = new_pod(1)
    pod.must("munge-key.sh", stdin=new_key())
    pod.must("hosts.sh", stdin=f"{LOOPBACK} {HEAD}\n")

    said = pod.must("slurm-head.sh", "--cluster", "lab", "--node", HEAD, "--address", LOOPBACK, "--compute")
    name = pod.host.must(["srun", "-t", "1", "--gres=gpu:1", "printenv", "SLURMD_NODENAME"])

    assert (LOOPBACK, None) == (said["listens"], said.get("note"))
    assert {(LOOPBACK, 6817), (LOOPBACK, 6818)} == open_ports(pod)
    assert f"{HEAD}\n" == name


def test_a_container_that_starts_again_finds_its_way_back(formed: Formed) -> None:
    """Its engine writes /etc/hosts anew: its start brings back the names, and joining leads its own as before."""
    node = WORKERS[0]
    pod = formed.pods[node]
    private = pod.host.must(["sh", "-c", "grep runpod.internal /etc/hosts"])
    pod.must("stop-slurm.sh", "--keep-munge")
    (pod.host.root / "etc/hosts").write_text(container_hosts(pod.id, int(pod.outer.rpartition(".")[2])) + private)

    lost = pod.must("status.sh")["slurm.own_name"]
    pod.must("boot.sh")
    known = pod.host.must(["getent", "ahostsv4", HEAD]).split()[0]
    pod.must("start-exporter.sh", "--node", node, "--token", stdin=TOKEN)
    formed.join(node)

    assert ("lost", formed.head.host.address) == (lost, known)
    assert "ok" == pod.must("status.sh")["slurm.own_name"]
    assert set() == elsewhere(pod.host)
    formed.slurm("srun", "-w", node, "-t", "1", "true")


def test_all_that_was_written_into_hosts_can_be_taken_back(formed: Formed) -> None:
    """Without a line, hosts.sh leaves the file as the container's engine wrote it."""
    pod = formed.pods[WORKERS[1]]
    path = pod.host.root / "etc/hosts"
    ours = path.read_text()

    pod.must("hosts.sh")
    left = path.read_text()
    path.write_text(ours)

    assert "gpu-watchdog" not in left
    assert f"{pod.outer} {pod.id}\n" in left
