"""The scripts form a real cluster, may be run again, and say how it stands."""

from __future__ import annotations

import base64

import pytest

from app.services.deploy.bundle import fingerprint
from tests.real.pod.conftest import HEAD, TOKEN, WORKERS, Formed
from tests.real.pod.pods import HOME, PodHost
from tests.real.slurm.daemons import until
from tests.real.slurm.namespaces import ClusterError

NODES = (HEAD, *WORKERS)
ASK = """\
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
sys.stdout.write(urllib.request.urlopen(request, timeout=5).read().decode())
"""


def page(pod: PodHost, path: str, token: str = TOKEN) -> str:
    """What the exporter answers on the pod's own loopback."""
    python = pod.environ.get("GPU_WATCHDOG_PYTHON", "/usr/bin/python3")
    return pod.host.must([python, "-c", ASK, f"http://127.0.0.1:9400{path}", token])


def record(formed: Formed, node: str) -> str:
    """What the controller says of a node."""
    return formed.slurm("scontrol", "-o", "show", "node", node)


def test_job_runs_on_all_nodes_with_their_gpus_numbered_from_0(formed: Formed) -> None:
    """One job spans head and workers, and CUDA is told 0, 1 where the device files are nvidia3 and nvidia5."""
    words = ("srun", "-N3", "--gres=gpu:1", "-t", "1", "sh", "-c", "echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES")
    both = ("srun", "-N1", "-w", WORKERS[0], "--gres=gpu:h100:2", "-t", "1", "printenv", "CUDA_VISIBLE_DEVICES")

    assert sorted(f"{node} 0" for node in NODES) == sorted(formed.slurm(*words).splitlines())
    assert "0,1\n" == formed.slurm(*both)


def test_node_says_which_pod_plays_it_and_what_it_has(formed: Formed) -> None:
    """Pod id, GRES of its type, and a host name that is not the node's stand in each record."""
    for node, gpus in zip(NODES, (2, 2, 1), strict=True):
        said = record(formed, node)
        pod = formed.pods[node]

        assert f"Gres=gpu:h100:{gpus} " in said
        assert f"NodeHostName={pod.id} " in said
        assert f"InstanceId={pod.id}" in said or f"Extra={pod.id}" in said


def test_running_everything_again_changes_nothing(formed: Formed) -> None:
    """Same answers with `changed=no`, the same processes, and a job that runs goes on."""
    before = {node: pod.must("status.sh") for node, pod in formed.pods.items()}
    job = formed.slurm("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "sleep 600").strip()
    until(lambda: "R" == formed.slurm("squeue", "-h", "-j", job, "-o", "%t").strip(), 60, "the job to run")

    answers = [formed.start_head(), *(formed.join(node) for node in WORKERS)]
    for node, pod in formed.pods.items():
        answers.append(dict(pod.must("munge-key.sh", stdin=formed.key)))
        answers.append(dict(pod.must("start-exporter.sh", "--node", node, "--token", stdin=TOKEN)))
    after = {node: pod.must("status.sh") for node, pod in formed.pods.items()}

    assert ["no"] * len(answers) == [one["changed"] for one in answers]
    for node in NODES:
        names = [key for key in before[node] if key.endswith(".pid")]
        assert len(names) >= 3
        assert [before[node][key] for key in names] == [after[node][key] for key in names]
    assert "R" == formed.slurm("squeue", "-h", "-j", job, "-o", "%t").strip()
    formed.slurm("scancel", job)


def test_node_that_was_taken_off_the_list_joins_again(formed: Formed) -> None:
    """Its slurmd runs on and would never come back by itself; the script sees that and starts it anew."""
    node = WORKERS[1]
    left = formed.head.must("slurm-leave.sh", "--node", node)
    again = formed.head.must("slurm-leave.sh", "--node", node)

    joined = formed.join(node)

    assert ("yes", "no") == (left["removed"], again["removed"])
    assert "yes" == joined["changed"]
    assert "NodeName=lab-w2 " in record(formed, node)


def test_busy_node_does_not_leave(formed: Formed) -> None:
    """A node with a job stays on the list, and the trouble names the job."""
    job = formed.slurm("sbatch", "--parsable", "-w", WORKERS[0], "-o", "/dev/null", "--wrap", "sleep 600").strip()
    until(lambda: "R" == formed.slurm("squeue", "-h", "-j", job, "-o", "%t").strip(), 60, "the job to run")

    said = formed.head.script("slurm-leave.sh", "--node", WORKERS[0])

    formed.slurm("scancel", job)
    assert (70, "node_busy") == (said.code, said.trouble)
    assert job in said.err


def test_exporter_serves_gpus_and_logs_on_loopback_to_who_has_the_token(formed: Formed) -> None:
    """The page has the node's name and GPUs; the logs of munge and slurmd are served; without the token: nothing."""
    pod = formed.pods[WORKERS[0]]

    metrics = page(pod, "/metrics")
    log = page(pod, "/logs/slurmd")

    assert 2 == metrics.count("DCGM_FI_DEV_GPU_UTIL{")
    assert 'Hostname="lab-w1"' in metrics
    assert "slurmd version" in log
    assert "munged" in page(pod, "/logs/munge")
    with pytest.raises(ClusterError, match="401"):
        page(pod, "/metrics", token="another-token-than-ours")
    assert TOKEN not in pod.host.must(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"])


def test_munge_key_comes_back_from_the_head_and_stands_in_no_log(formed: Formed) -> None:
    """For a cluster that grows the key is read back; no log or argument of a process ever has it."""
    printed = formed.head.script("munge-key.sh", "--print").out.strip()
    raw = base64.b64decode(printed)
    said = formed.head.host.must(["sh", "-c", "cat /var/log/gpu-watchdog/* /proc/[0-9]*/cmdline"])

    assert formed.key == printed
    assert 1024 == len(raw)
    assert formed.key[:40] not in said


def test_work_on_a_worker_is_known_to_the_head(formed: Formed) -> None:
    """What a worker's watchdog writes into its node's record is what the head's reads, and a job is work for both."""
    code = "from pod import busy; {}; print(busy.marks_since(1700000000), busy.marks_since(1700000100), busy.jobs())"
    worker = formed.pods[WORKERS[0]]

    def asked(pod: PodHost, first: str) -> str:
        python = pod.environ.get("GPU_WATCHDOG_PYTHON", "/usr/bin/python3")
        return pod.host.must(["env", f"PYTHONPATH={HOME}", python, "-B", "-c", code.format(first)])

    assert "True False False\n" == asked(worker, f"busy.mark({WORKERS[0]!r}, 1700000100)")
    assert "True False False\n" == asked(formed.head, "0")


def test_status_and_logs_tell_how_it_stands(formed: Formed) -> None:
    """Every service with its state, the node as the controller sees it; log.sh prints the last lines."""
    said = formed.pods[WORKERS[0]].must("status.sh")

    wanted = {
        "service.exporter": "running",
        "service.munge": "running",
        "service.slurmd": "running",
        "service.slurmctld": "stopped",
        "munge": "ok",
        "exporter": "ok",
        "slurm.node": WORKERS[0],
        "slurm.controller": "up",
        "model": "stopped",
    }
    assert wanted == {key: said.get(key) for key in wanted}
    assert "DYNAMIC_NORM" in said["slurm.state"]
    assert 3 == len(formed.head.script("log.sh", "slurmctld", "3").out.splitlines())


def test_daemon_that_dies_is_started_again(formed: Formed) -> None:
    """A slurmd killed without a word is back in seconds, and its node answers."""
    pod = formed.pods[WORKERS[1]]
    pid = pod.must("status.sh")["service.slurmd.pid"]

    pod.host.must(["kill", "-KILL", pid])
    until(lambda: pod.must("status.sh").get("service.slurmd.pid", pid) != pid, 60, "slurmd to be started again")

    assert "1" == pod.must("status.sh")["service.slurmd.restarts"]
    formed.slurm("srun", "-w", WORKERS[1], "-t", "1", "true")


def test_slurm_stops_and_starts_again(formed: Formed) -> None:
    """stop-slurm.sh ends the daemons of a worker and says which; run again it joins as before."""
    pod = formed.pods[WORKERS[0]]

    stopped = pod.must("stop-slurm.sh")
    again = pod.must("stop-slurm.sh")
    state = pod.must("status.sh")["service.slurmd"]
    pod.must("munge-key.sh", stdin=formed.key)
    formed.join(WORKERS[0])

    assert ("slurmd munge", "", "stopped") == (stopped["stopped"], again["stopped"], state)
    formed.slurm("srun", "-w", WORKERS[0], "--gres=gpu:2", "-t", "1", "true")


@pytest.mark.parametrize("node", NODES)
def test_fingerprint_on_the_pod_is_that_of_the_bundle(formed: Formed, node: str) -> None:
    """What was unpacked is what was packed, told by one short line."""
    assert fingerprint() == formed.pods[node].script("fingerprint.sh").out.strip()
