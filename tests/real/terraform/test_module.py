"""The module itself: in canonical form, valid in every shape it is laid out in, and tested by Terraform's own tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.services.terraform.variables import read_variables
from app.services.terraform.workspace import modules_dir
from tests.standins.runpod.provider.layout import dev_overrides

pytestmark = pytest.mark.real("terraform")

MODULES = modules_dir()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Terraform's environment: the stand-in provider, and neither key nor address."""
    home = tmp_path / "home"
    home.mkdir()
    fixed = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "HOME": str(home)}
    return {**os.environ, **fixed, "TF_CLI_CONFIG_FILE": str(dev_overrides(home))}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The Terraform files where Terraform may write beside them."""
    return Path(shutil.copytree(MODULES, tmp_path / "modules"))


def terraform(folder: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command there."""
    return subprocess.run(
        ["terraform", *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_files_are_in_canonical_form(environ: dict[str, str]) -> None:
    """`terraform fmt` has nothing to change."""
    done = terraform(MODULES, environ, "fmt", "-check", "-recursive", "-diff")

    assert (0, "") == (done.returncode, done.stdout)


@pytest.mark.parametrize("shape", ["cluster", "volume", "examples/lab", "examples/volume"])
def test_every_shape_is_valid(copy: Path, environ: dict[str, str], shape: str) -> None:
    """The module alone, with a volume of its own, and each example."""
    folder = copy / shape
    if shape == "volume":
        shutil.copy(folder / "volume.tf", copy / "cluster" / "volume.tf")
        folder = copy / "cluster"
    if shape.startswith("examples"):
        terraform(folder, environ, "get")

    told = json.loads(terraform(folder, environ, "validate", "-json").stdout)

    assert [] == [one["summary"] for one in told["diagnostics"] if one["severity"] == "error"]
    assert told["valid"]


def test_modules_own_tests_pass(copy: Path, environ: dict[str, str]) -> None:
    """Its `.tftest.hcl` files, with a mock of the provider: no request, no key."""
    done = terraform(copy / "cluster", environ, "test", "-no-color")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


def test_terraform_knows_the_same_variables_as_our_forms(copy: Path, environ: dict[str, str]) -> None:
    """python-hcl2 reads the names, and which are required, as Terraform itself does."""
    required = {variable.name for variable in read_variables(copy / "cluster") if variable.is_required}

    done = terraform(copy / "cluster", environ, "plan", "-json", "-input=false")

    messages = [json.loads(line) for line in done.stdout.splitlines()]
    missing = [m["diagnostic"]["detail"] for m in messages if m.get("diagnostic", {}).get("severity") == "error"]
    assert required == {detail.split('"')[1] for detail in missing}
