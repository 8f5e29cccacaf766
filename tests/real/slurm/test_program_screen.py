"""The screen on a real cluster, in a real terminal: what it shows and does by key is what Slurm has afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.real.slurm.cluster import SlurmCluster
from tests.real.slurm.pages import serving
from tests.real.slurm.program import Program, program
from tests.real.slurm.test_program_nodes import DOWN_WITHIN_S, INTERVAL_S
from tests.terminal.tmux import Terminal, terminal

pytestmark = [pytest.mark.real("tmux"), pytest.mark.terminal]

NODES = ("node1", "node2", "node3")


@contextmanager
def screen(cluster: SlurmCluster, way: str, folder: Path, user: str) -> Iterator[tuple[Terminal, Program]]:
    """The screen, open and with its first picture of the whole cluster; it is left by its own key at the end."""
    with serving(NODES) as pages:
        opened = program(cluster, way, folder, pages=pages, user=user, interval_s=INTERVAL_S)
        names = ("PATH", "GPU_WATCHDOG_STATE_DIR", "XDG_RUNTIME_DIR")
        environ = {"TERM": "xterm-256color", **{name: opened.environ[name] for name in names}}
        with terminal(folder / "home", environ) as shell:
            shell.run(*opened.words, "tui", *opened.options)
            shell.shows("LIVE", "24/24 GPUs", *NODES)
            yield shell, opened
            shell.press("q")
            shell.until(lambda text: text.rstrip().endswith("$"))


def confirm(shell: Terminal, *words: str) -> None:
    """Read the dialogue, say yes, and wait until it is gone: it stays when Slurm refuses."""
    shell.shows(*words, "do it")
    shell.press("y")
    shell.until(lambda text: not any(word in text for word in (*words, "do it", "any key")))


def order(shell: Terminal, line: str, *words: str) -> None:
    """Type a command line and confirm it."""
    shell.press(":")
    shell.type(line)
    shell.press("Enter")
    confirm(shell, *words)


@pytest.mark.parametrize("way", ["local", "ssh"])
def test_job_is_seen_and_cancelled_by_key(cluster: SlurmCluster, short_folder: Path, way: str) -> None:
    """The queue shows who has which GPUs; `x` shows the exact command, `y` does it, and Slurm has cancelled the job."""
    job = cluster.slurm.running("-J", "doomed", "--gres=gpu:2", "-w", "node2")
    other = cluster.slurm.running("-J", "stays", "--gres=gpu:1", "-w", "node3", user="bob")
    with screen(cluster, way, short_folder, "alice") as (shell, alice):
        shell.press("3")
        shell.shows("doomed", "stays", "2 running", "3 of 24 GPUs allocated")
        shell.press("x")
        confirm(shell, f"cancel job {job} (alice, doomed)", f"scancel {job}")
        cluster.slurm.await_job(job, "CANCELLED")
        shell.shows("1 running")

    assert {other: "RUNNING"} == cluster.slurm.queue()
    assert [("cancel", [job])] == [
        (fact["verb"], fact["targets"]) for fact in alice.audit() if fact["fact"] == "intent"
    ]


def test_what_the_chat_proposes_is_done_by_its_key_alone(cluster: SlurmCluster, short_folder: Path) -> None:
    """Asked for in the chat, a cancellation is shown with its command; only `y` on it has Slurm cancel the job."""
    job = cluster.slurm.running("-J", "doomed", "--gres=gpu:2", "-w", "node2")
    with screen(cluster, "local", short_folder, "alice") as (shell, alice):
        shell.press("5")
        shell.shows("offline analyst")
        shell.type(f"cancel job {job}")
        shell.press("Enter")
        shell.shows(f"$ scancel {job}", "tab comes here")
        asked = cluster.slurm.queue()
        shell.press("Tab")
        shell.shows("y do it")
        shell.press("y")
        cluster.slurm.await_job(job, "CANCELLED")
        shell.shows("cancelled")
        shell.press("Escape")
        shell.shows("The queue is empty")

    assert {job: "RUNNING"} == asked
    assert [("cancel", [job])] == [
        (fact["verb"], fact["targets"]) for fact in alice.audit() if fact["fact"] == "intent"
    ]


def test_job_is_held_released_and_requeued_by_key(cluster: SlurmCluster, short_folder: Path) -> None:
    """`h` holds the chosen job that waits, `r` lets it go, `R` begins it anew; the queue says why it waits."""
    job = cluster.slurm.submit("-J", "waits", "--gres=gpu:8", "--begin=now+1hour")
    with screen(cluster, "local", short_folder, "alice") as (shell, _):
        shell.press("3")
        shell.shows("waits", "1 pending")
        shell.press("h")
        confirm(shell, f"scontrol hold {job}")
        held = cluster.slurm.job(job)["Reason"]
        # In its row, and not only in what is told of the deed: what is not known to be held is not released.
        shell.until(lambda text: any("waits" in line and "held" in line for line in text.splitlines()))
        shell.press("r")
        confirm(shell, f"scontrol release {job}")
        released = cluster.slurm.job(job)["Reason"]
        cluster.head.must(["scontrol", "update", f"jobid={job}", "starttime=now"])
        cluster.slurm.await_job(job, "RUNNING")
        shell.shows("1 running")
        shell.press("R")
        confirm(shell, f"scontrol requeue {job}")

    assert "JobHeldUser" == held
    assert "JobHeldUser" != released
    assert "1" == cluster.slurm.job(job)["Restarts"]


def test_node_is_drained_and_resumed_by_command(cluster: SlurmCluster, short_folder: Path) -> None:
    """`:drain` takes a node out with a reason that the page of nodes shows, and `:undrain` gives it back."""
    with screen(cluster, "local", short_folder, "root") as (shell, _):
        shell.press("0")
        shell.shows("Partitions", "is the default")
        order(shell, "drain node2 fan 2 is loud", "State=DRAIN")
        drained = cluster.slurm.node("node2")
        shell.shows("fan 2 is loud")
        order(shell, "undrain node2", "State=RESUME")
        shell.until(lambda text: "fan 2 is loud" not in text)

    assert "DRAIN" in drained["State"]
    assert drained["Reason"].startswith("fan 2 is loud [root@")
    assert {"IDLE", "DYNAMIC_NORM"} == cluster.slurm.standing("node2")


@pytest.mark.clock
def test_dead_node_is_shown_deleted_and_seen_again(cluster: SlurmCluster, short_folder: Path) -> None:
    """A dead machine is down on the screen two looks after Slurm says so; `:delete` forgets it; its heir is seen."""
    with screen(cluster, "local", short_folder, "root") as (shell, _):
        shell.press("0")
        shell.shows("Partitions", "is the default")
        cluster.kill_host("node3")
        cluster.slurm.await_node("node3", "DOWN", DOWN_WITHIN_S)
        down_at = monotonic()
        shell.until(lambda text: any("node3" in line and "down" in line.lower() for line in text.splitlines()))
        took_s = monotonic() - down_at
        order(shell, "delete node3", "scontrol delete NodeName=node3")
        gone = cluster.slurm.node("node3")
        cluster.add_host("node3")
        cluster.start_slurmd("node3")
        cluster.slurm.await_node("node3", "IDLE")
        shell.until(lambda text: any("node3" in line and "idle" in line.lower() for line in text.splitlines()))

    assert took_s <= 2 * INTERVAL_S + 1
    assert {} == gone
