"""Which Terraform is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.binary import Binary, ask, find, parse_version


def program(folder: Path, name: str, says: str = "") -> str:
    """A program of that name that says one thing."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'E'\n{says}\nE\n")
    path.chmod(0o755)
    return str(path)


def environ(folder: Path) -> dict[str, str]:
    """Only this folder, and what a shell script needs."""
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_terraform_comes_before_tofu_and_a_named_command_before_both(tmp_path: Path) -> None:
    """OpenTofu is used where there is no Terraform, or where it is asked for."""
    only = {"PATH": str(tmp_path)}
    tofu = program(tmp_path, "tofu")
    assert tofu == find("", only)
    terraform = program(tmp_path, "terraform")

    assert terraform == find("", only)
    assert tofu == find("tofu", only)


@pytest.mark.parametrize(("command", "says"), [("", "neither terraform nor tofu"), ("/opt/tf", "/opt/tf: no such")])
def test_missing_program_names_the_setting(tmp_path: Path, command: str, says: str) -> None:
    """What to install or to set is said."""
    with pytest.raises(InfraError, match=says) as caught:
        find(command, {"PATH": str(tmp_path)})

    assert "missing" == caught.value.kind
    assert "deploy.terraform" in str(caught.value)


async def test_version_and_kind_are_asked(tmp_path: Path) -> None:
    """Both programs answer under Terraform's name; which one it is, the file's name tells, through links."""
    told = '{"terraform_version": "1.9.0-beta1", "platform": "linux_amd64"}'
    tofu = program(tmp_path, "tofu", told)
    (tmp_path / "terraform").symlink_to(tofu)

    binary = await ask(str(tmp_path / "terraform"), environ(tmp_path))

    assert Binary(str(tmp_path / "terraform"), (1, 9, 0), is_tofu=True) == binary
    assert "OpenTofu 1.9.0" == binary.words


@pytest.mark.parametrize(
    ("says", "why"), [('{"terraform_version": "1.5.7"}', "1.6 or newer is needed"), ("Usage:", "does not say")]
)
async def test_program_that_will_not_do_is_refused(tmp_path: Path, says: str, why: str) -> None:
    """Too old for the provider, or something else altogether."""
    path = program(tmp_path, "terraform", says)

    with pytest.raises(InfraError, match=why) as caught:
        await ask(path, environ(tmp_path))

    assert "version" == caught.value.kind


@pytest.mark.parametrize("told", [b"", b"[]", b"{}", b'{"terraform_version": 1}', b'{"terraform_version": "new"}'])
def test_no_answer_breaks_the_reader(told: bytes) -> None:
    """Whatever a program says, it is a version or none."""
    assert None is parse_version("terraform", told)
