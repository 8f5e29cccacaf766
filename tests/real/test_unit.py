"""The systemd units as systemd itself judges them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.cli.unit import unit_text

pytestmark = pytest.mark.real("systemd")
MOST_EXPOSED = 2.0
"""Of 10; systemd calls up to 2 exposed hardly at all."""


def judged(*words: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says."""
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60, env={"LC_ALL": "C.UTF-8"}
    )


def test_the_service_is_hardened(tmp_path: Path) -> None:
    """The exposure of the unit that `serve --unit system` prints is what the documentation says, and low."""
    unit = tmp_path / "gpu-watchdog.service"
    unit.write_text(unit_text("system", None, "/opt/gpu-watchdog/bin/gpu-watchdog"))

    said = judged("security", "--offline=true", "--no-pager", str(unit))

    found = re.search(r"exposure level for gpu-watchdog.service: ([\d.]+)", said.stdout)
    assert found is not None, said
    assert float(found.group(1)) <= MOST_EXPOSED
    documented = Path("docs/daemon.md").read_text("utf-8")
    assert f"exposure {found.group(1)}" in documented


@pytest.mark.parametrize("kind", ["system", "user", "socket"])
def test_systemd_understands_every_line(tmp_path: Path, kind: str) -> None:
    """No key is unknown and no value is refused."""
    unit = tmp_path / f"gpu-watchdog.{'socket' if kind == 'socket' else 'service'}"
    unit.write_text(unit_text(kind, None, "/bin/true").replace("Documentation=man:gpu-watchdog(1)\n", ""))
    if kind == "socket":
        (tmp_path / "gpu-watchdog.service").write_text("[Service]\nExecStart=/bin/true\n")

    said = judged("verify", *(["--user"] if kind == "user" else []), str(unit))

    told = [line for line in said.stderr.splitlines() if "gpu-watchdog" in line]
    assert [] == [line for line in told if "nknown" in line or "ailed to parse" in line or "nvalid" in line]
