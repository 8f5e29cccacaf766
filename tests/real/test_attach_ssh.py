"""A daemon behind a real sshd, looked through by `--attach` from the command line and from the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.conftest import StartServer
from tests.runtime.daemons import Pages, daemon
from tests.terminal.tmux import python, terminal

pytestmark = [pytest.mark.real("ssh"), pytest.mark.real("tmux")]


@pytest.fixture
def pages() -> Iterator[Pages]:
    """The one exporter of the cluster."""
    made = Pages()
    yield made
    made.close()


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short state folder: sockets of ssh want one, and a test's own is too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", made)
        yield Path(made)


@pytest.fixture
def far(start_server: StartServer, free_port: Callable[[], int], tmp_path: Path, state: Path) -> str:
    """An sshd that lets the test's user in, known to ssh as `far`."""
    port = free_port()
    for name in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    settings = f"""Port {port}
ListenAddress 127.0.0.1
HostKey {tmp_path}/host
AuthorizedKeysFile {tmp_path}/id.pub
PidFile none
StrictModes no
UsePAM no
"""
    (tmp_path / "sshd_config").write_text(settings)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    start_server(["sshd", "-D", "-f", str(tmp_path / "sshd_config")], port)
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (state / "deployments").mkdir()
    (state / "deployments" / "ssh_config").write_text(
        f"Host far\n HostName 127.0.0.1\n Port {port}\n IdentityFile {tmp_path}/id\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {tmp_path}/known\n GlobalKnownHostsFile none\n"
    )
    return "far"


def test_a_daemon_of_another_machine_is_looked_through(far: str, pages: Pages, tmp_path: Path) -> None:
    """`status` and the screen show what the daemon there sees; where there is none, one sentence says so."""
    config = tmp_path / "config.toml"
    socket = tmp_path / "run" / "api.sock"
    config.write_text(
        f'[cluster]\nname = "there"\ninterval_s = 0.5\n[[target]]\nurl = "{pages.url}"\n[slurm]\nvia = "off"\n'
        f'[serve]\nsocket = "{socket}"\n[store]\npath = "{tmp_path}/history.db"\n'
    )
    status = [sys.executable, "-m", "app", "status", "--json", "--attach"]
    with daemon(config) as service:
        service.until("serving")
        said = subprocess.run([*status, f"{far}{socket}"], capture_output=True, text=True, timeout=60, check=False)
        with terminal(tmp_path / "t", {**os.environ, "TERM": "xterm-256color"}) as shell:
            shell.run(*python("-m", "app", "tui", "--attach", f"{far}{socket}"))
            shell.shows("there", "node-1", "far", "LIVE")
            shell.press("q")
    nobody = subprocess.run([*status, f"{far}/nowhere.sock"], capture_output=True, text=True, timeout=60, check=False)

    assert 0 == said.returncode, said.stderr
    assert ("there", ["node-1"]) == (
        json.loads(said.stdout)["cluster"]["name"],
        [one["name"] for one in json.loads(said.stdout)["nodes"]],
    )
    assert (69, "") == (nobody.returncode, nobody.stdout)
    assert nobody.stderr.startswith("no daemon is reached through ssh far")
