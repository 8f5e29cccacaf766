"""What goes wrong on a pod ends with a code and a sentence, and with nothing half done."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.pod.conftest import new_key
from tests.real.pod.pods import LENT, PodHost
from tests.real.slurm.daemons import until

pytestmark = pytest.mark.real("slurm", "gcc")

NewPod = Callable[..., PodHost]
LISTEN = """\
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
sys.stdin.read()
"""
SKEW = textwrap.dedent(
    """\
    #define _GNU_SOURCE
    #include <sys/time.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    time_t time(time_t *to) {
        struct timespec now;
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
        time_t told = now.tv_sec + SKEW_S;
        if (to) *to = told;
        return told;
    }
    """
)
"""A library that makes time(2) wrong for one program: a namespace cannot have a wall clock of its own."""


def listen(pod: PodHost, address: str, port: int) -> subprocess.Popen[bytes]:
    """Take a port on a pod before ours can."""
    words = pod.host.words(["python3", "-c", LISTEN, address, str(port)])
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"up\n" == process.stdout.readline()
    return process


def close(process: subprocess.Popen[bytes]) -> None:
    """Let it go."""
    process.communicate(timeout=10)


def worker_words(pod: PodHost, head: str) -> tuple[str, ...]:
    """How a pod is told to join."""
    return ("--node", "lab-w1", "--head", head, "--instance-id", pod.id, "--within", "4")


def ready(new_pod: NewPod, key: str, gpus: int = 1) -> PodHost:
    """A pod with munge on a key."""
    pod = new_pod(gpus)
    pod.must("munge-key.sh", stdin=key)
    return pod


def start_head(pod: PodHost) -> None:
    """Run a controller there."""
    pod.must("slurm-head.sh", "--cluster", "lab", "--node", "lab-head", "--address", pod.host.address)


def test_pods_with_other_munge_keys_do_not_trust_each_other(new_pod: NewPod) -> None:
    """The check says munge_mismatch, and so does the worker that tries to join; with the head's key it joins."""
    key = new_key()
    head, worker = ready(new_pod, key), ready(new_pod, new_key())
    start_head(head)

    checked = head.script("munge-check.sh", "--verify", stdin=worker.script("munge-check.sh", "--make").out)
    refused = worker.script("slurm-worker.sh", *worker_words(worker, head.host.address))
    worker.must("munge-key.sh", stdin=key)
    trusted = head.must("munge-check.sh", "--verify", stdin=worker.script("munge-check.sh", "--make").out)
    joined = worker.script("slurm-worker.sh", *worker_words(worker, head.host.address), "--within", "30")

    assert "munge_mismatch" == checked.trouble
    assert (70, "munge_mismatch") == (refused.code, refused.trouble)
    assert "ok" == trusted["munge"]
    assert 0 == joined.code, joined.err


@pytest.mark.parametrize(("skew_s", "words"), [(-900, "behind"), pytest.param(900, "ahead", marks=pytest.mark.slow)])
def test_clocks_too_far_apart_are_told(new_pod: NewPod, tmp_path: Path, skew_s: int, words: str) -> None:
    """A credential made a quarter of an hour ago, or to come, is a matter of clocks and not of keys."""
    key = new_key()
    here, there = ready(new_pod, key), new_pod(1)
    library = tmp_path / "skew.so"
    built = ["gcc", "-shared", "-fPIC", f"-DSKEW_S={skew_s}", "-x", "c", "-", "-o", str(library)]
    subprocess.run(built, input=SKEW, text=True, check=True)
    (there.host.root / LENT.lstrip("/") / "skew.so").write_bytes(library.read_bytes())
    there.must("munge-key.sh", stdin=key, environ={"LD_PRELOAD": f"{LENT}/skew.so"})

    said = here.script("munge-check.sh", "--verify", stdin=there.script("munge-check.sh", "--make").out)

    assert "clock_skew" == said.trouble
    assert words in said.err


def test_full_disk_is_named_before_and_in_the_middle(new_pod: NewPod) -> None:
    """What is needed and what is left is said first; a write that finds no room says so, and the old file stays."""
    pod = new_pod(1)
    pod.must("munge-key.sh", stdin=new_key())
    before = pod.script("munge-key.sh", "--print").out
    pod.host.must(["sh", "-c", "mount -t tmpfs -o size=64k t /run/gpu-watchdog"])
    pod.host.run(["sh", "-c", "dd if=/dev/zero of=/run/gpu-watchdog/fill bs=4k count=100 2>/dev/null"])

    late = pod.script("munge-key.sh", stdin=new_key())
    pod.host.must(["mount", "-t", "tmpfs", "-o", "size=1m", "t", "/var/log/gpu-watchdog"])
    early = pod.script("install.sh")

    assert (70, "disk_full") == (late.code, late.trouble), late.err
    assert before == pod.script("munge-key.sh", "--print").out
    assert (70, "disk_full") == (early.code, early.trouble)
    assert "/var/log/gpu-watchdog has 1 MiB left and 1024 are needed" in early.err


def test_pod_without_gpus_does_not_join(new_pod: NewPod) -> None:
    """The driver does not answer: the exporter runs and says so, the worker's script ends with no_gpu."""
    pod = ready(new_pod, new_key())
    assert pod.nvml is not None
    pod.nvml.machine(init_error="DRIVER_NOT_LOADED")

    exporter = pod.script("start-exporter.sh", "--expect-gpus", "1")
    facts = pod.must("facts.sh")
    said = pod.script("slurm-worker.sh", *worker_words(pod, "10.77.0.250"))

    assert 0 == exporter.code, exporter.err
    assert "gpus" not in facts
    assert (70, "no_gpu") == (said.code, said.trouble)


def test_gpu_without_its_device_file_is_told(new_pod: NewPod) -> None:
    """The driver counts two GPUs and the container has one file: slurmd would wait for it and die."""
    pod = ready(new_pod, new_key(), gpus=2)
    (pod.host.root / "dev/nvidia1").unlink()

    said = pod.script("slurm-worker.sh", *worker_words(pod, "10.77.0.250"))

    assert "gpu_devices" == said.trouble


def test_port_that_somebody_else_has_is_told(new_pod: NewPod) -> None:
    """For the exporter and for the controller; once the port is free both start."""
    pod = ready(new_pod, new_key())
    takers = [listen(pod, "127.0.0.1", 9400), listen(pod, pod.host.address, 6817)]

    exporter = pod.script("start-exporter.sh")
    head = pod.script("slurm-head.sh", "--cluster", "lab", "--node", "lab-head", "--address", pod.host.address)
    for one in takers:
        close(one)
    pod.must("start-exporter.sh")
    start_head(pod)

    assert ("port_taken", "port_taken") == (exporter.trouble, head.trouble)


def test_head_that_cannot_be_reached_is_told(new_pod: NewPod) -> None:
    """Nothing answers, or the name is unknown: two troubles, since they are mended in two places."""
    pod = ready(new_pod, new_key())

    silent = pod.script("slurm-worker.sh", *worker_words(pod, "10.77.0.250"))
    unknown = pod.script("slurm-worker.sh", *worker_words(pod, "nobody.runpod.internal"))

    assert ("head_unreachable", "bad_address") == (silent.trouble, unknown.trouble)


@pytest.mark.parametrize(
    ("name", "words"),
    [("a" * 55 + ".b" * 4 + "x", "longer than 63"), ("localhost", "cannot lead to")],
)
def test_host_name_that_slurm_cannot_listen_by_is_told(new_pod: NewPod, name: str, words: str) -> None:
    """One of 64 characters would end every daemon, and localhost is everybody's; nothing is started."""
    pod = ready(new_pod, new_key())
    pod.host.must(["hostname", name])

    said = pod.script("slurm-head.sh", "--cluster", "lab", "--node", "lab-head", "--address", pod.host.address)

    assert (70, "bad_host_name") == (said.code, said.trouble)
    assert words in said.err
    assert "stopped" == pod.must("status.sh")["service.slurmctld"]


def test_longest_host_name_of_several_parts_is_fine(new_pod: NewPod) -> None:
    """63 characters, on a line of /etc/hosts with others, lead to the private address."""
    pod = ready(new_pod, new_key())
    name = "a" * 55 + ".b" * 4
    pod.host.must(["hostname", name])
    with (pod.host.root / "etc/hosts").open("a") as file:
        file.write(f"127.0.1.1 printer {name.upper()} {'a' * 55}\n")

    start_head(pod)

    assert pod.host.address == pod.host.must(["getent", "ahostsv4", name]).split()[0]
    assert "127.0.1.1" == pod.host.must(["getent", "ahostsv4", "printer"]).split()[0]
    assert pod.must("status.sh")["slurm.own_name"] == "ok"


def test_hosts_that_cannot_be_led_are_told(new_pod: NewPod) -> None:
    """A file that cannot be written, or a resolver that does not read it: Slurm would listen on another network."""
    pod = ready(new_pod, new_key())
    words = ("--cluster", "lab", "--node", "lab-head", "--address", pod.host.address)
    pod.host.must(["sh", "-c", "mount --bind /etc/hosts /etc/hosts && mount -o remount,bind,ro /etc/hosts"])

    locked = pod.script("slurm-head.sh", *words)
    pod.host.must(["umount", "/etc/hosts"])
    (pod.host.root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: dns\n")
    unread = pod.script("slurm-head.sh", *words)

    assert ("bad_host_name", "bad_host_name") == (locked.trouble, unread.trouble)
    assert "cannot be written" in locked.err
    assert f"leads to nowhere and not to {pod.host.address}" in unread.err


def test_name_with_an_ipv6_address_alone_is_told(new_pod: NewPod) -> None:
    """Slurm speaks IPv4 here: for the names of a cluster, and for the head's."""
    pod = ready(new_pod, new_key())
    with (pod.host.root / "etc/hosts").open("a") as file:
        file.write("fd00::7 six.runpod.internal\n")

    names = pod.script("hosts.sh", stdin="six.runpod.internal lab-head\n")
    worker = pod.script("slurm-worker.sh", *worker_words(pod, "six.runpod.internal"))

    assert ("bad_address", "bad_address") == (names.trouble, worker.trouble)
    assert "has an IPv6 address only" in names.err
    assert "has an IPv6 address only" in worker.err


def test_what_is_no_munge_key_is_refused(new_pod: NewPod) -> None:
    """Neither text nor a key that is too short replaces anything."""
    pod = new_pod(1)

    assert "bad_key" == pod.script("munge-key.sh", stdin="not base64!").trouble
    assert "bad_key" == pod.script("munge-key.sh", stdin="c2hvcnQ=").trouble
    assert "bad_key" == pod.script("munge-key.sh", "--print").trouble
    assert "munge_failed" == pod.script("slurm-worker.sh", *worker_words(pod, "10.77.0.250")).trouble


def test_image_whose_slurm_is_missing_or_old_is_told(new_pod: NewPod) -> None:
    """Without a mirror nothing can be installed: apt_failed; a Slurm without dynamic nodes: slurm_old."""
    pod = new_pod(1)
    old = pod.host.root / "usr/local/sbin/slurmd"
    old.write_text("#!/bin/sh\necho slurm-wlm 21.08.5\n")
    old.chmod(0o755)
    too_old = pod.script("install.sh", "--least-disk-mb", "64")
    for name in ("usr/local/sbin/slurmd", "usr/sbin/slurmd"):
        (pod.host.root / name).unlink()

    missing = pod.script("install.sh", "--least-disk-mb", "64", environ={"GPU_WATCHDOG_APT_TRIES": "1"})
    without = pod.script("install.sh", "--no-slurm", "--least-disk-mb", "64")

    assert "slurm_old" == too_old.trouble
    assert "apt_failed" == missing.trouble, missing.err
    assert 0 == without.code


def test_wrong_arguments_are_no_trouble_of_the_pod(new_pod: NewPod) -> None:
    """They end with 64 and the code usage; nothing is started."""
    pod = new_pod(1)

    for name, words in {
        "slurm-head.sh": ("--cluster", "Lab; rm -rf /"),
        "slurm-worker.sh": ("--node", "lab-w1"),
        "start-exporter.sh": ("--port", "x"),
        "watchdog.sh": ("--ttl-at", "soon"),
        "log.sh": ("slurmd", "many"),
        "start-model.sh": ("--model", "--x"),
    }.items():
        said = pod.script(name, *words)
        assert (64, "usage") == (said.code, said.trouble), name
    assert "unknown_log" == pod.script("log.sh", "../../etc/shadow", "5").trouble


def test_service_whose_supervisor_is_killed_is_told_and_started_again(new_pod: NewPod) -> None:
    """The orphan it leaves is ended first, so that the port is free."""
    pod = new_pod(1)
    pod.must("start-exporter.sh")
    supervisor = (pod.host.root / "run/gpu-watchdog/exporter.pid").read_text().strip()

    pod.host.must(["kill", "-KILL", supervisor])
    until(lambda: "failed" == pod.must("status.sh")["service.exporter"], 60, "the end to be seen")
    orphan = pod.script("start-exporter.sh")

    assert 0 == orphan.code, orphan.err
    assert "running" == pod.must("status.sh")["service.exporter"]
