"""Slurm's jobs over time: the queue as it stood, ended jobs, and the past of a job's own GPUs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.reading import Reading, SourceSpec
from app.domain.series import Subject
from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmPartition, SlurmReading
from app.domain.snapshot import Snapshot
from app.store.levels import Retention
from app.store.sqlite import SqliteHistory
from tests.store.build import POWER, T0, follow, node_reading, store

SLURM = SourceSpec("slurm", "slurm", "squeue (local)", 5.0)
NODE = SlurmNode("n1", "MIXED", gres=(Gres("gpu", "h100", 2),), gres_used=(Gres("gpu", "h100", 1, (1,)),))
PARTITION = SlurmPartition("gpu", nodes=("n1",))


def job(number: int = 812, state: str = "RUNNING", **changes: object) -> SlurmJob:
    """A job of one GPU; a running one holds GPU 1 of n1."""
    runs = state == "RUNNING"
    ours = SlurmJob(
        str(number),
        number,
        "llama",
        "ana",
        state=state,
        gpus=1,
        nodes=("n1",) if runs else (),
        gpus_on=(JobGpus("n1", 1, "h100", (1,)),) if runs else (),
        start_at=T0 + 10.0 if runs else None,
    )
    return replace(ours, **changes)  # type: ignore[arg-type]  # fields of SlurmJob


def look(at: float, *jobs: SlurmJob) -> Reading:
    """A look at Slurm."""
    return Reading("slurm", at, 0.02, slurm=SlurmReading("commands 22.05.8", jobs, (NODE,), (PARTITION,)))


def day(until: float, *spans: tuple[float, tuple[SlurmJob, ...]]) -> Iterable[Reading]:
    """A look at the node and one at Slurm every 5 s; each of the spans says which jobs there are from then on."""
    for place in range(round(until / 5)):
        at = T0 + place * 5.0
        yield node_reading(at, watts=100.0 + place)
        here = [jobs for since, jobs in spans if since <= place * 5.0]
        yield look(at, *(here[-1] if here else ()))


def looks(until: float, *spans: tuple[float, tuple[SlurmJob, ...]]) -> list[Reading]:
    """The same as a list."""
    return list(day(until, *spans))


async def keep(history: SqliteHistory, readings: Iterable[Reading]) -> Snapshot:
    """Apply and keep; Slurm's looks as of a Slurm source."""
    return await follow(history, readings)


WAITS, RUNS, DONE = job(812, "PENDING", reason="Resources"), job(812), job(812, "COMPLETED", end_at=T0 + 40.0)


@pytest.mark.parametrize("later", [0.0, 3000.0])
async def test_the_queue_is_as_it_stood(tmp_path: Path, later: float) -> None:
    """A job waits, runs, is over, and is gone from the list: each moment shows it as it was then."""
    spans = ((0.0, (WAITS,)), (10.0, (RUNS,)), (40.0, (DONE,)), (60.0, ()))
    async with store(tmp_path / "h.db") as history:
        await keep(history, looks(80.0 + later, *spans))
        states = []
        for when in (7.0, 12.0, 42.0, 62.0):
            picture = await history.at(T0 + when)
            assert picture is not None
            assert picture.slurm is not None
            states.append({key: one.state for key, one in (picture.slurm.jobs or {}).items()})

    assert [{"812": "PENDING"}, {"812": "RUNNING"}, {"812": "COMPLETED"}, {}] == states


async def test_the_picture_of_then_has_nodes_partitions_and_bindings(tmp_path: Path) -> None:
    """Everything the screen needs for that moment comes back, with its age."""
    async with store(tmp_path / "h.db") as history:
        live = await keep(history, looks(30.0, (0.0, (RUNS,))))
        picture = await history.at(T0 + 27.0)

    assert picture is not None
    assert picture.slurm is not None
    assert live.slurm is not None
    assert live.slurm.jobs == picture.slurm.jobs
    assert live.slurm.nodes == picture.slurm.nodes
    assert live.slurm.partitions == picture.slurm.partitions
    assert 2.0 == picture.slurm.age(T0 + 27.0)


async def test_priority_and_estimates_are_no_change(tmp_path: Path) -> None:
    """A waiting job whose priority moves with every look is one row."""
    moving = [
        look(T0 + n * 5.0, replace(WAITS, priority=1000 + n, reason=("Priority", "Resources")[n % 2], start_at=T0 + n))
        for n in range(20)
    ]
    async with store(tmp_path / "h.db") as history:
        await keep(history, moving)

    with sqlite3.connect(tmp_path / "h.db") as db:
        assert [(1,)] == db.execute("SELECT count(*) FROM job").fetchall()


async def test_ended_jobs_are_remembered(tmp_path: Path) -> None:
    """Each job of a time once, as it stood last; one that was gone at once ended when it was last seen."""
    spans = ((0.0, (RUNS, job(9, start_at=T0))), (40.0, (DONE,)), (60.0, ()))
    async with store(tmp_path / "h.db") as history:
        await keep(history, looks(80.0, *spans))
        found = {one.id: one for one in await history.jobs(T0, T0 + 100.0)}
        none = await history.jobs(T0 + 200.0, T0 + 300.0)

    assert {"812", "9"} == set(found)
    assert ("COMPLETED", T0 + 40.0) == (found["812"].state, found["812"].end_at)
    assert ("RUNNING", T0 + 40.0) == (found["9"].state, found["9"].end_at)
    assert () == tuple(none)


async def test_an_ended_job_keeps_the_past_of_its_gpus(tmp_path: Path) -> None:
    """`job:812` power is that of GPU 1 while it ran, and nothing before and after."""
    spans = ((0.0, (WAITS,)), (10.0, (RUNS,)), (40.0, (DONE,)), (60.0, ()))
    async with store(tmp_path / "h.db") as history:
        await keep(history, looks(80.0, *spans))
        series = await history.series(Subject("job", key="812"), POWER, T0, T0 + 80.0, 5.0)

    told = {point.at - T0: point.mean for point in series.points}
    assert {10.0: 103.0, 15.0: 104.0, 20.0: 105.0, 25.0: 106.0, 30.0: 107.0, 35.0: 108.0} == {
        at: value for at, value in told.items() if value is not None
    }


async def test_a_metric_that_is_no_gpus_is_refused(tmp_path: Path) -> None:
    """A job's past is that of its GPUs."""
    async with store(tmp_path / "h.db") as history:
        await keep(history, looks(30.0, (0.0, (RUNS,))))
        with pytest.raises(LookupError, match="that of its GPUs"):
            await history.series(Subject("job", key="812"), "node.load_1m", T0, T0 + 30.0, 5.0)


async def test_a_job_that_ended_while_nobody_looked_ended_when_it_was_last_seen(tmp_path: Path) -> None:
    """After a restart, what is no longer listed is closed at the last tick before."""
    async with store(tmp_path / "h.db") as history:
        await keep(history, looks(30.0, (0.0, (RUNS,))))
    async with store(tmp_path / "h.db") as history:
        await keep(history, [look(T0 + 500.0, job(900))])
        found = {one.id: one.end_at for one in await history.jobs(T0, T0 + 600.0)}

    assert {"812": T0 + 25.0, "900": None} == found


async def test_a_job_that_goes_on_over_a_restart_is_one_row(tmp_path: Path) -> None:
    """A restart is no change of a job."""
    for start in (0.0, 100.0):
        async with store(tmp_path / "h.db") as history:
            await keep(history, [look(T0 + start + n * 5.0, RUNS) for n in range(3)])

    with sqlite3.connect(tmp_path / "h.db") as db:
        assert [(1,)] == db.execute("SELECT count(*) FROM job").fetchall()


async def test_a_slurm_that_is_silent_changes_no_job(tmp_path: Path) -> None:
    """A failed look keeps the rows open; the picture of then is as old as it was."""
    readings = [*looks(20.0, (0.0, (RUNS,))), Reading.failed("slurm", T0 + 30.0, "slurmctld does not answer")]
    async with store(tmp_path / "h.db") as history:
        await keep(history, [*readings, node_reading(T0 + 35.0)])
        picture = await history.at(T0 + 36.0)

    assert picture is not None
    assert picture.slurm is not None
    assert ["812"] == list(picture.slurm.jobs or {})
    assert 21.0 == picture.slurm.age(T0 + 36.0)
    assert "slurmctld does not answer" == picture.sources["slurm"].error


async def test_old_jobs_are_forgotten(tmp_path: Path) -> None:
    """What was over before anything that is kept goes."""
    short = Retention(raw_s=60, minute_s=120, quarter_s=180)
    async with store(tmp_path / "h.db", retention=short) as history:
        await keep(history, looks(3000.0, (0.0, (RUNS,)), (40.0, ())))
        assert () == tuple(await history.jobs(T0, T0 + 3000.0))
