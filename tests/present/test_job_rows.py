"""Jobs as far as exporters name them."""

from __future__ import annotations

from app.domain.snapshot import Gpu, Layer
from app.present.job_rows import job_rows
from app.present.look import Look

LOOK = Look(1000.0)


def gpu(node: str, index: int, util: float | None, *jobs: str) -> Gpu:
    layers = () if util is None else (Layer("page", 999.0, 5.0, {"gpu.utilization": util}),)
    return Gpu(node, index, None, layers=layers, hpc_jobs=jobs)


def test_job_gathers_its_gpus() -> None:
    """A job's row counts its GPUs, averages what is known of them and names their nodes once."""
    rows = job_rows([gpu("a", 0, 90, "812"), gpu("a", 1, 70, "812"), gpu("b", 0, None, "812"), gpu("b", 1, 5)], LOOK)

    assert [("812", "3", " 80 %", "a b")] == [row.text for row in rows]


def test_jobs_stand_in_natural_order() -> None:
    """Job 99 stands before job 812, whatever GPU comes first."""
    assert ("99", "812") == job_rows([gpu("a", 0, 1, "812"), gpu("a", 1, 1, "99")], LOOK).keys


def test_gpu_of_two_jobs_counts_for_both() -> None:
    """A shared GPU is in both rows."""
    assert ["1", "1"] == [row.text[1] for row in job_rows([gpu("a", 0, 1, "1", "2")], LOOK)]
