"""The stand-in is good enough for other people's programs, which is what makes comparing with them fair."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc")
pytest_plugins = ("tests.standins.nvml.fixture",)


@pytest.mark.parametrize(("peer", "flags"), [("gpustat", ["--no-color"]), ("nvitop", ["-1"])])
def test_peer_shows_eight_gpus(peer: str, flags: list[str], fake_nvml: FakeNvml) -> None:
    """Other monitors show all eight GPUs, their load and a process on them."""
    fake_nvml.busy(pids=(os.getpid(),))
    program = Path(sys.executable).with_name(peer)
    done = subprocess.run(
        [str(program), *flags],
        env=fake_nvml.environment() | {"COLUMNS": "160", "LINES": "60"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert 8 == done.stdout.count("H100 80GB HBM3")
    assert "97" in done.stdout
