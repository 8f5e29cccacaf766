"""`deploy --stop`: what the daemon goes on with is stopped from anywhere; what somebody else works on is not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from app.cli import deploy_run, errors
from app.domain.deployment import State
from app.services.deploy.agreement import Agreement, carrier_folder, write_agreement
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.lock import locked
from tests.cli.conftest import Run
from tests.cli.deploying import FakeDeploys, deployment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeploymentFolder:
    """A deployment that somebody works on."""
    fake = FakeDeploys(tmp_path, {"lab": deployment(state=State.DEPLOYING)})
    monkeypatch.setattr(deploy_run, "deploying", fake.opened)
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(tmp_path))
    made = folder_of(tmp_path, "lab")
    made.make()
    return made


@contextlib.contextmanager
def daemon(folder: DeploymentFolder) -> Iterator[None]:
    """It goes on with the deployment until what was agreed to is taken away, and a moment longer."""
    begun = threading.Event()

    def carry() -> None:
        with locked(carrier_folder(folder.path.parent.parent), "carry"), locked(folder, "deploy"):
            write_agreement(folder, Agreement("ab12cd34"))
            begun.set()
            while folder.agreed.is_file():
                sleep(0.02)
            sleep(0.2)

    thread = threading.Thread(target=carry)
    thread.start()
    begun.wait(10)
    yield
    thread.join(10)


def test_the_daemon_is_waited_for(run: Run, folder: DeploymentFolder) -> None:
    """It lets go where that is safe; what is billed on is told."""
    with daemon(folder):
        answer = run("deploy", "lab", "--stop")

    assert errors.OK == answer.code
    assert answer.out.startswith("lab was stopped; billed: $0.80/h for lab-head, lab-w1;")
    assert "the daemon ends first what Terraform is at" in answer.err
    assert not folder.agreed.exists()


def test_somebody_elses_run_is_stopped_where_it_was_begun(run: Run, folder: DeploymentFolder) -> None:
    """And where nothing goes on there is nothing to stop."""
    with locked(folder, "deploy"):
        held = run("deploy", "lab", "--stop")
    idle = run("deploy", "lab", "--stop")

    assert errors.BUSY == held.code
    assert "stop it where it was begun, with Ctrl-C" in held.err
    assert (errors.UNAVAILABLE, "nothing goes on with lab\n") == (idle.code, idle.err)


def test_what_was_left_and_not_taken_up_yet_is_taken_back(run: Run, folder: DeploymentFolder) -> None:
    """Nobody goes on with it then."""
    write_agreement(folder, Agreement("ab12cd34"))

    assert errors.OK == run("deploy", "lab", "--stop", "--json").code
    assert not folder.agreed.exists()
