"""Which level answers, whose values are believed, how many subjects become one."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.series import FLEET, Point, Subject
from app.store.answers import Question, series
from app.store.schema import connect_reader
from app.store.view import Remembered, View
from tests.store.build import GPU, POWER, SMALL, T0, change, power_ticks, store, tick, values

NODE = Subject("node", node="n1")
UUID = "GPU-5f5cc5b9-0001-4000-8000-000000000001"


def gpu(index: int, node: str = "n1") -> Subject:
    """A GPU by its place."""
    return Subject("gpu", node=node, index=index)


async def test_raw_samples_stand_at_their_own_times(tmp_path: Path) -> None:
    """Step 0 gives every sample at the time it was taken, to the millisecond."""
    ticks = [tick(T0 + 1, change(T0 + 0.25, {POWER: 71.26})), tick(T0 + 6, change(T0 + 5.125, {POWER: 72.0}))]

    async with store(tmp_path / "h.db", ticks) as history:
        series = await history.series(GPU, POWER, T0, T0 + 10, 0)

    assert (Point(T0 + 0.25, 71.3, 71.3, 71.3), Point(T0 + 5.125, 72.0, 72.0, 72.0)) == series.points
    assert ("W", 0.0) == (series.unit, series.step_s)


async def test_a_gap_between_raw_samples_is_one_empty_point(tmp_path: Path) -> None:
    """Where two looks in a row brought nothing, the line is broken by a point without a value."""
    async with store(tmp_path / "h.db", power_ticks([1.0, None, 1.0, None, None, 1.0])) as history:
        series = await history.series(GPU, POWER, T0, T0 + 60, 0)

    assert [(0, 1.0), (10, 1.0), (15, None), (25, 1.0)] == [(one.at - T0, one.mean) for one in series.points]


async def test_spans_begin_at_whole_steps(tmp_path: Path) -> None:
    """The grid does not move with the question, so that a chart stands still while time goes on."""
    async with store(tmp_path / "h.db", power_ticks([float(n) for n in range(24)])) as history:
        series = await history.series(GPU, POWER, T0 + 33, T0 + 95, 30)

    assert (T0 + 30, T0 + 120, 30) == (series.start, series.end, series.step_s)
    assert [Point(T0 + 30, 8.5, 6, 11), Point(T0 + 60, 14.5, 12, 17), Point(T0 + 90, 20.5, 18, 23)] == [*series.points]


async def test_a_sample_holds_in_spans_narrower_than_its_interval(tmp_path: Path) -> None:
    """At 5 s a sample, spans of 2 s show the value in force, and a real gap stays one."""
    async with store(tmp_path / "h.db", power_ticks([1.0, 2.0, None, None, 5.0])) as history:
        series = await history.series(GPU, POWER, T0, T0 + 24, 2)

    assert [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, None, None, None, 5.0, 5.0] == values(series)


@pytest.mark.parametrize("step_s", [0, 10, 60])
async def test_the_best_ranked_source_is_believed_while_it_speaks(tmp_path: Path, step_s: float) -> None:
    """Two sources give one value: the better rank wins, the other fills in while the better is silent."""
    ticks = []
    for number in range(72):
        at = T0 + number * 5.0
        both = [change(at, {POWER: 2.0}, source="all-smi", rank=30)]
        if not 24 <= number < 48:
            both.append(change(at, {POWER: 1.0}, source="nvml", rank=0))
        ticks.append(tick(at, *both))

    async with store(tmp_path / "h.db", ticks) as history:
        found = values(await history.series(GPU, POWER, T0, T0 + 360, step_s))

    middle = len(found) // 2
    assert [1.0, 2.0, 1.0] == [found[0], found[middle], found[-1]]
    assert None not in found


@pytest.mark.parametrize(
    ("metric", "mean", "low", "high"),
    [("gpu.power", 500.0, 200.0, 800.0), ("gpu.utilization", 50.0, 10.0, 90.0), ("gpu.temperature", 61.0, 39.0, 62.0)],
)
async def test_a_node_folds_its_gpus(tmp_path: Path, metric: str, mean: float, low: float, high: float) -> None:
    """A node's power is the sum of its GPUs', its utilization their mean, its temperature the hottest one's."""
    ticks = []
    for number in range(24):
        at, sign = T0 + number * 5.0, 1 if number % 2 else -1
        ticks.append(
            tick(
                at,
                change(
                    at,
                    {
                        "gpu.power": 200 + 100.0 * sign,
                        "gpu.utilization": 20 + 10.0 * sign,
                        "gpu.temperature": 40.0 + sign,
                    },
                    gpu(0),
                ),
                change(
                    at,
                    {
                        "gpu.power": 300 + 200.0 * sign,
                        "gpu.utilization": 80 + 10.0 * sign,
                        "gpu.temperature": 61.0 + sign,
                    },
                    gpu(1),
                ),
            )
        )

    async with store(tmp_path / "h.db", ticks) as history:
        series = await history.series(NODE, metric, T0, T0 + 120, 60)

    assert [Point(T0, mean, low, high), Point(T0 + 60, mean, low, high)] == [*series.points]


async def test_raw_samples_of_many_gpus_come_in_spans_of_the_interval(tmp_path: Path) -> None:
    """Of a node's GPUs, whose samples differ in time, step 0 gives spans as wide as the slowest interval."""
    ticks = [
        tick(at, change(at - 0.5, {POWER: 100.0}, gpu(0)), change(at - 1, {POWER: 50.0}, gpu(1), source="b"))
        for at in (T0 + 4 + number * 5.0 for number in range(6))
    ]

    async with store(tmp_path / "h.db", ticks) as history:
        series = await history.series(NODE, POWER, T0, T0 + 30, 0)

    assert 5.0 == series.step_s
    assert [150.0] * 6 == values(series)


async def test_a_gpu_is_found_by_uuid_wherever_it_sits(tmp_path: Path) -> None:
    """A board that moved from one node to another has one past by its UUID, in any spelling, and two by its places."""
    before = [tick(at, change(at, {POWER: 1.0}, gpu(0, "n1"), uuid=UUID)) for at in (T0, T0 + 5.0)]
    after = [tick(at, change(at, {POWER: 2.0}, gpu(0, "n2"), uuid=UUID)) for at in (T0 + 60.0, T0 + 65.0)]

    async with store(tmp_path / "h.db", [*before, *after]) as history:
        by_uuid = await history.series(Subject("gpu", key=UUID.upper().removeprefix("GPU-")), POWER, T0, T0 + 100, 0)
        by_place = await history.series(gpu(0, "n2"), POWER, T0, T0 + 100, 0)

    assert [1.0, 1.0, None, 2.0, 2.0] == values(by_uuid)
    assert [2.0, 2.0] == values(by_place)


async def test_a_uuid_learned_later_is_the_same_gpu(tmp_path: Path) -> None:
    """Samples that came before an exporter gave the UUID belong to it too."""
    ticks = [
        tick(T0 + n * 5.0, change(T0 + n * 5.0, {POWER: float(n)}, uuid=UUID if n > 2 else None)) for n in range(6)
    ]

    async with store(tmp_path / "h.db", ticks) as history:
        series = await history.series(Subject("gpu", key=UUID), POWER, T0, T0 + 60, 0)

    assert [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] == values(series)


async def test_fleet_service_and_slice_have_a_past_of_their_own(tmp_path: Path) -> None:
    """Folds of the fleet, a model server and a MIG slice are asked for like a GPU."""
    service = Subject("service", key="vllm#llama")
    mig = Subject("mig", node="n1", index=0, key="7")
    given = [
        change(T0, {POWER: 4000.0, "fleet.gpus": 8.0}, FLEET, source="fold"),
        change(T0, {"service.requests_running": 3.0}, service, source="vllm"),
        change(T0, {"gpu.memory_used": 9000.0}, mig),
    ]

    async with store(tmp_path / "h.db", [tick(T0, *given)]) as history:
        assert [4000.0] == values(await history.series(FLEET, POWER, T0, T0 + 5, 0))
        assert [8.0] == values(await history.series(FLEET, "fleet.gpus", T0, T0 + 5, 0))
        assert [3.0] == values(await history.series(service, "service.requests_running", T0, T0 + 5, 0))
        assert [9000.0] == values(await history.series(mig, "gpu.memory_used", T0, T0 + 5, 0))


@pytest.mark.parametrize(
    ("subject", "metric", "said"),
    [
        (gpu(9), POWER, "gpu:n1/9 was never seen"),
        (Subject("gpu", key="nonsense"), POWER, "gpu:nonsense was never seen"),
        (Subject("node", node="n7"), POWER, "node:n7 was never seen"),
        (Subject("service", key="exporter"), "service.ttft", "service:exporter was never seen"),
        (FLEET, POWER, "fleet was never seen"),
        (Subject("job", key="812"), POWER, "job:812 was never seen"),
        (GPU, "gpu.charm", "no metric is called 'gpu.charm'"),
    ],
)
async def test_what_is_not_known_is_said(tmp_path: Path, subject: Subject, metric: str, said: str) -> None:
    """A subject or metric nobody knows raises LookupError with a sentence."""
    async with store(tmp_path / "h.db", power_ticks([1.0])) as history:
        with pytest.raises(LookupError, match=said):
            await history.series(subject, metric, T0, T0 + 60, 0)


async def test_a_metric_never_given_is_all_gaps(tmp_path: Path) -> None:
    """A known GPU that never gave a metric has empty spans, and no raw samples."""
    async with store(tmp_path / "h.db", power_ticks([1.0])) as history:
        assert [None, None] == values(await history.series(GPU, "gpu.fan", T0, T0 + 120, 60))
        assert [] == values(await history.series(GPU, "gpu.fan", T0, T0 + 120, 0))


async def test_a_node_without_gpu_values_is_known(tmp_path: Path) -> None:
    """A node that only node_exporter speaks of has gaps for its GPUs' metrics, and is not called unknown."""
    async with store(tmp_path / "h.db", [tick(T0, change(T0, {"node.load_1m": 1.0}, NODE))]) as history:
        assert [None] == values(await history.series(NODE, POWER, T0, T0 + 60, 60))
        assert [1.0] == values(await history.series(NODE, "node.load_1m", T0, T0 + 60, 60))


async def test_values_of_no_catalogue_metric_are_left_out(tmp_path: Path) -> None:
    """A key the catalogue does not have is not kept, and its neighbours are."""
    async with store(tmp_path / "h.db", [tick(T0, change(T0, {"gpu.charm": 3.0, POWER: 1.0}))]) as history:
        assert [1.0] == values(await history.series(GPU, POWER, T0, T0 + 60, 0))
        assert 1 == (await history.health()).samples


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
async def test_a_value_that_is_no_number_is_not_kept(tmp_path: Path, bad: float) -> None:
    """NaN and infinity are not kept; the other values of that moment are."""
    ticks = [
        tick(T0 + n * 5.0, change(T0 + n * 5.0, {POWER: bad if n == 1 else 1.0, "gpu.fan": 30.0})) for n in range(3)
    ]

    async with store(tmp_path / "h.db", ticks) as history:
        assert [1.0, 1.0] == values(await history.series(GPU, POWER, T0, T0 + 15, 0))
        assert [30.0] * 3 == values(await history.series(GPU, "gpu.fan", T0, T0 + 15, 0))


async def test_a_question_backwards_is_empty(tmp_path: Path) -> None:
    """An end before the start has no points, whatever the step."""
    async with store(tmp_path / "h.db", power_ticks([1.0] * 10)) as history:
        assert [] == values(await history.series(GPU, POWER, T0 + 60, T0, 0))
        assert [] == values(await history.series(GPU, POWER, T0 + 60, T0, 60))


async def test_a_past_longer_than_is_remembered_is_whole(tmp_path: Path) -> None:
    """More sealed windows than the reader remembers the times of are answered all the same."""
    path = tmp_path / "h.db"
    async with store(path, power_ticks([float(number) for number in range(240)])):
        pass
    db = connect_reader(path)
    forgetful = View(db, SMALL, Remembered(2))

    for _ in range(2):
        found = series(forgetful, Question(GPU, POWER, T0, T0 + 1200, 0))
        assert [float(number) for number in range(240)] == values(found)
    db.close()
