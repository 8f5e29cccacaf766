"""What a new start knows from the run before: lost GPUs, silent GPUs, counts; and what it had better forget."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from app.domain.apply import Applied
from app.domain.reading import GpuReading, NodeReading, Reading, SourceSpec
from app.domain.restore import Heard, replay, restore
from app.domain.slurm import SlurmJob, SlurmReading
from app.domain.snapshot import Gpu, Snapshot

DCGM = SourceSpec("dcgm", "exporter", "http://n1:9400/metrics", 5.0)
SMI = SourceSpec("smi", "exporter", "http://n1:9835/metrics", 5.0)
END, START = 1000.0, 1600.0
"""When the run before ended, ten minutes before this one began."""
WEEK_AGO = START - 7 * 86400


def page(*gpus: int, at: float = START, spec: SourceSpec = DCGM, node: str = "n1", **more: object) -> Heard:
    """A look that lists these GPUs; `uuids` where they are not the usual ones, `host` and `expected` of the node."""
    uuids = more.get("uuids", [f"GPU-{index + 1}" for index in gpus])
    assert isinstance(uuids, list)
    listed = tuple(
        GpuReading(index, uuid, {"gpu.power": 60.0}, {"model": "H100"}, hpc_jobs=("812",))
        for index, uuid in zip(gpus, uuids, strict=True)
    )
    expected, host = more.get("expected"), more.get("host")
    said = NodeReading(node, gpus=listed, gpus_expected=expected, host=host)  # type: ignore[arg-type]  # as given
    return spec, Reading(spec.name, at, 0.01, nodes=(said,)), 0


def down(spec: SourceSpec = DCGM, at: float = START) -> Heard:
    """A look that failed."""
    return spec, Reading.failed(spec.name, at, "connection refused"), 0


def past(*looks: Heard) -> Snapshot:
    """The last picture of a run that heard these."""
    return replay(Snapshot(cluster="lab"), looks).snapshot


def lost_five() -> Snapshot:
    """Eight GPUs of which the one in place 5 was lost at 900."""
    return past(page(*range(8), at=895), page(0, 1, 2, 3, 4, 6, 7, at=900), page(0, 1, 2, 3, 4, 6, 7, at=END))


def restored(
    before: Snapshot, *heard: Heard, sources: Collection[str] | None = ("dcgm", "smi"), oldest: float = WEEK_AGO
) -> Applied:
    """What stands after a new start that heard these looks before the past was read."""
    return restore(Snapshot(cluster="lab"), before, heard, sources, oldest)


def place(applied: Applied, index: int, node: str = "n1") -> Gpu:
    """The GPU in a place that is not empty."""
    found = applied.snapshot.gpu(node, index)
    assert found is not None
    return found


def told(applied: Applied) -> list[str]:
    """Kinds of events about GPUs."""
    return [event.kind for event in applied.events if event.kind.startswith("gpu.")]


def test_a_lost_gpu_is_still_lost_after_a_new_start() -> None:
    """It stands in its place with the times of before, and is not told as lost a second time."""
    after = restored(lost_five(), page(0, 1, 2, 3, 4, 6, 7))

    assert list(range(8)) == [gpu.index for gpu in after.snapshot.gpus()]
    assert (900, 895) == (place(after, 5).lost_at, place(after, 5).seen_at)
    assert 8 == after.snapshot.nodes["n1"].gpus_expected
    assert [] == told(after)


def test_a_gpu_that_went_meanwhile_is_lost() -> None:
    """One that was there at the end and that its source no longer lists is lost since the new start, told once."""
    after = restored(past(page(0, 1, at=END)), page(0))

    assert (START, END) == (place(after, 1).lost_at, place(after, 1).seen_at)
    assert ["gpu.lost"] == told(after)


def test_it_is_lost_whenever_its_source_answers() -> None:
    """A source that answers only after the past was read loses its GPU just the same."""
    silent = restored(past(page(0, 1, at=END)))

    after = replay(silent.snapshot, [page(0)])

    assert [False, True] == [place(one, 1).is_lost for one in (silent, after)]


def test_a_source_that_fails_loses_nothing() -> None:
    """GPUs of a source that does not answer stand in their places, unknown, neither lost nor at work for anybody."""
    after = restored(past(page(0, 1, at=END)), down())

    assert [False, False] == [gpu.is_lost for gpu in after.snapshot.gpus()]
    assert [None, ()] == [place(after, 1).value("gpu.power", START), place(after, 1).hpc_jobs]
    assert END == place(after, 1).seen_at
    assert [] == told(after)


def test_a_gpu_listed_again_is_found() -> None:
    """A GPU that was lost before and is listed now is back, and said to be."""
    after = restored(lost_five(), page(*range(8)))

    assert not any(gpu.is_lost for gpu in after.snapshot.gpus())
    assert ["gpu.found"] == told(after)


def test_another_board_in_the_place_replaces_the_lost_one() -> None:
    """A new UUID at the lost one's index is a new GPU: nothing is lost, nothing came back."""
    after = restored(lost_five(), page(*range(8), uuids=[f"GPU-{n}" for n in (1, 2, 3, 4, 5, 99, 7, 8)]))

    assert ("GPU-99", None) == (place(after, 5).uuid, place(after, 5).lost_at)
    assert 8 == len(list(after.snapshot.gpus()))


def test_a_board_in_another_node_leaves_no_ghost() -> None:
    """A board that is listed on another node by now, or under its node's new name, does not stay where it was."""
    after = restored(past(page(0, 1, at=END, node="old")), page(0, 1, node="new"))

    assert ["new"] == list(after.snapshot.nodes)
    assert [] == told(after)


def test_renumbered_gpus_keep_the_places_of_before() -> None:
    """Where the page closes the gap that a lost GPU left, each board stands where it stood before the restart."""
    after = restored(past(page(0, 1, 2, at=END)), page(0, 1, uuids=["GPU-1", "GPU-3"]))

    assert ["GPU-1", "GPU-2", "GPU-3"] == [gpu.uuid for gpu in after.snapshot.gpus()]
    assert [1] == [gpu.index for gpu in after.snapshot.gpus() if gpu.is_lost]
    assert [0, 2] == [change.subject.index for change in after.changes]


def test_aliases_are_remembered() -> None:
    """A page that names its node by address joins the node that went by that address before."""
    before = past(page(0, 1, at=END, node="gpu-01", host="10.0.0.7"))

    after = restored(before, page(0, node="10.0.0.7", host="10.0.0.7"))

    assert ["gpu-01"] == list(after.snapshot.nodes)
    assert place(after, 1, "gpu-01").is_lost


def test_sources_that_are_gone_take_their_gpus_along() -> None:
    """What only a source knew that is no longer configured is forgotten; None means that nobody knows yet."""
    before = past(page(0, at=END), page(0, at=END, spec=SMI, node="n2", uuids=["GPU-9"]))

    assert ["n1"] == list(restored(before, sources={"dcgm"}).snapshot.nodes)
    assert ["n1", "n2"] == list(restored(before, sources=None).snapshot.nodes)


def test_a_gpu_of_a_gone_source_goes_from_a_node_that_stays() -> None:
    """A node two sources spoke of keeps only what the remaining one listed."""
    before = past(page(0, at=END), page(1, at=END, spec=SMI, uuids=["GPU-9"]))

    node = restored(before, sources={"dcgm"}).snapshot.nodes["n1"]

    assert [0] == [gpu.index for gpu in node.gpus]
    assert (("dcgm",), 1) == (node.sources, node.gpus_expected)


def test_what_was_last_seen_too_long_ago_is_forgotten() -> None:
    """Past the bound a lost GPU is no longer expected either; the others of its node stay."""
    node = restored(lost_five(), oldest=950.0).snapshot.nodes["n1"]

    assert [0, 1, 2, 3, 4, 6, 7] == [gpu.index for gpu in node.gpus]
    assert 7 == node.gpus_expected


def test_an_expected_count_survives_until_its_source_says_another() -> None:
    """A silent node keeps the count its source said; a source that answers has the last word."""
    before = past(page(0, 1, at=END, expected=4))

    assert [4, 4, 2, 3] == [
        restored(before, *heard).snapshot.nodes["n1"].gpus_expected
        for heard in ((), [down()], [page(0, 1)], [page(0, 1, expected=3)])
    ]


def test_a_simulated_past_is_not_mixed_with_real_machines() -> None:
    """Neither brings the other's GPUs back."""
    real = past(page(0, 1, at=END))
    spec, reading, missed = page(0)

    assert [] == list(restored(replace(real, mode="simulated")).snapshot.nodes)
    after = restored(real, (spec, replace(reading, simulated=True), missed))
    assert [0] == [gpu.index for gpu in after.snapshot.gpus()]


def test_without_a_past_the_looks_alone_count() -> None:
    """An empty picture changes nothing of what was heard."""
    after = restored(Snapshot(), page(0), down(SMI))

    assert [["dcgm", "smi"], ["n1/0"]] == [list(after.snapshot.sources), [gpu.id for gpu in after.snapshot.gpus()]]
    assert ["source.down"] == [event.kind for event in after.events]


def test_slurm_comes_back_with_its_age_and_tells_what_happened_meanwhile() -> None:
    """While slurmctld is down the last picture stands; when it answers, a job that ended meanwhile is told of."""
    spec = SourceSpec("slurm", "slurm", "squeue (local)", 5.0)
    job = SlurmJob("812", 812, "llama", "ana", state="RUNNING", nodes=("n1",))
    before = past(page(0), (spec, Reading("slurm", START - 30, 0.1, slurm=SlurmReading("commands", (job,))), 0))
    answer = Reading("slurm", START, 0.1, slurm=SlurmReading("commands", (replace(job, state="FAILED"),)))

    silent = restore(Snapshot(), before, [(spec, Reading.failed("slurm", START, "down"), 0)], {"dcgm", "slurm"}, 0.0)
    heard = restore(Snapshot(), before, [(spec, answer, 0)], {"dcgm", "slurm"}, 0.0)
    gone = restore(Snapshot(), before, [page(0)], {"dcgm"}, 0.0)

    assert silent.snapshot.slurm is not None
    assert (30.0, ["812"]) == (silent.snapshot.slurm.age(START), list(silent.snapshot.slurm.jobs or {}))
    assert ["job 812 (ana, llama) ended: FAILED"] == [event.text for event in heard.events if event.kind == "job.ended"]
    assert gone.snapshot.slurm is None
