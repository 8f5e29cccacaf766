"""File name patterns of Slurm, filled with a job's own values."""

from __future__ import annotations

import pytest

from app.services.job_files import fill, output_path
from tests.engine.slurm_builders import job, running

TASK = running(
    825, "gpu-1.lab,gpu-2", id="820_5", array_job_id=820, array_task="5", name="sweep", user="ana", work_dir="/home/ana"
)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("slurm-%j.out", "slurm-825.out"),
        ("%A_%a", "820_5"),
        ("%8j-%3a", "00000825-005"),
        ("%40j", "0000000825"),
        ("%x-%u-%N", "sweep-ana-gpu-1"),
        ("%J.%s.%t.%n", "825.batch.0.0"),
        ("100%%-%j", "100%-825"),
        ("%z%j", "%z825"),
        ("\\%j", "%j"),
        ("%b", "5"),
    ],
)
def test_patterns(pattern: str, path: str) -> None:
    """As sbatch's manual says: widths pad numbers to ten digits at most, a backslash turns all of it off."""
    assert path == fill(pattern, TASK)


def test_a_job_without_a_task_is_its_own_master() -> None:
    """%A of a plain job is its number; %a is the number Slurm has for none."""
    assert "812-4294967294" == fill("%A-%a", job(812))


def test_paths_are_made_whole() -> None:
    """A relative name lies in the job's folder; without a name it is Slurm's own."""
    assert "/home/ana/logs/825.txt" == output_path(
        running(825, "a", stdout="logs/%j.txt", work_dir="/home/ana"), "stdout"
    )
    assert "/home/ana/slurm-820_5.out" == output_path(TASK, "stdout")
    assert "/data/812" == output_path(job(812, stdout="/data/%j"), "stdout")


def test_errors_go_where_the_output_goes_unless_they_do_not() -> None:
    """StdErr is empty from 24.11 on where the two are merged."""
    assert "/o" == output_path(job(1, stdout="/o", stderr=""), "stderr")
    assert "/e" == output_path(job(1, stdout="/o", stderr="/e"), "stderr")


def test_what_cannot_be_known_is_none() -> None:
    """No folder, no path."""
    assert output_path(job(1), "stdout") is None
    assert output_path(job(1, stdout="x"), "stdout") is None
