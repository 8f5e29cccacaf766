"""One writes, all may read; who dies gives the lease up."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from app.store.lease import Lease
from tests.store.build import GPU, POWER, T0, power_ticks, store, values

HOLD = """
import sys
from pathlib import Path
from app.store.lease import Lease
lease = Lease.take(Path(sys.argv[1]))
print("held" if lease else "refused", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lease of a store."""
    path.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    return process


async def test_a_second_process_only_reads_until_the_first_is_dead(tmp_path: Path) -> None:
    """While another process holds the lease nothing is written; killed, it leaves the lease to the next tick."""
    path = tmp_path / "h.db"
    other = holder(path)
    try:
        async with store(path) as history:
            await history.write(power_ticks([1.0])[0])
            refused = await history.health()
            os.kill(other.pid, signal.SIGKILL)
            other.wait()
            await history.write(power_ticks([2.0], T0 + 5)[0])
            taken = await history.health()
            found = values(await history.series(GPU, POWER, T0, T0 + 60, 0))
    finally:
        other.kill()
        other.communicate()

    assert ("read-only", 0) == (refused.state, refused.dropped_ticks)
    assert f"process {other.pid} writes" in refused.text
    assert ("ok", [2.0]) == (taken.state, found)


async def test_two_stores_in_one_process_do_not_both_write(tmp_path: Path) -> None:
    """The lease is one even within a process; the reader sees what the writer keeps, and may take over after it."""
    path = tmp_path / "h.db"

    async with store(path, power_ticks([1.0, 2.0])) as first, store(path) as second:
        assert not await second.try_lease()
        assert [1.0, 2.0] == values(await second.series(GPU, POWER, T0, T0 + 60, 0))
        await first.close()
        assert await second.try_lease()
        await second.write(power_ticks([3.0], T0 + 10)[0])
        assert [1.0, 2.0, 3.0] == values(await second.series(GPU, POWER, T0, T0 + 60, 0))


async def test_one_who_only_looks_makes_nothing(tmp_path: Path) -> None:
    """Opened without the wish to write, a store that is not there stays so, and is simply empty."""
    path = tmp_path / "none" / "h.db"

    async with store(path, power_ticks([1.0]), want_lease=False) as history:
        health = await history.health()
        assert not await history.try_lease()
        assert await history.at(T0) is None
        assert () == await history.moments(T0, T0 + 60)
        assert () == await history.events(T0, T0 + 60)

    assert ("read-only", f"nothing is stored at {path} yet") == (health.state, health.text)
    assert not path.parent.exists()


async def test_one_who_only_looks_sees_a_store_that_begins_later(tmp_path: Path) -> None:
    """A reader opened too early finds what a writer makes afterwards."""
    path = tmp_path / "h.db"

    async with store(path, want_lease=False) as reader, store(path, power_ticks([1.0])):
        assert [1.0] == values(await reader.series(GPU, POWER, T0, T0 + 60, 0))


async def test_a_reader_leaves_no_trace_in_a_closed_store(tmp_path: Path) -> None:
    """Reading a store nobody writes changes not a byte of it."""
    path = tmp_path / "h.db"
    async with store(path, power_ticks([1.0])):
        pass
    before = path.read_bytes()

    async with store(path, want_lease=False) as reader:
        assert [1.0] == values(await reader.series(GPU, POWER, T0, T0 + 60, 0))

    assert before == path.read_bytes()


async def test_files_are_private(tmp_path: Path) -> None:
    """The store, its log and its lock are for their owner alone, and so is the folder made for them."""
    path = tmp_path / "state" / "h.db"
    async with store(path, power_ticks([1.0])):
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}

    assert {"h.db", "h.db-wal", "h.db-shm", "h.db.lock"} == set(modes)
    assert {0o600} == set(modes.values())
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_the_holder_of_a_lock_without_a_number_is_another_process(tmp_path: Path) -> None:
    """Whatever stands in the lock file, the sentence is a harmless one."""
    Lease.lock_of(tmp_path / "h.db").write_text("\x1b[31m not a number")

    assert "another process" == Lease.holder(tmp_path / "h.db")
