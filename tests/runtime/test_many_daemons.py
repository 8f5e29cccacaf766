"""Real daemons, real sockets: two share a cluster, a third has another one, and one view shows them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.runtime.daemons import LONGEST_S, Daemon, Pages, ask, daemon
from tests.tools.ports import free_port


@dataclass
class House:
    """The daemons that run, and what they read."""

    folder: Path
    view: Path
    pages: dict[str, Pages] = field(default_factory=dict)
    daemons: dict[str, Daemon] = field(default_factory=dict)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command over the view."""
        environ = {**os.environ, "XDG_STATE_HOME": str(self.folder / "own")}
        whole = [sys.executable, "-m", "app", *words, "--config", str(self.view)]
        return subprocess.run(whole, capture_output=True, text=True, env=environ, check=False)

    def status(self) -> dict[str, Any]:
        """What `status --json` says of the view."""
        answer = self.command("status", "--json")
        assert answer.stdout, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """`lab`, whose node-1 and node-2 two daemons share, and `uni`, whose node-1 is behind TCP and a token."""
    with ExitStack() as stack:
        found = House(tmp_path, tmp_path / "view.toml")
        for name, hosts in (("lab", ("node-1", "node-2")), ("uni", ("node-1",))):
            lines = [f'[cluster]\nname = "{name}"\ninterval_s = 0.2\n[slurm]\nvia = "off"\n']
            for host in hosts:
                pages = found.pages[f"{name}:{host}"] = Pages(host)
                stack.callback(pages.close)
                lines.append(f'[[target]]\nurl = "{pages.url}"\nnode = "{host}"\n')
            if name == "uni":
                port = free_port()
                lines.append(f'[serve]\ntcp = "127.0.0.1:{port}"\ntoken_file = "{tmp_path}/tokens"\n')
            (tmp_path / f"{name}.toml").write_text("".join(lines))
        token = [sys.executable, "-m", "app", "serve", "--config", str(tmp_path / "uni.toml"), "--new-token", "view"]
        told = subprocess.run(token, capture_output=True, text=True, check=True).stdout
        (tmp_path / "token").touch(0o600)
        (tmp_path / "token").write_text(told)
        for name, cluster, share in (("a", "lab", 0), ("b", "lab", 1), ("c", "uni", None)):
            more = {} if share is None else {"GPU_WATCHDOG_SHARD_OF": "2", "GPU_WATCHDOG_SHARD_INDEX": str(share)}
            place = {
                "XDG_STATE_HOME": str(tmp_path / name),
                "GPU_WATCHDOG_SERVE_SOCKET": str(tmp_path / f"{name}.sock"),
            }
            found.daemons[name] = stack.enter_context(daemon(tmp_path / f"{cluster}.toml", **place, **more))
        found.view.write_text(
            f'[[member]]\ncluster = "lab"\nsocket = "{tmp_path}/a.sock"\n'
            f'[[member]]\ncluster = "lab"\nsocket = "{tmp_path}/b.sock"\n'
            f'[[member]]\ncluster = "uni"\nurl = "http://127.0.0.1:{port}"\ntoken_file = "token"\n'
        )
        for one in found.daemons.values():
            one.until("serving")
        for name in ("a", "b", "c"):
            until_seen(tmp_path / f"{name}.sock")
        yield found


def until_seen(path: Path) -> None:
    """Wait until a daemon has read a GPU."""
    end = monotonic() + LONGEST_S
    while not ask(path, "/api/cluster/status")["cluster"]["gpus"]:
        assert monotonic() < end, f"the daemon at {path} reads nothing"
        sleep(0.05)


def test_one_view_shows_all_and_outlives_one(house: House) -> None:
    """Each share reads its own nodes; names that collide stay apart; a daemon that is killed leaves its part to age."""
    shares = [
        [one["name"] for one in ask(house.folder / f"{name}.sock", "/api/cluster/status")["nodes"]] for name in "ab"
    ]
    whole = house.status()
    unclear = house.command("alerts", "silence", 'node="node-1"', "--for", "10m")
    house.daemons["c"].process.kill()
    house.daemons["c"].end()
    after = house.status()
    refused = house.command("cancel", "uni:812", "--yes")

    assert [["node-1"], ["node-2"]] == shares
    assert ["lab:node-1", "lab:node-2", "uni:node-1"] == [one["name"] for one in whole["nodes"]]
    assert 3 == whole["cluster"]["gpus"]
    assert ["lab:node-1", "lab:node-2"] == [one["name"] for one in after["nodes"]]
    assert (64, 'which cluster? Add cluster="lab"; in view are lab, uni\n') == (unclear.returncode, unclear.stderr)
    states = {one["name"]: (one["state"], one["error"]) for one in after["sources"]}
    assert ("ok", None) == states["daemon of lab (1)"]
    assert "down" == states["daemon of uni"][0]
    assert "refused" in str(states["daemon of uni"][1])
    assert 64 == refused.returncode
    assert "nothing can be done to jobs and nodes of uni from this view" in refused.stderr
