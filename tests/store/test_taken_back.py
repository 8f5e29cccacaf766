"""A tick that fails at whatever step leaves memory and file agreed, and costs no reading of the whole tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.domain.series import Subject
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Gpu, Node, Snapshot, SourceState
from app.store.history import Tick
from app.store.levels import Retention
from app.store.schema import connect_writer
from app.store.writer import Writer
from tests.store.build import POWER, SMALL, T0, change, spec, tick

STEPS = ("track", "field", "part", "version", "job", "tick", "recent")
"""Tables that a tick with something new of everything writes into."""


def picture(number: int, nodes: Iterable[str], jobs: Iterable[int]) -> Snapshot:
    """The picture of a tick; its source is looked at with every second one, with the third before the fourth."""
    looked_at = T0 + (number + 1) // 2 * 5.0
    source = spec("exporter")
    return Snapshot(
        at=T0 + number * 5.0,
        sources={source.name: SourceState(source, tried_at=looked_at, ok_at=looked_at)},
        nodes={one: Node(one, gpus=(Gpu(one, 0, f"GPU-{one}"),)) for one in nodes},
        slurm=SlurmPicture("slurm", 15.0, "local", jobs={str(one): SlurmJob(str(one), one) for one in jobs}),
    )


def still(number: int) -> Tick:
    """A tick that brings values, and nothing else that was not there before."""
    at = T0 + number * 5.0
    return tick(at, change(at, {POWER: float(number)}), snapshot=picture(number, ["n0", "n1"], [1]))


def news(number: int) -> Tick:
    """A tick that brings a GPU, a metric, a node and a job, and in which another node is gone."""
    at = T0 + number * 5.0
    known = change(at, {POWER: float(number), "gpu.fan": 30.0})
    other = change(at, {POWER: 1.0}, Subject("gpu", node="n2", index=0), source="second")
    return tick(at, known, other, snapshot=picture(number, ["n1", "n2"], [1, 2]))


def dump(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All that a store holds."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}


def fail(db: sqlite3.Connection, step: str) -> None:
    """Let nothing new into a table."""
    db.execute(f"CREATE TEMP TRIGGER fail BEFORE INSERT ON main.{step} BEGIN SELECT raise(ABORT, 'no'); END")


@pytest.mark.parametrize("step", STEPS)
def test_what_a_failed_tick_brought_is_written_with_the_next(tmp_path: Path, step: str) -> None:
    """Wherever a tick fails, the store is at last what it would be had nobody tried to write that tick."""
    stores = []
    for name, failing in (("tried", [news(2), news(3)]), ("spared", [])):
        db = connect_writer(tmp_path / f"{name}.db")
        writer = Writer(db, tmp_path / f"{name}.db", Retention(), SMALL, lambda: 0.0)
        writer.write(still(1))
        fail(db, step)
        for one in failing:
            with pytest.raises(sqlite3.IntegrityError):
                writer.write(one)
        db.execute("DROP TRIGGER fail")
        for one in (news(4), still(5), news(6)):
            writer.write(one)
        stores.append(dump(db))
        db.close()

    tried, spared = stores
    assert spared == tried


def test_ticks_that_find_no_room_read_no_tables_anew(tmp_path: Path) -> None:
    """While a disk is full every tick fails: what is known of the tables stays, and only a number is read."""
    db = connect_writer(tmp_path / "h.db")
    writer = Writer(db, tmp_path / "h.db", Retention(), SMALL, lambda: 0.0)
    writer.write(still(1))
    asked: list[str] = []
    fail(db, "tick")
    db.set_trace_callback(asked.append)
    for number in range(2, 8):
        with pytest.raises(sqlite3.IntegrityError):
            writer.write(still(number))
    db.set_trace_callback(None)
    db.close()

    assert {"SELECT coalesce(max(id), 0) + 1 FROM tick"} == {one for one in asked if one.startswith("SELECT")}
