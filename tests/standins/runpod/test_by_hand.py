"""The emulated RunPod can be started by hand, and says how to use it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_ended(tmp_path: Path, ending: signal.Signals) -> None:
    """It prints what to export, turns the knobs it was given, lays the provider out, and ends with 0."""
    command = [sys.executable, "-m", "tests.standins.runpod.emulator", "--port", "0", "--key", "k y"]
    command += ["--knobs", '{"balance": 1.5}', "--providers", str(tmp_path), "--documented-quota"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    words = [shlex.split(process.stdout.readline()) for _ in range(2)]
    exported = dict(word.split("=", 1) for line in words for word in line[1:])
    answer = httpx.get(f"{exported['RUNPOD_API_BASE_URL']}/v2/pods", headers={"Authorization": "Bearer k y"})
    knobs = httpx.get(f"{exported['RUNPOD_API_BASE_URL']}/_ctl").json()["knobs"]
    process.send_signal(ending)

    assert ("k y", 200, 1.5) == (exported["RUNPOD_API_KEY"], answer.status_code, knobs["balance"])
    assert answer.headers["RateLimit"].startswith('"minute";r=59')
    assert "dev_overrides" in Path(exported["TF_CLI_CONFIG_FILE"]).read_text()
    assert 0 == process.wait(10)
