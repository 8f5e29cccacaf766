"""Which Slurm job a process belongs to: every way there is, and no false one."""

from pathlib import Path

import pytest

from pod.owners import SlurmPids, job_of, parse_listpids
from pod.processes import ProcessDetails


def process(proc: Path, pid: int, parent: int = 1, **files: bytes) -> None:
    """Write what the kernel shows of a process."""
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    words = ["S", str(parent), *["0"] * 17, "500", "0", "10"]
    (folder / "stat").write_text(f"{pid} (python) {' '.join(words)}\n")
    for name, text in {"cmdline": b"python\0train.py\0", **files}.items():
        (folder / name).write_bytes(text)


@pytest.mark.parametrize(
    "line",
    [
        b"0::/system.slice/slurmstepd.scope/job_812/step_0/user/task_3\n",
        b"0::/system.slice/gpu-01_slurmstepd.scope/job_812/step_batch/user/task_0\n",
        b"12:pids:/\n4:memory:/slurm/uid_2001/job_812/step_batch/task_0\n",
        b"4:devices:/slurm_gpu-01/uid_2001/job_812/step_4294967291\n",
    ],
)
def test_the_control_group_names_the_job(tmp_path: Path, line: bytes) -> None:
    """Of cgroup v2 and v1, on nodes with and without a name of their own in the path."""
    process(tmp_path, 41, cgroup=line)

    assert "812" == job_of(tmp_path, 41)


def test_a_folder_that_only_looks_alike_is_no_job(tmp_path: Path) -> None:
    """Somebody's own service may be called job_9."""
    process(tmp_path, 41, cgroup=b"0::/user.slice/job_9/x\n")

    assert None is job_of(tmp_path, 41)


def test_the_environment_names_the_job(tmp_path: Path) -> None:
    """`SLURM_JOB_ID`, if it is a number and nothing else."""
    process(tmp_path, 41, environ=b"TOKEN=hf_x\0SLURM_JOB_ID=813\0")
    process(tmp_path, 42, environ=b"SLURM_JOB_ID=8; rm\0")

    assert "813" == job_of(tmp_path, 41)
    assert None is job_of(tmp_path, 42)


def test_an_ancestor_of_slurm_names_the_job(tmp_path: Path) -> None:
    """Readable for everybody, with proctrack/linuxproc too; a loop of parents ends."""
    process(tmp_path, 7, cmdline=b"slurmstepd: [814.batch]\0\0")
    process(tmp_path, 8, parent=7)
    process(tmp_path, 9, parent=8)
    process(tmp_path, 20, parent=21)
    process(tmp_path, 21, parent=20)

    assert "814" == job_of(tmp_path, 9)
    assert None is job_of(tmp_path, 20)


def test_what_slurm_lists_fills_what_is_left(tmp_path: Path) -> None:
    """A process that nothing in /proc ties to a job, but slurmd does."""
    (tmp_path / "stat").write_text("btime 1700000000\n")
    process(tmp_path, 41)
    details = ProcessDetails(tmp_path, listpids=lambda: {41: "815"}).look_up(41)

    assert details is not None
    assert "815" == details.job


def test_the_listing_is_read_by_its_columns() -> None:
    """Header, foreign lines and steps without a process are left out."""
    text = b"PID      JOBID    STEPID   LOCALID GLOBALID\n4321     815      batch    0       0\n-1 815 extern - -\n"

    assert {4321: "815"} == parse_listpids(text)


def test_the_listing_is_asked_in_the_background(tmp_path: Path) -> None:
    """Nobody waits for scontrol; the next look has its answer, and a hung or failed one leaves what was known."""
    command = tmp_path / "scontrol"
    command.write_text("#!/bin/sh\necho 'PID JOBID STEPID LOCALID GLOBALID'\necho '41 816 0 0 0'\n")
    command.chmod(0o755)
    now = [0.0]
    listing = SlurmPids(str(command), lambda: now[0])

    listing()
    listing.wait(5.0)
    assert {41: "816"} == listing()

    command.write_text("#!/bin/sh\nexit 1\n")
    now[0] = 60.0
    listing()
    listing.wait(5.0)
    assert {41: "816"} == listing()
