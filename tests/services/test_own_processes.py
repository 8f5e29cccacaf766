"""Signals to one's own processes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.audit import Audit, actor_of
from app.services.own_processes import OwnProcesses, ProcessError

HERE = socket.gethostname()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours."""
    code = "import time; print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # from now on /proc shows it as itself, not as the fork of this test
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


def own(folder: Path, proc: Path = Path("/proc")) -> OwnProcesses:
    return OwnProcesses(Audit(folder, actor_of({}, "ana", face="screen")), lambda: 1000.0, proc=proc)


async def test_own_process_is_signalled_and_written_down(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """The plan shows the command; it ends the process; intent and outcome are in the audit log."""
    processes = own(tmp_path)
    plan = processes.plan(HERE, sleeper.pid, "term")
    outcome = await processes.perform(plan)

    assert (("kill", "-TERM", str(sleeper.pid)),) == plan.commands
    assert "time.sleep" in plan.hits[0]
    assert outcome.ok
    assert -signal.SIGTERM == sleeper.wait(timeout=10)
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert ["intent", "outcome"] == [line["fact"] for line in lines]


def test_foreign_elsewhere_and_gone_processes_are_refused(tmp_path: Path) -> None:
    """Process 1 is not ours (or we are root and it is: then another machine's is still refused)."""
    with pytest.raises(ProcessError, match="runs on gpu-99"):
        own(tmp_path).plan("gpu-99", 1, "TERM")
    with pytest.raises(ProcessError, match="gone"):
        own(tmp_path, tmp_path).plan(HERE, 4711, "TERM")
    with pytest.raises(ProcessError, match="INT, TERM, KILL"):
        own(tmp_path).plan(HERE, 1, "STOP")


def test_somebody_elses_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]
) -> None:
    """The owner in /proc decides."""
    monkeypatch.setattr("os.getuid", lambda: 54321)

    with pytest.raises(ProcessError, match="is not yours"):
        own(tmp_path).plan(HERE, sleeper.pid, "TERM")


async def test_process_that_ended_meanwhile_is_not_hit(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Between the plan and the yes it went: said so, nobody else is signalled."""
    processes = own(tmp_path)
    plan = processes.plan(HERE, sleeper.pid, "KILL")
    sleeper.kill()
    sleeper.wait()

    outcome = await processes.perform(plan)

    assert not outcome.ok
    assert plan.is_severe
