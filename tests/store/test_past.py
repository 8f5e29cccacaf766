"""Time travel: the picture as it stood."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.reading import (
    GpuReading,
    MigReading,
    NodeReading,
    PageHealth,
    Reading,
    ServiceReading,
    XidCount,
)
from app.domain.snapshot import Snapshot
from app.store.levels import Retention
from app.store.pages import Pages
from app.store.sqlite import SqliteHistory
from tests.store.build import POWER, SMALL, T0, change, follow, node_reading, power_ticks, spec, store, tick

LONG_AGO = 600
"""Ticks after which everything of the beginning is sealed."""


async def moment(history: SqliteHistory, when: float) -> Snapshot:
    """The picture at a moment that has one."""
    picture = await history.at(when)
    assert picture is not None
    return picture


def shown(picture: Snapshot, now: float) -> dict[str, float | None]:
    """Every GPU's power as a screen would show it."""
    return {gpu.id: gpu.value(POWER, now) for gpu in picture.gpus()}


@pytest.mark.parametrize("later", [0, LONG_AGO])
async def test_values_are_those_of_the_moment(tmp_path: Path, later: int) -> None:
    """Each GPU shows its last value before the moment, with its true age, whether sealed since or not."""
    readings = [node_reading(T0 + n * 5.0, watts=100.0 + n) for n in range(20 + later)]

    async with store(tmp_path / "h.db") as history:
        await follow(history, readings)
        picture = await moment(history, T0 + 52.0)

    assert {"n1/0": 110.0, "n1/1": 111.0} == shown(picture, T0 + 52.0)
    sample = picture.nodes["n1"].gpus[0].sample(POWER, T0 + 52.0)
    assert sample is not None
    assert (2.0, "exporter", False) == (sample.age_s, sample.source, sample.stale)
    assert 1.5 == picture.nodes["n1"].value("node.load_1m", T0 + 52.0)
    assert T0 + 50.0 == picture.at


@pytest.mark.parametrize("later", [0, LONG_AGO])
async def test_who_there_was_is_as_of_then(tmp_path: Path, later: int) -> None:
    """Identities, facts and numbers of GPUs are those of the moment, not of now."""
    before = [node_reading(T0 + n * 5.0, gpus=1) for n in range(10)]
    after = [node_reading(T0 + n * 5.0, gpus=3) for n in range(10, 20 + later)]

    async with store(tmp_path / "h.db") as history:
        await follow(history, [*before, *after])
        early, late = await moment(history, T0 + 45.0), await moment(history, T0 + 90.0)

    assert [1, 3] == [len(picture.nodes["n1"].gpus) for picture in (early, late)]
    assert ("GPU-00000001", "H100") == (early.nodes["n1"].gpus[0].uuid, early.nodes["n1"].gpus[0].model)
    assert "lab" == early.cluster


async def test_a_lost_gpu_is_lost_then_and_only_then(tmp_path: Path) -> None:
    """A GPU that vanished and came back is there, lost and there again as one travels."""
    readings = [node_reading(T0 + n * 5.0, gpus=1 if 10 <= n < 20 else 2) for n in range(30)]

    async with store(tmp_path / "h.db") as history:
        await follow(history, readings)
        states = [(await moment(history, T0 + at)).nodes["n1"].gpus[1] for at in (45, 70, 120)]

    assert [False, True, False] == [gpu.is_lost for gpu in states]
    assert T0 + 50.0 == states[1].lost_at
    assert T0 + 45.0 == states[1].seen_at
    assert "no longer lists it" in (states[1].note or "")


@pytest.mark.parametrize("later", [0, LONG_AGO])
async def test_sources_stand_as_they_stood(tmp_path: Path, later: int) -> None:
    """A source that failed for a while is up, down with its reason, and up again, each with its own times."""
    readings = [
        Reading.failed("exporter", T0 + n * 5.0, "connection refused", 0.5)
        if 10 <= n < 20
        else replace(node_reading(T0 + n * 5.0), page=PageHealth("dcgm-exporter", samples=20 + n, known=9))
        for n in range(30 + later)
    ]

    async with store(tmp_path / "h.db") as history:
        await follow(history, readings)
        up, down, again = [(await moment(history, T0 + at)).sources["exporter"] for at in (45, 72, 121)]

    assert ["ok", "down", "ok"] == [one.condition(T0 + at) for one, at in ((up, 45), (down, 72), (again, 121))]
    assert (T0 + 45.0, T0 + 45.0, None, 0) == (up.tried_at, up.ok_at, up.error, up.failures)
    assert (T0 + 70.0, T0 + 45.0, "connection refused", 5) == (down.tried_at, down.ok_at, down.error, down.failures)
    assert (0.5, 0.02) == (down.duration_s, again.duration_s)
    assert up.page is not None
    assert "dcgm-exporter" == up.page.flavour


async def test_slices_services_and_xids_are_there(tmp_path: Path) -> None:
    """MIG slices with their values, model servers, and what a GPU counted, belong to the picture."""
    gpu = GpuReading(
        0,
        "GPU-1",
        {POWER: 300.0},
        mig=(MigReading(7, "1g.10gb", "MIG-7", {"gpu.memory_used": 9000.0}),),
        xids=(XidCount(79, 2),),
    )
    served = ServiceReading("vllm", "llama", {"service.requests_running": 3.0})

    async with store(tmp_path / "h.db") as history:
        await follow(
            history,
            [
                Reading("exporter", T0 + n * 5.0, 0.1, nodes=(NodeReading("n1", gpus=(gpu,)),), services=(served,))
                for n in range(3)
            ],
        )
        picture = await moment(history, T0 + 11.0)

    found = picture.nodes["n1"].gpus[0]
    assert (XidCount(79, 2),) == found.xids
    assert [(7, "1g.10gb", {"gpu.memory_used": 9000.0})] == [(m.id, m.profile, m.layers[0].values) for m in found.mig]
    assert 3.0 == picture.services["exporter#llama"].value("service.requests_running", T0 + 11.0)


async def test_layers_of_many_sources_keep_their_rank(tmp_path: Path) -> None:
    """Two sources of one GPU are two layers, the better one first."""
    nvml = tick(T0 + 1, change(T0 + 1, {POWER: 2.0}, source="b", rank=0))

    async with store(tmp_path / "h.db") as history:
        await follow(history, [node_reading(T0, source="a", watts=1.0)])
        await history.write(nvml)
        layers = (await moment(history, T0 + 2)).nodes["n1"].gpus[0].layers

    assert [("b", 0), ("a", 40)] == [(layer.source, layer.rank) for layer in layers]


async def test_old_values_are_old_when_one_travels(tmp_path: Path) -> None:
    """A GPU that had fallen silent shows nothing once its last value was past its age."""
    readings = [node_reading(T0 + n * 5.0) for n in range(5)]
    silence = [tick(T0 + n * 5.0, change(T0 + n * 5.0, {"node.load_1m": 1.0}, source="other")) for n in range(5, 20)]

    async with store(tmp_path / "h.db") as history:
        await follow(history, readings)
        for one in silence:
            await history.write(one)
        stale, gone = await moment(history, T0 + 35.0), await moment(history, T0 + 60.0)

    assert [300.0, None] == [shown(picture, at)["n1/0"] for picture, at in ((stale, T0 + 35.0), (gone, T0 + 60.0))]


async def test_a_renamed_node_has_no_ghost(tmp_path: Path) -> None:
    """A node that goes by another name since is in the picture once, under the name of the moment."""
    by_host = Reading("exporter", T0, 0.1, nodes=(NodeReading("10.0.0.1", {"node.load_1m": 1.0}, host="10.0.0.1"),))
    by_name = Reading("exporter", T0 + 5, 0.1, nodes=(NodeReading("n1", {"node.load_1m": 2.0}, host="10.0.0.1"),))

    async with store(tmp_path / "h.db") as history:
        await follow(history, [by_host, by_name])
        early, late = await moment(history, T0 + 1), await moment(history, T0 + 40)

    assert ["10.0.0.1"] == list(early.nodes)
    assert ["n1"] == list(late.nodes)


@pytest.mark.parametrize("when", [T0 - 1.0, T0 + 4000.0])
async def test_a_time_nobody_kept_has_no_picture(tmp_path: Path, when: float) -> None:
    """Before the first tick, and long after the last one, there is None."""
    async with store(tmp_path / "h.db") as history:
        await follow(history, [node_reading(T0 + n * 5.0) for n in range(10)])
        assert await history.at(when) is None


async def test_minutes_stand_in_where_samples_are_gone(tmp_path: Path) -> None:
    """Past the raw retention the picture shows the mean of the minute, no older than a minute."""
    readings = [node_reading(T0 + n * 5.0, watts=100.0 + n % 2) for n in range(900)]
    kept = Retention(raw_s=600.0, minute_s=86400.0, quarter_s=86400.0)

    async with store(tmp_path / "h.db", retention=kept) as history:
        await follow(history, readings)
        assert T0 + 600 < ((await history.health()).oldest or 0)
        picture = await moment(history, T0 + 330.0)

    assert {"n1/0": 100.5, "n1/1": 101.5} == shown(picture, T0 + 330.0)
    assert [60.0] == [layer.interval_s for layer in picture.nodes["n1"].gpus[0].layers]


async def test_without_pictures_the_values_alone_make_one(tmp_path: Path) -> None:
    """A store that was given no snapshots still knows which GPU said what."""
    async with store(tmp_path / "h.db", power_ticks([70.0] * 20), SMALL) as history:
        picture = await moment(history, T0 + 42.0)

    assert {"n1/0": 70.0} == shown(picture, T0 + 42.0)


async def test_a_quiet_fleet_keeps_one_version_of_itself(tmp_path: Path) -> None:
    """Hours in which nothing but numbers changes add nothing to the parts of the picture."""
    async with store(tmp_path / "h.db") as history:
        await follow(history, [node_reading(T0 + n * 5.0, watts=float(n)) for n in range(200)], spec())

        def versions(pages: Pages) -> int:
            return int(pages.view.db.execute("SELECT count(*) FROM version").fetchone()[0])

        assert 3 == await history._reader.ask(versions)


async def test_the_last_picture_is_for_a_new_start(tmp_path: Path) -> None:
    """However long ago the last tick was, its picture is there; but not when that was before the time asked for."""
    readings = [node_reading(T0 + n * 5.0, gpus=1 if n == 9 else 2) for n in range(10)]
    async with store(tmp_path / "h.db") as history:
        assert await history.last(0.0) is None
        await follow(history, readings)
        picture = await history.last(T0 + 45.0)
        assert await history.last(T0 + 46.0) is None

    assert picture is not None
    assert T0 + 45.0 == picture.at
    assert [(None, T0 + 45.0), (T0 + 45.0, T0 + 40.0)] == [(gpu.lost_at, gpu.seen_at) for gpu in picture.gpus()]


async def test_a_silent_gpu_names_who_listed_it(tmp_path: Path) -> None:
    """A GPU whose source was down at the end has that source's layer, empty, of the time it was last seen."""
    up = [node_reading(T0 + n * 5.0) for n in range(5)]
    out = [Reading.failed("exporter", T0 + n * 5.0, "connection refused") for n in range(5, 40)]

    async with store(tmp_path / "h.db") as history:
        await follow(history, [*up, *out])
        picture = await history.last(0.0)

    assert picture is not None
    silent = picture.nodes["n1"].gpus[0]
    assert [("exporter", T0 + 20.0, {})] == [(one.source, one.at, one.values) for one in silent.layers]
    assert T0 + 20.0 == silent.seen_at


async def test_who_stopped_listing_a_gpu_that_others_see_is_not_named(tmp_path: Path) -> None:
    """A source that answers and does not list a GPU that another one lists must not lose it after a restart."""
    both = [node_reading(T0 + n * 5.0, source=name) for n in range(3) for name in ("a", "b")]
    one = [node_reading(T0 + n * 5.0, source=name, gpus=2 if name == "b" else 1) for n in range(3, 20) for name in "ab"]

    async with store(tmp_path / "h.db") as history:
        await follow(history, [*both, *one])
        picture = await history.last(0.0)

    assert picture is not None
    assert [["a", "b"], ["b"]] == [sorted(layer.source for layer in gpu.layers) for gpu in picture.gpus()]
