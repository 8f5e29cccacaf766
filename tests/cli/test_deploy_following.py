"""`deploy --follow`: the run of another process, from its beginning to its end, through its journal."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from app.cli import deploy_run, errors
from app.cli.deploy_following import follow_run, last_run
from app.cli.deploy_sight import LineSight
from app.cli.deploy_told import LineTeller
from app.cli.output import Output
from app.domain.deployment import DeployEvent, State, Step, Told, Trouble
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.journal import Journal
from app.services.deploy.lock import locked
from tests.cli.conftest import Run
from tests.cli.deploying import AT, FakeDeploys, deployment
from tests.tools.fake_clock import FakeClock, HastyClock

OLD = (DeployEvent(AT, Told.NOTE, "long ago", Step.PODS), DeployEvent(AT + 1, Told.ENDED, "nothing is billed"))
NEW = DeployEvent(AT + 60, Told.BEGUN, "pods are made", Step.PODS)
END = DeployEvent(AT + 90, Told.ENDED, "2 pods cost $0.80/h")


def written(folder: DeploymentFolder, *events: DeployEvent) -> None:
    """A journal with these events."""
    folder.make()
    journal = Journal(folder, lambda text: text)
    for event in events:
        journal.append(event)


def teller() -> tuple[io.StringIO, LineTeller]:
    """Plain lines, and where they go."""
    err = io.StringIO()
    return err, LineTeller(Output(io.StringIO(), err, {}), LineSight(AT + 60), lambda: AT + 60)


def test_only_the_last_run_counts() -> None:
    """What came behind the end of the one before; the last one whole, when it has ended too."""
    assert [NEW] == last_run([*OLD, NEW])
    assert [NEW, END] == last_run([*OLD, NEW, END])
    assert list(OLD) == last_run(list(OLD))
    assert [] == last_run([])


async def test_a_run_is_followed_to_its_end(tmp_path: Path) -> None:
    """What was told before is told at once, what follows as it is written."""
    folder = folder_of(tmp_path, "lab")
    written(folder, *OLD, NEW)
    err, told = teller()
    clock = FakeClock(AT + 60)
    with locked(folder, "deploy"):
        following = asyncio.create_task(follow_run(folder, told, clock))
        await clock.advance(5)
        assert not following.done()
        written(folder, DeployEvent(AT + 80, Told.NOTE, "lab-w1 runs", Step.PODS), END)
        await clock.advance(5)
        assert await asyncio.wait_for(following, 5)

    assert ["pods are made", "lab-w1 runs"] == [line.split("pods    ")[1] for line in err.getvalue().splitlines()]


async def test_a_run_whose_process_is_gone_is_over(tmp_path: Path) -> None:
    """Nobody holds the lock any more; nothing is waited for that will not come."""
    folder = folder_of(tmp_path, "lab")
    written(folder, *OLD, NEW)
    err, told = teller()

    assert await asyncio.wait_for(follow_run(folder, told, HastyClock()), 5)
    assert "pods are made" in err.getvalue()
    assert not await asyncio.wait_for(follow_run(folder_of(tmp_path, "none"), told, HastyClock()), 5)


def test_the_command_ends_as_the_run_did(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its trouble, its exit code; where none ever began, that is said."""
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(tmp_path))
    fake = FakeDeploys(tmp_path, {"lab": deployment(state=State.FAILED, trouble=Trouble("No.", "Do.", Step.PODS))})
    monkeypatch.setattr(deploy_run, "deploying", fake.opened)
    assert errors.UNAVAILABLE == run("deploy", "--follow").code

    written(fake.folder("lab"), NEW, END)
    answer = run("deploy", "--follow")
    assert errors.BILLED == answer.code
    assert "pods are made" in answer.err
    assert "lab stopped at `pods`: No." in answer.err


def test_a_run_that_changed_nothing_failed_all_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record says that the cluster is ready, as it was; who followed is told what the run told."""
    fake = FakeDeploys(tmp_path, {"lab": deployment()})
    monkeypatch.setattr(deploy_run, "deploying", fake.opened)
    why = {"code": "key_refused", "next": "Make a new key.", "details": ["HTTP 401"]}
    failed = DeployEvent(AT + 70, Told.FAILED, "The key is refused.", Step.CHECK, data=why)
    written(fake.folder("lab"), NEW, failed, END)

    answer = run("deploy", "--follow")

    assert errors.BILLED == answer.code
    assert "lab stopped at `check`: The key is refused." in answer.err
    assert "HTTP 401" in answer.err
    assert "Make a new key." in answer.err
