"""What `deploy` refuses while it only looks: it says what is billed all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import deploy_run, errors
from app.domain.deployment import Trouble
from app.services.deploy.ports import DeployError
from tests.cli.conftest import Run
from tests.cli.deploying import FakeDeploys, deployment


@pytest.fixture
def deploys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDeploys:
    """The service, in memory."""
    fake = FakeDeploys(tmp_path)
    monkeypatch.setattr(deploy_run, "deploying", fake.opened)
    return fake


def test_what_only_looks_and_fails_says_what_is_billed(
    run: Run, deploys: FakeDeploys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is not there ends no pod; a name that is not there costs nothing, while others do."""

    async def logs(*_: object) -> tuple[str, ...]:
        raise DeployError(Trouble("There is no log nolog.", "Name another.", code="unknown_log"))

    deploys.records["lab"] = deployment()
    monkeypatch.setattr(deploys, "logs", logs)

    answer = run("deploy", "--logs", "w1", "nolog")
    other = run("deploy", "labb", "--status")

    assert errors.USAGE == answer.code
    assert "billed  $0.80/h for lab-head, lab-w1;" in answer.err
    assert errors.UNAVAILABLE == other.code
    assert "billed  $0.80/h for lab\n" in f"{other.err}\n"
