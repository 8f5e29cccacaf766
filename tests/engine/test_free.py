"""Free GPUs are those that can be had, by whose word is said, and what is not known is not called free."""

from __future__ import annotations

from dataclasses import replace

from app.engine.free import FreeRow, NodeFree, free_gpus
from tests.engine.slurm_builders import DAY_S, NOW, gpu, idle, node, partition, picture, process, running, snapshot_with

SEEN = picture(
    [running(812, "gpu-1", 6)],
    [
        node("gpu-1", used=6, partitions=("gpu", "debug")),
        node("gpu-2"),
        node("gpu-3", flags=("DRAIN",), reason="fan", reason_by="bo", reason_at=NOW - DAY_S),
        node("old-1", gpus=4, kind="v100"),
    ],
    [partition("debug")],
)


def test_rows_by_node() -> None:
    """Every node says what is free, given away and not available, and why."""
    found = free_gpus(snapshot_with(SEEN), NOW + 5)

    assert (
        NodeFree("gpu-1", "h100", 8, 2, 6, 0, "", ("gpu", "debug"), 56, 1_000_000.0),
        NodeFree("gpu-2", "h100", 8, 8, 0, 0, "", ("gpu",), 64, 1_000_000.0),
        NodeFree("gpu-3", "h100", 8, 0, 0, 8, "drained: fan (bo, 24 h)", ("gpu",), 64, 1_000_000.0),
        NodeFree("old-1", "v100", 4, 4, 0, 0, "", ("gpu",), 64, 1_000_000.0),
    ) == found.nodes
    assert ("slurm", "by Slurm, 5 s ago") == (found.basis, found.note)


def test_sums_by_model_and_partition() -> None:
    """Sums hold the largest block; a node of two partitions counts in both."""
    found = free_gpus(snapshot_with(SEEN), NOW)

    assert (
        FreeRow("h100", 24, 10, 6, 8, 0, 8, "gpu-2"),
        FreeRow("v100", 4, 4, 0, 0, 0, 4, "old-1"),
    ) == found.by_model
    assert (
        FreeRow("gpu", 28, 14, 6, 8, 0, 8, "gpu-2"),
        FreeRow("debug", 8, 2, 6, 0, 0, 2, "gpu-1"),
    ) == found.by_partition
    assert (28, 14) == (found.total.total, found.total.free)


def test_use_that_slurm_does_not_say_is_unknown() -> None:
    """A node without a count of used GPUs is unknown: not free, not allocated."""
    found = free_gpus(snapshot_with(picture(nodes=[node("gpu-1", used=None, state="MIXED")])), NOW)

    assert (
        NodeFree(
            "gpu-1", "h100", 8, None, None, 0, "Slurm does not say how many are used", ("gpu",), 56 + 8, 1_000_000.0
        )
        == found.nodes[0]
    )
    assert (0, 8) == (found.total.free, found.total.unknown)


def test_a_lost_gpu_is_not_free() -> None:
    """What the driver has lost cannot be had, though Slurm would give it."""
    boards = [idle("gpu-2", index, lost_at=NOW if index == 7 else None) for index in range(8)]
    found = free_gpus(snapshot_with(picture(nodes=[node("gpu-2")]), boards), NOW)

    assert (7, 1) == (found.nodes[0].free, found.nodes[0].unavailable)
    assert "1 GPU lost by the driver, which Slurm does not know" == found.nodes[0].why


def test_what_would_start() -> None:
    """A request is laid against the free blocks: the tightest fit, else the best there is."""
    found = free_gpus(snapshot_with(SEEN), NOW)

    assert (True, ("gpu-1",), "2 GPUs on one node: free on gpu-1") == _of(found.starts(2, model="H100"))
    assert (True, ("gpu-2",), "8 GPUs on one node: free on gpu-2") == _of(found.starts(8))
    assert (False, ("gpu-2",), "8 GPUs on each of 2 nodes: 1 node has that") == _of(found.starts(8, 2))
    assert (False, (), "5 GPUs on one node: the best has 4") == _of(found.starts(5, model="v100"))
    assert (False, (), "4 GPUs on one node: the best has 2") == _of(found.starts(4, partition="debug"))


def _of(starts: object) -> tuple[object, ...]:
    return tuple(getattr(starts, name) for name in ("ok", "nodes", "text"))


def test_without_slurm_idle_and_empty_gpus_are_taken_for_free() -> None:
    """No Slurm: a GPU that does nothing and holds nothing is free, and it is said by whose word."""
    empty = {"gpu.memory_used": 4.0}
    boards = [
        idle("box", 0, values=empty),
        gpu("box", 1),
        idle("box", 2, values=empty, processes=(process(),)),
        idle("box", 3),
        idle("box", 4, values=empty, lost_at=NOW),
        idle("box", 5, values=empty, at=NOW - 3600),
    ]
    found = free_gpus(snapshot_with(None, boards), NOW)

    assert (NodeFree("box", "H100 80GB HBM3", 6, 1, 3, 2, "1 GPU lost, 1 GPU silent"),) == found.nodes
    assert ("driver", ()) == (found.basis, found.by_partition)
    assert "no Slurm here: GPUs that do nothing and hold nothing are taken for free" == found.note


def test_a_dead_slurm_is_not_believed() -> None:
    """Past its age Slurm's picture is put aside, and that is said."""
    found = free_gpus(
        snapshot_with(replace(SEEN, at=NOW - 3600), [idle("gpu-1", 0, values={"gpu.memory_used": 4.0})]), NOW
    )

    assert "driver" == found.basis
    assert found.note.startswith("Slurm has not answered within its age")
    assert 1 == found.total.free
