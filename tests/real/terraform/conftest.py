"""Each test has an emulated RunPod and a deployment's folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.terraform.ground import KEY, Ground
from tests.standins.runpod.emulator import Emulator


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """An emulated RunPod and an empty folder."""
    home = tmp_path / "home"
    home.mkdir()
    runpod = Emulator(key=KEY)
    runpod.start()
    try:
        yield Ground(runpod, home, tmp_path / "lab" / "terraform")
    finally:
        runpod.stop()
