"""The `fake_nvml` fixture: eight idle H100s for this process and for those it starts.

Use it with `pytest_plugins = ("tests.standins.nvml.fixture",)` in a test module or the root conftest, on tests marked
`real("gcc")`. The library stays loaded for the rest of the process (pynvml keeps it); each test has its own state file.
"""

import ctypes
from pathlib import Path

import pytest

from tests.standins.nvml import build
from tests.standins.nvml.state import FakeNvml


@pytest.fixture
def fake_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """Eight idle H100s behind `libnvidia-ml.so.1`, to change while the test runs."""
    library = build.build()
    # Loading it first is enough in this process: the loader matches pynvml's later load by SONAME.
    ctypes.CDLL(str(library))
    fake = FakeNvml(tmp_path / "nvml-state")
    monkeypatch.setenv("FAKE_NVML_STATE", str(fake.path))
    monkeypatch.setenv("LD_LIBRARY_PATH", fake.environment()["LD_LIBRARY_PATH"])
    monkeypatch.delenv("FAKE_NVML_TRACE", raising=False)
    return fake
