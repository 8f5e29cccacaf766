"""A deployment that the screen began and that its daemon finishes: the screen is left, loses its line, or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.deploy.customer import ROOT, Customer, customer
from tests.real.deploy.pods import Quirks
from tests.terminal.tmux import Terminal, python, terminal

pytestmark = [pytest.mark.real("terraform", "slurm", "gcc", "ssh", "tmux"), pytest.mark.terminal]
SIZE = (120, 40)


@pytest.fixture
def user(state_dir: Path) -> Iterator[Customer]:
    """Somebody whose second pod takes a while to boot: time to leave in."""
    with customer(state_dir, {"w1": Quirks(boot_s=8.0)}) as made:
        yield made


@contextmanager
def serving(user: Customer) -> Iterator[None]:
    """The daemon of this user."""
    words = (sys.executable, "-m", "app", "serve", "--interval", "1")
    daemon = subprocess.Popen(words, cwd=ROOT, env=user.environ(), stderr=subprocess.PIPE, text=True)
    try:
        assert daemon.stderr is not None
        while "serving" not in (line := daemon.stderr.readline()):
            assert line, "the daemon ended"
        yield
    finally:
        daemon.terminate()
        daemon.communicate(timeout=90)


def begun(shell: Terminal) -> int:
    """Deploy two nodes from the Infra page until it waits for a pod; the screen's process."""
    shell.run(*python("-m", "app", "tui"))
    shell.shows("home", "infra")
    shell.press("6")
    shell.shows("N begins one")
    shell.press("N")
    shell.shows("New deployment")
    shell.type("H100")  # the first field that is empty
    shell.shows("2 nodes of 1 GPU (H100")
    shell.press("Enter")
    shell.shows("y do it", "2 to rent")
    shell.press("y")
    shell.until(lambda text: "▸ reach" in text)
    children = Path(f"/proc/{shell.pid_of_pane()}/task/{shell.pid_of_pane()}/children").read_text().split()
    return int(children[-1])


@pytest.mark.parametrize("way", ["left", "hung up", "killed"])
def test_the_daemon_finishes_what_the_screen_began(user: Customer, way: str) -> None:
    """It says so before; the cluster is ready soon after, with the pods that were made, and a job has run on it."""
    with serving(user), terminal(user.home / "terminal", user.environ(), *SIZE) as shell:
        process = begun(shell)
        made = set(user.runpod.pods)
        if way == "left":
            shell.press("q")
            shell.shows("the daemon (process", "goes on deploying it")
            shell.press("y")
        else:
            os.kill(process, signal.SIGHUP if way == "hung up" else signal.SIGKILL)
        user.until(lambda: not Path(f"/proc/{process}").exists())
        user.until(lambda: "ready" == user.json("deploy", "lab", "--status")["deployment"]["state"], 120.0)
        journal = (user.folder / "events.ndjson").read_text()

        assert made == set(user.runpod.pods)
        assert 2 == len(made)
        assert 1 == journal.count("whoever began it has left: the daemon goes on with it")
        assert "A job ran on 2 nodes at once" in journal
        assert not (user.folder / "agreed.json").exists()
