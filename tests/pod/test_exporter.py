"""The exporter's front: its one line, its imports, its exit codes."""

import ast
import sys
from pathlib import Path

import pytest

from pod import exporter
from pod.driver import NvmlUnavailableError
from pod.exporter import main, start_line
from pod.gpu import GpuReading, Identity, MachineReading
from pod.sampler import State
from pod.settings import Settings

POD = Path(exporter.__file__).parent


def test_start_line_says_where_and_what() -> None:
    """One line has the address, whether a token is asked for, and the GPUs with the lost among them."""
    gpus = (GpuReading(Identity(0), 1.0), GpuReading(Identity(1), 1.0, is_lost=True))
    line = start_line(Settings(), 9400, State(MachineReading(1, 1.0, "580.95.05", None, gpus, 2), None, 2))

    assert line.endswith(
        "on http://127.0.0.1:9400/metrics (no token, this machine only); 2 GPUs (1 lost), driver 580.95.05"
    )


def test_start_line_gives_the_reason_but_no_token() -> None:
    """Without GPUs the line says why; a token is mentioned, never shown."""
    state = State(None, NvmlUnavailableError(9, "NVML did not start: Driver Not Loaded"), None)
    line = start_line(Settings(bind="::", token="a-token-of-enough-letters"), 9400, state)

    assert "http://[::]:9400/metrics (bearer token); no gpus yet: nvml did not start" in line.lower()
    assert "enough" not in line


def test_wrong_settings_end_with_64(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in the settings is one sentence on stderr, nothing on stdout, and exit code 64."""
    assert 64 == main(["--port", "x"])
    captured = capsys.readouterr()
    assert ("", 1) == (captured.out, captured.err.count("\n"))


def test_pod_needs_python_and_nvidia_ml_py_only() -> None:
    """No file of the pod imports anything but the standard library, pynvml and the pod itself."""
    foreign = set()
    for path in POD.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                foreign.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Import):
                foreign |= {alias.name.partition(".")[0] for alias in node.names}

    assert {"pod", "pynvml"} == foreign - sys.stdlib_module_names


def test_only_the_driver_touches_pynvml() -> None:
    """One module of the pod imports pynvml."""
    assert ["driver.py"] == [path.name for path in POD.glob("*.py") if "import pynvml" in path.read_text("utf-8")]
