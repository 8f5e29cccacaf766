"""The daemon as a service: what systemd hears of it, and a configuration that is read again while it runs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.services.notify_ready import supervisor_of
from tests.runtime.daemons import LONGEST_S, Pages, ask, daemon

RULE = '[rule.busy]\nmetric = "gpu.power"\nabove = 0\nfor_s = 0\nseverity = "warning"\n'
RULES = '[alerts]\nrules = ["rules.toml"]\n'


class Systemd:
    """The end of the socket at which systemd listens."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(LONGEST_S)

    def hears(self) -> dict[str, str]:
        """The next message, by its keys; signs of life are passed over."""
        while True:
            said = dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())
            if set(said) != {"WATCHDOG"}:
                return said

    def hears_life(self) -> None:
        """Wait for a sign of life."""
        while b"WATCHDOG=1" not in self._socket.recv(4096):
            pass

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """Somebody who is told how the service is doing."""
    made = Systemd(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pages() -> Iterator[Callable[[str], Pages]]:
    """Exporters, one a host."""
    made: list[Pages] = []

    def make(host: str) -> Pages:
        made.append(Pages(host))
        return made[-1]

    yield make
    for one in made:
        one.close()


def written(folder: Path, *targets: Pages, name: str = "lab", rules: bool = False, more: str = "") -> Path:
    """The configuration, with some exporters as targets."""
    path = folder / "config.toml"
    named = "".join(f'[[target]]\nurl = "{one.url}"\n' for one in targets)
    path.write_text(
        f'[cluster]\nname = "{name}"\ninterval_s = 0.2\n{named}[slurm]\nvia = "off"\n'
        f'[serve]\nsocket = "{folder}/run/api.sock"\n[store]\npath = "{folder}/history.db"\n'
        f"{RULES if rules else ''}{more}"
    )
    return path


def until(path: Path, route: str, is_so: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """The first answer of a route that is so."""
    deadline = time.monotonic() + LONGEST_S
    while not is_so(found := ask(path, route)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found  # type: ignore[no-any-return]  # JSON


def nodes(answer: dict[str, object]) -> list[str]:
    """Names of the nodes in a status."""
    return sorted(one["name"] for one in answer["nodes"])  # type: ignore[attr-defined]  # JSON


def test_systemd_hears_how_it_goes(tmp_path: Path, systemd: Systemd, pages: Callable[[str], Pages]) -> None:
    """Ready once it answers, alive after that, reloading and ready again, stopping."""
    config = written(tmp_path, pages("node-1"))
    with daemon(config, NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="400000") as service:
        ready = systemd.hears()
        assert ("1", str(service.process.pid)) == (ready["READY"], ready["MAINPID"])
        assert str(config) in ready["STATUS"]
        systemd.hears_life()
        service.tell(signal.SIGHUP)
        reloading = systemd.hears()
        assert ("1", True) == (reloading["RELOADING"], reloading["MONOTONIC_USEC"].isdigit())
        assert "the configuration was read again" in systemd.hears()["STATUS"]
        service.tell(signal.SIGTERM)
        assert "1" == systemd.hears()["STOPPING"]
        assert 0 == service.end()


def test_nobody_is_told_where_nobody_asks() -> None:
    """Without systemd's variables, or with nonsense in them, nothing is sent and nothing fails."""
    for environ in ({}, {"NOTIFY_SOCKET": "nonsense"}, {"NOTIFY_SOCKET": "/nowhere/at-all"}):
        supervisor_of(environ).ready("here")
    assert supervisor_of({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "2000000"}).watchdog_s == 2.0
    foreign = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid() + 1)}
    assert supervisor_of(foreign).watchdog_s is None


def test_a_reload_changes_what_is_read_and_keeps_what_is_known(tmp_path: Path, pages: Callable[[str], Pages]) -> None:
    """A target more, another name, prices and a rule: followed at once; the target that stays is not asked anew."""
    first, second = pages("node-1"), pages("node-2")
    path = tmp_path / "run" / "api.sock"
    with daemon(written(tmp_path, first)) as service:
        service.until("serving")
        until(path, "/api/cluster/status", lambda found: nodes(found) == ["node-1"])
        (tmp_path / "rules.toml").write_text(RULE)
        written(tmp_path, first, second, name="renamed", rules=True, more='[prices]\n"NVIDIA H100" = 2.5\n')
        service.tell(signal.SIGHUP)
        said = service.until("read again")
        assert all(word in said for word in ("target", "prices", "alerts", "cluster.name"))
        found = until(path, "/api/cluster/status", lambda found: nodes(found) == ["node-1", "node-2"])
        assert ("renamed", 5.0) == (found["cluster"]["name"], found["cluster"]["cost_per_hour"])  # type: ignore[index]
        until(path, "/api/alerts", lambda found: "busy" in str(found.get("alerts")))
        written(tmp_path, second, name="renamed")
        service.tell(signal.SIGHUP)
        found = until(path, "/api/cluster/status", lambda found: len(found["sources"]) == 1)  # type: ignore[arg-type]
        assert ("renamed", None) == (found["cluster"]["name"], found["cluster"]["cost_per_hour"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("[clutser]\n", "unknown table [clutser]; did you mean 'cluster'?"),
        (RULES, "rules.toml:"),
    ],
)
def test_a_wrong_file_leaves_the_old_in_force(
    tmp_path: Path, pages: Callable[[str], Pages], wrong: str, why: str
) -> None:
    """What cannot be used is said with its reason, on the screen's events too, and changes nothing."""
    first = pages("node-1")
    path = tmp_path / "run" / "api.sock"
    (tmp_path / "rules.toml").write_text('[rule.bad]\nmetric = "no.such"\nabove = 1\n')
    with daemon(written(tmp_path, first)) as service:
        service.until("serving")
        until(path, "/api/cluster/status", lambda found: nodes(found) == ["node-1"])
        written(tmp_path, name="other", more=wrong)
        service.tell(signal.SIGHUP)
        said = service.until("the one before is still in force")
        assert why in said
        found = until(path, "/api/cluster/status", lambda _: True)
        assert ("lab", ["node-1"]) == (found["cluster"]["name"], nodes(found))  # type: ignore[index]


def test_what_needs_a_restart_is_named(tmp_path: Path, pages: Callable[[str], Pages]) -> None:
    """A key that cannot change while the daemon runs is said, and does not."""
    config = written(tmp_path, pages("node-1"))
    with daemon(config) as service:
        service.until("serving")
        config.write_text(config.read_text().replace("interval_s = 0.2", "interval_s = 0.3"))
        service.tell(signal.SIGHUP)
        assert "--take-over` changes cluster.interval_s" in service.until("read again")


def test_it_logs_to_a_private_file(tmp_path: Path, pages: Callable[[str], Pages]) -> None:
    """What is told goes to the log file too, which only its owner can read."""
    log = tmp_path / "log" / "daemon.log"
    config = written(tmp_path, pages("node-1"))
    config.write_text(config.read_text().replace("[serve]\n", f'[serve]\nlog_file = "{log}"\n'))
    with daemon(config) as service:
        service.until("serving")
    assert "INFO app.serve: serving" in log.read_text()
    assert 0o600 == log.stat().st_mode & 0o777
