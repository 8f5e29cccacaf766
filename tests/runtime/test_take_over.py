"""A daemon that takes over from another: real processes, a real store, somebody who never stops asking."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from app.domain.series import Subject
from app.services.handover import HandoverError, place_of, succeed
from app.store.lease import Lease
from app.store.sqlite import open_store
from tests.runtime.daemons import Pages, ask, daemon

INTERVAL_S = 1.0


@pytest.fixture
def pages() -> Iterator[Pages]:
    """An exporter that counts how often it was asked."""
    made = Pages()
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path, pages: Pages) -> Path:
    """A configuration with one target, a store and a socket of its own."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[cluster]\nname = "lab"\ninterval_s = {INTERVAL_S}\n[[target]]\nurl = "{pages.url}"\nname = "page"\n'
        f'[slurm]\nvia = "off"\n[serve]\nsocket = "{tmp_path}/run/api.sock"\n[store]\npath = "{tmp_path}/history.db"\n'
    )
    return path


@contextmanager
def asking(path: Path) -> Iterator[list[object]]:
    """Somebody who asks without a pause who serves, each time over a new connection; what came of it."""
    found: list[object] = []
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            try:
                found.append(ask(path, "/healthz")["pid"])
            except OSError as error:
                found.append(error)
            time.sleep(0.005)

    asker = threading.Thread(target=run, daemon=True)
    asker.start()
    try:
        yield found
    finally:
        is_over.set()
        asker.join(60)


def until_kept(path: Path, samples: int) -> None:
    """Wait until the daemon has kept so many samples of its GPU."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if ask(path, "/api/store")["store"]["samples"] >= samples:
            return
        time.sleep(0.05)
    raise AssertionError("the daemon keeps nothing")


def until_asked(pages: Pages, times: int) -> None:
    """Wait until the exporter has been asked so often."""
    deadline = time.monotonic() + 60
    while pages.asked < times:
        assert time.monotonic() < deadline, f"it was asked {pages.asked} times"
        time.sleep(0.05)


async def kept(store: Path) -> list[float]:
    """Times of the samples of the GPU's power."""
    history = await open_store(store, time.time, want_lease=False)
    series = await history.series(Subject("gpu", node="node-1", index=0), "gpu.power", 0.0, 4e9, 0.0)
    await history.close()
    return [one.at for one in series.points if one.mean is not None]


def test_nothing_is_lost_when_another_daemon_takes_over(config: Path, tmp_path: Path, pages: Pages) -> None:
    """No connection is refused, no look is missing or kept twice, the lease is never free, the old one ends well."""
    path, store = tmp_path / "run" / "api.sock", tmp_path / "history.db"
    with daemon(config) as old:
        old.until("serving")
        until_kept(path, 1)
        until_asked(pages, 3)
        with daemon(config, "--take-over") as new, asking(path) as answers:
            new.until("serving")
            assert 0 == old.end()
            assert Lease.take(store) is None
            until_asked(pages, pages.asked + 3)
            assert new.process.pid == ask(path, "/healthz")["pid"]
    assert [] == [one for one in answers if isinstance(one, OSError)]
    assert [old.process.pid, new.process.pid] == list(dict.fromkeys(answers))
    assert not path.exists()
    times = asyncio.run(kept(store))
    steps = [after - before for before, after in pairwise(times)]
    assert len(steps) > 3
    assert all(0.4 * INTERVAL_S < step < 1.6 * INTERVAL_S for step in steps[1:]), steps  # the first look is at once


def test_a_daemon_raises_its_own_successor(config: Path, tmp_path: Path) -> None:
    """SIGUSR2 starts a new daemon by the same command line, and the old one ends once that one serves."""
    path = tmp_path / "run" / "api.sock"
    with daemon(config) as old:
        old.until("serving")
        until_kept(path, 2)
        old.tell(signal.SIGUSR2)
        old.until("another daemon has taken over")
        assert 0 == old.end()
        new = ask(path, "/healthz")["pid"]
        os.kill(new, signal.SIGTERM)
        old.until("serving")
    assert new != old.process.pid


def test_a_new_daemon_that_fails_costs_the_old_one_nothing(config: Path, tmp_path: Path) -> None:
    """One that asks and goes away, one of another configuration, and one that says nonsense: the old one serves on."""
    path = tmp_path / "run" / "api.sock"

    async def goes_away() -> str:
        found = await succeed(place_of(path), str(config))
        assert found is not None
        found.close()
        for one in found.sockets:
            one.close()
        with pytest.raises(HandoverError) as refused:
            await succeed(place_of(path), "/etc/other.toml")
        return str(refused.value)

    with daemon(config) as old:
        old.until("serving")
        assert f"the daemon there serves {config}, not what this one reads" == asyncio.run(goes_away())
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(str(place_of(path)))
            line.send(b"\xff not json")
        until_kept(path, 3)
        assert old.process.pid == ask(path, "/healthz")["pid"]
        assert 0o600 == place_of(path).stat().st_mode & 0o777


def test_a_new_daemon_that_could_let_nobody_in_takes_nothing_over(config: Path, tmp_path: Path) -> None:
    """It looks at its tokens before the old one leaves."""
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    told = {"GPU_WATCHDOG_SERVE_TCP": "127.0.0.1:0", "GPU_WATCHDOG_SERVE_TOKEN_FILE": str(tokens)}
    with daemon(config) as old:
        old.until("serving")
        with daemon(config, "--take-over", **told) as new:
            assert 69 == new.end()

        assert old.process.pid == ask(tmp_path / "run" / "api.sock", "/healthz")["pid"]


def test_there_need_be_nobody_to_take_over_from(config: Path) -> None:
    """Where no daemon runs, one that would take over starts as usual; a second that would not is refused."""
    with daemon(config, "--take-over") as first:
        first.until("serving")
        with daemon(config) as second:
            second.until("another daemon answers")
            assert 69 == second.end()
