"""sbatch of the simulated Slurm: options and directives, refusals, estimates, arrays."""

from __future__ import annotations

import pytest

from app.services.submitting import estimate_of, submitted_id
from app.sources.slurm.trouble import words_of
from tests.sim.readings import ORIGIN
from tests.sim.slurm.calls import SCRIPT, Slurm


@pytest.fixture(scope="module")
def slurm() -> Slurm:
    """Four nodes with nothing wrong."""
    return Slurm()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--gres=gpu:h100:4", (1, 4, "h100")),
        ("--gpus-per-node=2 --nodes=2", (2, 4, None)),
        ("-N 2 -G 16", (2, 16, None)),
        ("--gpus=12", (2, 12, None)),
        ("--gpus-per-task=2 --ntasks-per-node=4", (1, 8, None)),
    ],
)
def test_gpus_are_asked_for_in_many_ways(words: str, wanted: tuple[int, int, str | None]) -> None:
    """Nodes, GPUs and their type come out as Slurm would have them."""
    slurm = Slurm()
    script = "#!/bin/bash\n#SBATCH -p train\n#SBATCH -t 1-00:00:00 -J wish\nsrun true\n"
    slurm.run(f"sbatch {words}", 1.0, stdin=script)
    job = slurm.by_name("wish", 1.0)

    assert wanted == (job.node_count, job.gpus, job.gpu_type)
    assert ("train", 86400.0) == (job.partition, job.time_limit_s)


@pytest.mark.parametrize(
    ("words", "script", "said"),
    [
        ("--partition=nope", SCRIPT, "Batch job submission failed: Invalid partition name specified"),
        ("--gres=gpu:9", SCRIPT.replace("--gpus=1", ""), "Requested node configuration is not available"),
        ("--gres=gpu:b200:1", SCRIPT.replace("--gpus=1", ""), "Requested node configuration is not available"),
        ("--mem=99T", SCRIPT, "Memory specification can not be satisfied"),
        ("--time=soon", SCRIPT, "Invalid --time specification"),
        ("--array=5-1", SCRIPT, "Invalid job array specification"),
        ("", "", "Batch script is empty!"),
        ("", "echo hi\n", "This does not look like a batch script"),
        ("", "#!/bin/sh\r\necho\r\n", "DOS line breaks"),
    ],
)
def test_what_cannot_be_is_refused_in_slurms_words(slurm: Slurm, words: str, script: str, said: str) -> None:
    """Status 1, Slurm's line, and nothing in the queue."""
    before = slurm.run("squeue -h").out
    answer = slurm.run(f"sbatch {words}", stdin=script)

    assert 1 == answer.code
    assert said in answer.err.decode()
    assert before == slurm.run("squeue -h").out


def test_a_test_gives_the_estimate_that_our_check_reads(slurm: Slurm) -> None:
    """--test-only names moment and nodes and submits nothing."""
    answer = slurm.run("sbatch --test-only", stdin=SCRIPT)
    estimate = estimate_of(words_of(answer.err))

    assert 0 == answer.code
    assert estimate is not None
    assert estimate.starts_at is not None
    assert ("shared", ("gpu-04",), True) == (estimate.partition, estimate.nodes, estimate.starts_at >= ORIGIN)
    assert "hello" not in {job.name for job in slurm.jobs().values()}


def test_an_array_is_submitted_as_tasks_that_share_a_number() -> None:
    """Four tasks of which one at a time may run; the files carry both numbers."""
    slurm = Slurm()
    number = submitted_id(slurm.run("sbatch --parsable --array=0-3%1", 1.0, stdin=SCRIPT).out)
    tasks = [job for job in slurm.jobs(1.0).values() if job.array_job_id == int(number or 0)]

    assert ["0", "1", "2", "3"] == sorted(job.array_task or "" for job in tasks)
    assert {"JobArrayTaskLimit"} == {job.reason for job in tasks if job.is_pending}
    assert f"{number}_[1-3%1]" in slurm.run("squeue -h", 1.0).out.decode()
    assert f"/home/mira/slurm-{number}_0.out" in {job.stdout for job in tasks}


def test_nothing_is_ever_written_outside_the_simulated_homes() -> None:
    """Whatever --output and --job-name say, the file lies in the submitter's simulated home."""
    slurm = Slurm()
    for name in ("/etc/passwd", "../../../etc/%x", "/tmp/%j/"):
        slurm.run("sbatch --job-name=a/../../b", 1.0, stdin=SCRIPT.replace("--job-name=hello ", ""), words=("-o", name))
    paths = {job.stdout for job in slurm.desk.book.jobs(1.0) if job.is_own}

    assert 3 == len(paths)
    assert all(path.startswith("/home/mira/") and "/" not in path.removeprefix("/home/mira/") for path in paths)
