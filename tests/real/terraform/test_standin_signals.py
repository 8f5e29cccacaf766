"""What an interrupt leaves behind, with each of the ways that providers take it: the base of all our own care."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.workbench import Run, Workbench, ended

pytestmark = pytest.mark.real("terraform")

PODS = """
resource "runpod_pod" "node" {
  for_each      = toset(["head", "w1"])
  name          = "lab-${each.key}"
  image         = "runpod/base:1"
  gpu_type_id   = "NVIDIA L40S"
  desired_state = "RUNNING"
}
"""


def until(is_so: Callable[[], bool], within_s: float = 60) -> None:
    """Wait for something that another process does."""
    deadline = monotonic() + within_s
    while not is_so():
        assert monotonic() < deadline, "it never came"
        sleep(0.01)


def children(pid: int) -> list[str]:
    """Processes that a process has started."""
    return [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def interrupted(bench: Workbench, stop: Callable[[subprocess.Popen[str]], None]) -> Run:
    """Apply two pods one after the other, and stop it while the first one is being created."""
    bench.write(PODS)
    process = bench.start("apply", "-auto-approve", "-json", "-parallelism=1")
    until(lambda: any(each["method"] == "POST" for each in bench.runpod.requests))
    stop(process)
    return ended(process)


def sigint(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def sigint_to_all(process: subprocess.Popen[str]) -> None:
    """As a terminal's Ctrl-C does: the provider gets it too."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("stop", [sigint, sigint_to_all], ids=["terraform alone", "the whole group"])
def test_a_graceful_provider_loses_nothing(tmp_path: Path, stop: Callable[[subprocess.Popen[str]], None]) -> None:
    """The create under way is finished and in the state, the next one is not begun; Terraform ends with 1."""
    with Emulator(knobs={"create_delay_s": 1.0}) as runpod:
        run = interrupted(bench := Workbench(tmp_path, runpod), stop)

        assert (1, 1) == (run.status, len(runpod.pods))
        assert set(runpod.pods) == {each["id"] for each in bench.state.values()}


def test_a_cancelling_provider_leaks_a_pod_that_comes_later(tmp_path: Path) -> None:
    """Terraform has ended and its state is empty; only then the pod appears, and is billed."""
    with Emulator(knobs={"create_delay_s": 4.0}) as runpod:
        run = interrupted(bench := Workbench(tmp_path, runpod, stop="cancel"), sigint)
        at_the_end = len(runpod.pods)
        until(lambda: bool(runpod.pods))

        assert (1, 0, {}) == (run.status, at_the_end, bench.state)
        assert "context canceled" in run.text


def test_a_create_that_waits_is_tainted_when_it_is_cancelled(tmp_path: Path) -> None:
    """A provider that waits for its pod to run has it in the state when it is cancelled, and replaces it next time."""
    with Emulator(knobs={"running_after_s": 3600.0}) as runpod:
        bench = Workbench(tmp_path, runpod, stop="cancel", environ={"STANDIN_WAIT_POLLS": "1000"})

        def once_it_exists(process: subprocess.Popen[str]) -> None:
            until(lambda: sum(each["method"] == "GET" for each in runpod.requests) > 0)
            sigint(process)

        run = interrupted(bench, once_it_exists)
        plan = bench.run("plan", "-json")

        assert (1, set(runpod.pods)) == (run.status, {each["id"] for each in bench.state.values()})
        assert ["create", "replace"] == sorted(plan.changes().values())


def test_a_stock_provider_does_not_respond(tmp_path: Path) -> None:
    """The server of the library as it is ends at once: Terraform says so, and the pod is in no state."""
    with Emulator(knobs={"create_delay_s": 1.0}) as runpod:
        run = interrupted(bench := Workbench(tmp_path, runpod, stop="stock"), sigint)
        until(lambda: bool(runpod.pods))

        assert (1, {}) == (run.status, bench.state)
        assert "Plugin did not respond" in run.text


def test_a_second_interrupt_leaks_even_with_a_graceful_provider(tmp_path: Path) -> None:
    """Two interrupts end Terraform at once, whatever its provider would have done."""

    def twice(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)
        sleep(0.3)  # Terraform takes two that come together for one
        process.send_signal(signal.SIGINT)

    with Emulator(knobs={"create_delay_s": 4.0}) as runpod:
        run = interrupted(bench := Workbench(tmp_path, runpod), twice)
        until(lambda: bool(runpod.pods))

        assert (1, {}) == (run.status, bench.state)


def test_a_killed_terraform_keeps_what_was_complete(tmp_path: Path) -> None:
    """After kill -9 the state has the pods that were finished, no lock hinders the next run, and no provider stays."""
    with Emulator(knobs={"create_delay_s": 1.0}) as runpod:
        bench = Workbench(tmp_path, runpod)
        bench.write(PODS)
        process = bench.start("apply", "-auto-approve", "-json", "-parallelism=1")
        until(lambda: sum(each["method"] == "POST" for each in runpod.requests) == 2)
        providers = children(process.pid)
        process.kill()
        ended(process)
        until(lambda: len(runpod.pods) == 2)
        until(lambda: not any(Path("/proc", pid).exists() for pid in providers))
        plan = bench.run("plan", "-json")

        assert (1, 1) == (len(providers), len(bench.state))
        assert (0, ["create"]) == (plan.status, list(plan.changes().values()))
