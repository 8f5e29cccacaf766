"""`doctor` about deploying: key, Terraform, ssh, and what is billed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.checks import Check
from app.cli.checks_deploy import deploy_checks
from app.config.settings import Deploy, Settings
from app.domain.deployment import Billing, State, Step, Trouble
from app.runtime.options import RuntimeOptions
from app.services.deploy.agreement import carrier_folder
from app.services.deploy.folder import folder_of
from app.services.deploy.lock import locked
from app.services.deploy.record import write_record
from tests.cli.deploying import AT, deployment


def told(checks: list[Check]) -> dict[str, tuple[str, str]]:
    """State and text by name."""
    return {one.name: (one.state, one.text) for one in checks}


def tool(folder: Path, name: str, says: str = "") -> None:
    """A program of that name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)


async def test_where_nobody_deploys_it_is_one_line(tmp_path: Path) -> None:
    """And nothing is run."""
    options = RuntimeOptions(state_dir=tmp_path, environ={"PATH": str(tmp_path / "nothing")})

    assert ["note"] == [one.state for one in await deploy_checks(Settings(), options)]


async def test_parts_are_found_or_named(tmp_path: Path) -> None:
    """A key others can read is a warning; a Terraform that is too old, and a missing ssh, fail."""
    key = tmp_path / "key"
    key.write_text("rpa_x")
    key.chmod(0o644)
    for name in ("ssh", "ssh-keygen"):
        tool(tmp_path, name)
    tool(tmp_path, "terraform", '{"terraform_version": "1.11.4"}')
    settings = Settings(deploy=Deploy(api_key_file=str(key)))
    options = RuntimeOptions(state_dir=tmp_path, environ={"PATH": f"{tmp_path}:/bin:/usr/bin"})

    found = told(await deploy_checks(settings, options))
    assert ("warning", "ok", "ok") == (found["key"][0], found["Terraform"][0], found["ssh"][0])
    assert "Terraform 1.11.4" in found["Terraform"][1]

    tool(tmp_path, "terraform", '{"terraform_version": "1.5.7"}')
    alone = RuntimeOptions(state_dir=tmp_path, environ={"PATH": str(tmp_path / "no"), "RUNPOD_API_KEY": "rpa_canary"})
    options = replace(options, environ={**options.environ, "RUNPOD_API_KEY": "rpa_canary"})
    old = told(await deploy_checks(Settings(), options))
    none = told(await deploy_checks(Settings(), alone))
    assert ("ok", "failed") == (old["key"][0], old["Terraform"][0])
    assert "1.6 or newer" in old["Terraform"][1]
    assert ("failed", "failed") == (none["Terraform"][0], none["ssh"][0])
    assert "rpa_canary" not in str((old, none))


@pytest.mark.parametrize(
    ("state", "billing", "expected"),
    [
        (State.READY, Billing(1.0, 0.8, AT), "ok"),
        (State.FAILED, Billing(1.0, 0.8, AT), "warning"),
        (State.FAILED, Billing(1.0, 0.0, AT), "note"),
        (State.DESTROYED, Billing(1.0, 0.0, AT), "ok"),
    ],
)
async def test_what_failed_and_is_billed_is_a_warning(
    tmp_path: Path, state: State, billing: Billing, expected: str
) -> None:
    """It says why, and both ways on; a record nobody can read fails."""
    trouble = Trouble("No capacity.", "Run again.", Step.PODS) if state is State.FAILED else None
    write_record(folder_of(tmp_path, "lab"), deployment(state=state, billing=billing, trouble=trouble))
    broken = folder_of(tmp_path, "odd")
    broken.make()
    broken.record.write_text("{")
    options = RuntimeOptions(state_dir=tmp_path, environ={"PATH": "/bin:/usr/bin"})

    found = told(await deploy_checks(Settings(), options))
    assert (expected, "failed") == (found["lab"][0], found["odd"][0])
    assert ("No capacity." in found["lab"][1]) == (expected == "warning")


async def test_who_finishes_what_a_screen_began_is_told(tmp_path: Path) -> None:
    """The daemon that holds the lock for it; none is no fault."""
    options = RuntimeOptions(state_dir=tmp_path, environ={"PATH": "/bin:/usr/bin", "RUNPOD_API_KEY": "rpa_canary"})

    none = told(await deploy_checks(Settings(), options))["daemon"]
    with locked(carrier_folder(tmp_path), "carry"):
        one = told(await deploy_checks(Settings(), options))["daemon"]

    assert ("note", "ok") == (none[0], one[0])
    assert "leaving the screen stops it" in none[1]
    assert f"process {os.getpid()} goes on" in one[1]
