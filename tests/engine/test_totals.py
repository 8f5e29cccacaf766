"""Who holds what is summed once a job, and money only where a price is known."""

from __future__ import annotations

from app.engine.totals import Holder, totals
from tests.engine.slurm_builders import NOW, gpu, idle, job, node, picture, running, snapshot_with


def test_totals_by_user_and_account() -> None:
    """Running, waiting (tasks of arrays one by one), idle and dollars; the largest holder first."""
    seen = picture(
        [
            running(812, "gpu-1", 4),
            running(815, "gpu-2", 2, user="bo", account="lab"),
            job(820, user="cy", account="vision", gpus=4),
            job(830, id="830_[1-10%2]", array_job_id=830, array_task="1-10%2", user="bo", gpus=1),
        ],
        [node("gpu-1", used=4), node("gpu-2", used=2)],
    )
    boards = [gpu("gpu-1", 0), *(idle("gpu-1", index) for index in range(1, 8)), gpu("gpu-2", 0), gpu("gpu-2", 1)]
    found = totals(snapshot_with(seen, boards, prices={"H100": 2.0}), NOW)

    assert found is not None
    assert (
        Holder("ana", 1, 0, 4, 0, 3, 8.0),
        Holder("bo", 1, 10, 2, 10, 0, 4.0),
        Holder("cy", 0, 1, 0, 4, 0, None),
    ) == found.by_user
    assert (Holder("lab", 2, 10, 6, 10, 3, 12.0), Holder("vision", 0, 1, 0, 4, 0, None)) == found.by_account


def test_without_jobs_there_are_no_totals() -> None:
    """An exporter that gives counts only, or a picture past its age, has no totals: None, not noughts."""
    assert None is totals(snapshot_with(picture()), NOW + 3600)
    assert None is totals(snapshot_with(None), NOW)
