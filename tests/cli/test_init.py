"""`init`: what it finds, what it writes, and what it leaves alone."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import errors, init
from app.cli.first_config import config_text
from app.config.load import parse
from app.config.settings import Settings, Target
from app.services.detect import Find, Here
from tests.cli.conftest import Run

DRIVER = Find(Target(url="nvml:"), "driver", frozenset({"GPU-1"}), gpus=8)
EXPORTER = Find(Target(url="http://127.0.0.1:9400/metrics"), "dcgm-exporter", frozenset({"GPU-1"}), gpus=8)
SERVER = Find(Target(url="http://127.0.0.1:8000/metrics"), "vllm", models=("llama",))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a driver, an exporter of the same GPUs, and a model server."""

    async def here(settings: Settings, *_: object) -> Here:
        used = replace(settings, target=(DRIVER.target, SERVER.target))
        return Here(used, (DRIVER, EXPORTER, SERVER), None)

    monkeypatch.setattr(init, "found_here", here)


@pytest.mark.usefixtures("found")
def test_a_first_configuration_is_private_and_can_be_read(run: Run, own_home: Path) -> None:
    """It lands in the user's folder, 0600, and means what was found."""
    answer = run("init")

    file = own_home / ".config" / "gpu-watchdog" / "config.toml"
    assert (errors.OK, "") == (answer.code, answer.out)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    settings = parse(file.read_text(), str(file))
    assert (Target(url="nvml:"), Target(url="http://127.0.0.1:8000/metrics")) == settings.target
    assert "found this machine's driver (8 GPUs)" in answer.err


@pytest.mark.usefixtures("found")
def test_a_file_that_exists_is_left_alone(run: Run, tmp_path: Path) -> None:
    """Only `--force` writes over it."""
    file = tmp_path / "lab.toml"
    file.write_text("# mine\n")

    refused = run("init", "--output", str(file))
    kept = file.read_text()
    forced = run("init", "--output", str(file), "--force")

    assert (errors.CANNOT_WRITE, "# mine\n") == (refused.code, kept)
    assert errors.OK == forced.code
    assert "# mine" not in file.read_text()


def test_nothing_found_is_written_and_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the lines to fill in, and exit 2."""

    async def here(settings: Settings, *_: object) -> Here:
        return Here(settings, (), "no driver")

    monkeypatch.setattr(init, "found_here", here)
    answer = run("init", "--output", str(tmp_path / "lab.toml"))

    assert errors.INCOMPLETE == answer.code
    assert "driver: no driver" in answer.err
    assert Settings().target == parse((tmp_path / "lab.toml").read_text(), "lab.toml").target


def test_named_targets_are_taken_as_they_are(run: Run) -> None:
    """`--target` asks nobody; `-` prints instead of writing."""
    answer = run("init", "--target", "node-1:9400", "--target", "nvml", "--output", "-")

    assert errors.OK == answer.code
    settings = parse(answer.out, "-")
    assert ["http://node-1:9400/metrics", "nvml:"] == [target.url for target in settings.target]


def test_an_exporter_of_the_drivers_own_gpus_stands_as_a_comment() -> None:
    """The same GPUs are not read twice, and the file says why."""
    text = config_text((DRIVER, EXPORTER, SERVER), (DRIVER.target, SERVER.target))

    assert "the driver shows the same GPUs" in text
    assert '# url = "http://127.0.0.1:9400/metrics"' in text


def test_a_folder_that_cannot_be_written_is_an_error_of_its_own(run: Run, tmp_path: Path) -> None:
    """Exit 73 and the file's name."""
    (tmp_path / "file").touch()

    answer = run("init", "--target", "nvml", "--output", str(tmp_path / "file" / "lab.toml"))

    assert errors.CANNOT_WRITE == answer.code
    assert "cannot be written" in answer.err
