"""How readings become one picture: joins, losses, returns, and what each is worth saying."""

from __future__ import annotations

from dataclasses import replace

from app.domain.apply import apply
from app.domain.reading import GpuReading, NodeReading, PageHealth, Reading, SourceSpec, XidCount
from app.domain.snapshot import Snapshot

DCGM = SourceSpec("dcgm", "exporter", "http://n1:9400/metrics", 5.0)
SMI = SourceSpec("smi", "exporter", "http://n1:9835/metrics", 5.0)
HOST = SourceSpec("host", "exporter", "http://n1:9100/metrics", 5.0)


def gpu(index: int | None, uuid: str | None = None, **values: float) -> GpuReading:
    """A GPU as an exporter tells it."""
    return GpuReading(index, uuid, {f"gpu.{key}": value for key, value in values.items()}, {"model": "NVIDIA H100"})


def reading(
    *gpus: GpuReading, source: str = "dcgm", at: float = 100.0, flavour: str = "dcgm-exporter", node: str = "n1"
) -> Reading:
    """A look that listed these GPUs of one node."""
    said = NodeReading(node, gpus=gpus)
    return Reading(source, at, 0.01, nodes=(said,), page=PageHealth(flavour))


def grown(*steps: tuple[SourceSpec, Reading]) -> Snapshot:
    """The snapshot after some readings."""
    snapshot = Snapshot()
    for spec, one in steps:
        snapshot = apply(snapshot, spec, one).snapshot
    return snapshot


def test_two_exporters_of_one_gpu_make_one_gpu() -> None:
    """A UUID joins readings of different exporters even where one gives no index."""
    snapshot = grown(
        (DCGM, reading(gpu(3, "GPU-AA-1", utilization=97))),
        (SMI, reading(gpu(None, "aa-1", utilization=96, fan=40), source="smi", flavour="nvidia_gpu_exporter")),
    )

    only = list(snapshot.gpus())

    assert [3] == [one.index for one in only]
    assert 97 == only[0].value("gpu.utilization", 100.0)
    assert 40 == only[0].value("gpu.fan", 100.0)


def test_the_nearer_source_is_believed_while_fresh() -> None:
    """A fresh value of the best rank wins; once it is stale a fresh one of a lower rank does."""
    snapshot = grown(
        (DCGM, reading(gpu(0, "GPU-1", utilization=97), at=100)),
        (SMI, reading(gpu(0, "GPU-1", utilization=12), source="smi", at=112, flavour="nvidia_gpu_exporter")),
    )
    one = snapshot.gpu("n1", 0)

    assert one is not None
    assert 97 == one.value("gpu.utilization", 109.0)
    assert 12 == one.value("gpu.utilization", 112.0)


def test_a_value_past_its_age_is_unknown() -> None:
    """Five intervals after its reading a value is None; before that it is stale."""
    one = grown((DCGM, reading(gpu(0, "GPU-1", utilization=97)))).gpu("n1", 0)

    assert one is not None
    late = one.sample("gpu.utilization", 115.0)
    assert late is not None
    assert late.stale
    assert one.value("gpu.utilization", 125.1) is None


def test_a_gpu_no_longer_listed_is_lost_and_stays() -> None:
    """A GPU its source listed before stays in its place as lost, with an event; its values are not shown as live."""
    before = grown((DCGM, reading(gpu(0, "GPU-0", power=60), gpu(1, "GPU-1", power=61))))

    applied = apply(before, DCGM, reading(gpu(0, "GPU-0", power=60), at=105))
    one = applied.snapshot.gpu("n1", 1)

    assert one is not None
    assert 105 == one.lost_at
    assert 100 == one.seen_at
    assert one.value("gpu.power", 105) is None
    assert ["gpu.lost"] == [event.kind for event in applied.events]
    assert 2 == applied.snapshot.nodes["n1"].gpus_expected


def test_a_lost_gpu_comes_back() -> None:
    """When its source lists it again, a GPU is found, not new."""
    before = grown((DCGM, reading(gpu(0, "GPU-0"), gpu(1, "GPU-1"))), (DCGM, reading(gpu(0, "GPU-0"), at=105)))

    applied = apply(before, DCGM, reading(gpu(0, "GPU-0"), gpu(1, "GPU-1"), at=110))

    assert ["gpu.found"] == [event.kind for event in applied.events]
    assert not any(one.is_lost for one in applied.snapshot.gpus())


def test_a_gpu_seen_by_another_source_is_not_lost() -> None:
    """One exporter that drops a row does not lose a GPU which another still sees."""
    before = grown(
        (DCGM, reading(gpu(0, "GPU-0"), gpu(1, "GPU-1"))),
        (SMI, reading(gpu(0, "GPU-0"), gpu(1, "GPU-1"), source="smi", at=101)),
    )

    after = apply(before, DCGM, reading(gpu(0, "GPU-0"), at=105)).snapshot

    assert not any(one.is_lost for one in after.gpus())


def test_a_failed_look_loses_nothing() -> None:
    """A source that is down makes its GPUs old, not lost."""
    before = grown((DCGM, reading(gpu(0, "GPU-0", power=60))))

    applied = apply(before, DCGM, Reading.failed("dcgm", 105, "connection refused"))

    assert "down" == applied.snapshot.sources["dcgm"].condition(105)
    assert ["source.down"] == [event.kind for event in applied.events]
    assert not any(one.is_lost for one in applied.snapshot.gpus())
    again = apply(applied.snapshot, DCGM, Reading.failed("dcgm", 110, "connection refused"))
    assert () == again.events
    assert 2 == again.snapshot.sources["dcgm"].failures


def test_renumbered_gpus_keep_their_places() -> None:
    """When a GPU vanishes and the exporter renumbers, the others keep their places by UUID."""
    before = grown((DCGM, reading(*(gpu(i, f"GPU-{i + 1}", power=i) for i in range(4)))))

    after = apply(before, DCGM, reading(gpu(0, "GPU-1"), gpu(1, "GPU-3"), gpu(2, "GPU-4"), at=105)).snapshot

    assert [1] == [one.index for one in after.gpus() if one.is_lost]


def test_another_board_in_the_place_is_a_new_gpu() -> None:
    """A GPU with another UUID at a known index replaces it; nothing of the old board is shown."""
    before = grown((DCGM, reading(gpu(0, "GPU-old", fan=55))))

    one = apply(before, DCGM, reading(gpu(0, "GPU-new", power=60), at=101)).snapshot.gpu("n1", 0)

    assert one is not None
    assert "GPU-new" == one.uuid
    assert one.value("gpu.fan", 101) is None


def test_masked_uuids_join_nothing() -> None:
    """All-zero UUIDs, as some drivers give, do not make GPUs of two nodes one."""
    zero = "00000000-0000-0000-0000-000000000000"
    snapshot = grown((DCGM, reading(gpu(0, zero, power=1))), (SMI, reading(gpu(0, zero, power=2), node="n2")))

    assert ["n1/0", "n2/0"] == [one.id for one in snapshot.gpus()]


def test_a_page_without_a_name_joins_its_host() -> None:
    """A page named by its host joins the node that another page of that host has named."""
    said = NodeReading("gpu-01", gpus=(gpu(0, "GPU-0"),), host="10.0.0.7")
    bare = NodeReading("10.0.0.7", {"node.load_1m": 3.0}, host="10.0.0.7")
    first = replace(reading(), nodes=(said,))
    second = replace(reading(source="host"), nodes=(bare,))

    for order in ((first, second), (second, first)):
        specs = [DCGM if one.source == "dcgm" else HOST for one in order]
        snapshot = grown(*zip(specs, order, strict=True))
        assert ["gpu-01"] == list(snapshot.nodes)
        assert 3.0 == snapshot.nodes["gpu-01"].value("node.load_1m", 100)


def test_a_configured_name_is_for_pages_of_one_machine() -> None:
    """It beats what the page says, but a federation's machines keep their own names."""
    named = replace(DCGM, node="mine")
    two = Reading("dcgm", 100.0, 0.01, nodes=(NodeReading("n1", gpus=(gpu(0),)), NodeReading("n2", gpus=(gpu(0),))))

    assert ["mine"] == list(grown((named, reading(gpu(0)))).nodes)
    assert ["n1", "n2"] == list(grown((named, two)).nodes)


def test_a_long_name_joins_a_short_one() -> None:
    """`gpu-01.lab.example` and `gpu-01` are one machine."""
    snapshot = grown((DCGM, reading(gpu(0), node="gpu-01")), (SMI, reading(gpu(0), node="gpu-01.lab", source="smi")))

    assert ["gpu-01"] == list(snapshot.nodes)


def test_nodes_stand_in_natural_order() -> None:
    """gpu-2 stands before gpu-10 whatever came first."""
    snapshot = grown(*((DCGM, reading(gpu(0), node=name)) for name in ("gpu-10", "gpu-2", "gpu-1")))

    assert ["gpu-1", "gpu-2", "gpu-10"] == list(snapshot.nodes)


def test_xids_at_first_sight_are_history() -> None:
    """A counter that is not zero when first seen says nothing; its growth is an event of the difference."""
    old = replace(gpu(0, "GPU-0"), xids=(XidCount(31, 4),))
    new = replace(gpu(0, "GPU-0"), xids=(XidCount(31, 6), XidCount(79, 1, last_at=104.5)))
    first = apply(Snapshot(), DCGM, reading(old))

    second = apply(first.snapshot, DCGM, reading(new, at=105))

    assert () == first.events
    assert [(105.0, "n1/0 Xid 31 ×2"), (104.5, "n1/0 Xid 79")] == [(e.at, e.text) for e in second.events]


def test_last_xid_that_changes_is_an_event() -> None:
    """Where only the last code is published a change of it is told once, and said to be no count."""
    first = apply(Snapshot(), DCGM, reading(gpu(0, "GPU-0", xid_last=43)))
    second = apply(first.snapshot, DCGM, reading(gpu(0, "GPU-0", xid_last=79), at=105))
    third = apply(second.snapshot, DCGM, reading(gpu(0, "GPU-0", xid_last=79), at=110))

    assert [0, 1, 0] == [len(one.events) for one in (first, second, third)]
    assert "Xid 79" in second.events[0].text


def test_a_late_gpu_keeps_its_own_time() -> None:
    """Values the exporter marks as older keep their age, and are not stored twice."""
    late = replace(gpu(0, "GPU-0", power=60), at=97.0)
    first = apply(Snapshot(), DCGM, reading(late))
    second = apply(first.snapshot, DCGM, reading(late, at=105))
    found = second.snapshot.gpu("n1", 0)

    assert found is not None
    sample = found.sample("gpu.power", 105)
    assert sample is not None
    assert 8.0 == sample.age_s
    assert 1 == len(first.changes)
    assert 0 == len(second.changes)


def test_untouched_parts_are_shared() -> None:
    """Applying a reading of one node keeps the very objects of the others."""
    before = grown((DCGM, reading(gpu(0), node="a")), (SMI, reading(gpu(0), node="b", source="smi")))

    after = apply(before, DCGM, reading(gpu(0), node="a", at=105)).snapshot

    assert before.nodes["b"] is after.nodes["b"]
    assert before.version + 1 == after.version


def test_a_gpu_keeps_its_place_whatever_index_it_is_given() -> None:
    """A board that was at index 1 stays there when a page says 0 of it, and one that says both is where it was."""
    both = (gpu(0, "GPU-A", utilization=1), gpu(1, "GPU-B", utilization=2))
    turned = (gpu(1, "GPU-A", utilization=3), gpu(0, "GPU-B", utilization=4))
    snapshot = grown((DCGM, reading(*both)), (DCGM, reading(*both, at=105)), (DCGM, reading(*turned, at=110)))

    found = {one.index: (one.uuid, one.value("gpu.utilization", 110.0)) for one in snapshot.gpus()}

    assert {0: ("GPU-A", 3), 1: ("GPU-B", 4)} == found


def test_facts_said_again_are_held_once() -> None:
    """A page says the same mapping at every look; a GPU keeps that one, and another one only where it tells more."""
    first = gpu(0, "GPU-A", utilization=1)
    again = replace(first, values={"gpu.utilization": 2.0})
    more = replace(first, facts={"serial": "17"})
    kept = grown((DCGM, reading(first)), (DCGM, reading(again, at=105))).gpu("n1", 0)
    told = grown((DCGM, reading(first)), (DCGM, reading(more, at=105))).gpu("n1", 0)

    assert kept is not None
    assert kept.facts is first.facts
    assert told is not None
    assert {"model": "NVIDIA H100", "serial": "17"} == told.facts
