"""Scatter is told by whom it stops, which end makes a block, and which move would."""

from __future__ import annotations

from app.engine.fragmentation import Block, Move, fragmentation, fragmenting
from tests.engine.slurm_builders import HOUR_S, NOW, job, node, picture, running

EIGHT = {"gpus": 8, "gpus_per_node": 8, "gpu_type": "h100"}


def test_eight_free_gpus_cannot_start_a_job_of_eight() -> None:
    """Four nodes with two free each: the job of eight is stuck by scatter, until the first node is empty."""
    nodes = [node(f"gpu-{number}", used=6) for number in range(1, 5)]
    jobs = [running(810 + number, f"gpu-{number}", 6, ends_in_s=number * HOUR_S) for number in range(1, 5)]
    found = fragmentation(
        picture([*jobs, job(820, **EIGHT), job(821, **EIGHT, priority=2000, reason="Priority")], nodes)
    )

    assert (8, 2) == (found.free, found.largest)
    assert Block("gpu-1", "h100", 2, 8) == found.blocks[0]
    (stuck,) = found.stuck
    assert (("821", "820"), 8, 2) == (stuck.jobs, stuck.free, stuck.largest)
    assert stuck.release is not None
    assert (NOW + HOUR_S, ("811",), 6) == (stuck.release.at, stuck.release.jobs, stuck.release.gpus)
    assert None is stuck.move


def test_a_large_picture_is_gone_through_in_pieces() -> None:
    """Of thousands of jobs the thread that asks lets others go first now and then; the answer is remembered."""
    nodes = [node(f"gpu-{number}", used=6) for number in range(1, 5)]
    large = picture([job(number, **EIGHT) for number in range(5000)], nodes)
    pieces = len(list(fragmenting(large)))

    assert 20 < pieces
    assert [] == list(fragmenting(large))
    assert 5000 == len(fragmentation(large).stuck[0].jobs)


def test_a_small_job_in_the_way_could_move() -> None:
    """Where what sits on a node fits on the free GPUs of others, that move is named: the cheapest."""
    nodes = [node("gpu-1", used=1), node("gpu-2", used=4), node("gpu-3", used=4)]
    jobs = [running(1, "gpu-1", 1), running(2, "gpu-2", 4), running(3, "gpu-3", 4), job(820, **EIGHT)]

    (stuck,) = fragmentation(picture(jobs, nodes)).stuck

    assert Move("gpu-1", ("1",), 1) == stuck.move


def test_too_few_gpus_are_not_scatter() -> None:
    """Where fewer are free than the job needs, scatter is not the cause."""
    nodes = [node("gpu-1", used=6), node("gpu-2", used=6)]

    assert () == fragmentation(picture([job(820, **EIGHT)], nodes)).stuck


def test_a_whole_block_is_not_scatter() -> None:
    """Where a node has them together, something else keeps the job."""
    assert () == fragmentation(picture([job(820, **EIGHT)], [node("gpu-1"), node("gpu-2", used=6)])).stuck


def test_held_and_limited_jobs_are_not_stuck_by_scatter() -> None:
    """A job that waits for something else is not counted."""
    nodes = [node("gpu-1", used=4), node("gpu-2", used=4)]
    held = job(820, **EIGHT, reason="JobHeldUser")
    limited = job(821, **EIGHT, reason="QOSMaxGRESPerUser")

    assert () == fragmentation(picture([held, limited], nodes)).stuck


def test_free_gpus_of_drained_nodes_do_not_count() -> None:
    """A drained node's GPUs are no part of the free ones."""
    found = fragmentation(picture(nodes=[node("gpu-1", flags=("DRAIN",)), node("gpu-2", used=6)]))

    assert (2, (Block("gpu-2", "h100", 2, 8),)) == (found.free, found.blocks)
