"""Submitting: the plan, Slurm's estimate, what the picture says for and against it, and the list of what was sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.job_actions import SubmitCheck
from app.services.scripts import Asked, asked
from app.services.submissions import MOST, Submission, Submissions
from app.services.submitting import estimate_of, findings_of, plan_submit, submitted_id, wish_text
from tests.engine.slurm_builders import NOW, node, partition, picture
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm

SCRIPT = "#!/bin/bash\n#SBATCH --gres=gpu:h100:4\n#SBATCH --nodes=2 --time=60\nhostname\n"
WISH = asked(SCRIPT)
LAB = picture(
    nodes=[node("gpu-1", used=6), node("gpu-2"), node("gpu-3", flags=("DRAIN",)), node("old-1", 4, kind="v100")],
    partitions=[
        partition("gpu", is_default=True, nodes=("gpu-1", "gpu-2", "gpu-3", "old-1"), time_limit_s=86400.0, max_nodes=3)
    ],
)


def test_a_plan_shows_the_command_and_what_is_asked() -> None:
    """The script goes through standard input; its file gives the name where it has none."""
    found = plan_submit(SCRIPT, ("--qos=high",), name="train.sh", folder="/home/ana")

    assert (("sbatch", "--parsable", "--chdir=/home/ana", "--job-name=train.sh", "--qos=high"),) == found.commands
    assert SCRIPT == found.stdin
    assert ("asks for 4 h100 GPUs on each, 2 nodes, at most 1 h 00 min",) == found.hits
    assert (("sbatch", "--parsable", "--job-name=a"),) == plan_submit(SCRIPT, ("--job-name=a",), name="b").commands


def test_a_wish_in_words() -> None:
    """Also where little is said."""
    assert "asks for no GPU, 1 node" == wish_text(Asked(None, None, None, None, None, None, is_array=False))
    assert "asks for 1 GPU, 1 node, partition gpu, no time limit a task of the array" == wish_text(
        Asked(1, None, 1, None, "gpu", float("inf"), is_array=True)
    )


@pytest.mark.parametrize(
    ("said", "starts_at", "nodes", "part"),
    [
        ("Job 5 to start at 1764000000 using 4 processors on nodes g[1-2] in partition gpu", NOW, ("g1", "g2"), "gpu"),
        ("Job 5 to start at 2025-11-24T16:00:00 using 1 processors on nodes g1 in partition gpu", NOW, ("g1",), "gpu"),
        ("sbatch: Job 5 to start at 1764000000 using 1 processors on gpu-1", NOW, ("gpu-1",), None),
        ("Job 5 to start at 1764000000 a using 1 processors on nodes gpu-1 in partition gpu", NOW, ("gpu-1",), "gpu"),
    ],
)  # fmt: skip
def test_estimates_of_all_versions(said: str, starts_at: float, nodes: tuple[str, ...], part: str | None) -> None:
    """When, where, in which partition."""
    found = estimate_of(("noise", said))

    assert found is not None
    assert (starts_at, nodes, part) == (found.starts_at, found.nodes, found.partition)


def test_no_estimate_is_none() -> None:
    """Another line is no estimate."""
    assert estimate_of(("allocation failure: Requested node configuration is not available",)) is None


@pytest.mark.parametrize(
    ("stdout", "job_id"),
    [
        (b"813\n", "813"),
        (b"813;lab\n", "813"),
        (b"welcome\n813\n", "813"),
        (b"", None),
        (b"Submitted batch job 813\n", None),
    ],
)
def test_the_id_of_a_submission(stdout: bytes, job_id: str | None) -> None:
    """As --parsable prints it, with or without the cluster; a chatty site plugin does no harm."""
    assert job_id == submitted_id(stdout)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ("will wait: needs 2 nodes with 4 free h100 GPUs, 1 have them; the best has 8 free",)),
        ({"nodes": 1}, ("1 node has 4 free h100 GPUs now: gpu-2",)),
        ({"nodes": 1, "gpus_per_node": 16}, ("asks for 1 × 16 h100 GPUs; 0 nodes have that many, the largest has 8",)),
        ({"nodes": 1, "gpu_type": "b200"}, ("asks for 1 × 4 b200 GPUs; 0 nodes have that many, the largest has 0",)),
        ({"partition": "big"}, ("there is no partition big; there are: gpu",)),
        ({"gpus_per_node": None}, ()),
    ],
)
def test_free_gpus_against_those_asked_for(change: dict[str, object], said: tuple[str, ...]) -> None:
    """With numbers; a drained node has none to give."""
    assert said == findings_of(replace(WISH, **change), LAB)  # type: ignore[arg-type]  # by table


def test_limits_of_the_partition() -> None:
    """Longer, or on more nodes, than it allows."""
    found = findings_of(replace(WISH, time_limit_s=172800.0, nodes=4, gpus_per_node=None), LAB)

    assert (
        "asks for 2 d 0 h; partition gpu allows 24 h 00 min",
        "asks for 4 nodes; partition gpu allows 3",
    ) == found


def test_without_a_picture_nothing_is_claimed() -> None:
    """No nodes, no opinion."""
    assert () == findings_of(WISH, None)


def one(number: int) -> Submission:
    """A submission."""
    return Submission(NOW + number, str(number), "train", ("--gres=gpu:1", "--export=TOKEN=abc"), origin="x.sh")


def test_submissions_are_kept_for_their_owner(tmp_path: Path) -> None:
    """List and scripts 0600; secrets of options masked; the oldest go."""
    kept = Submissions(tmp_path)
    for number in range(MOST + 3):
        kept.add(one(number), f"#!/bin/sh\n# {number}\n")

    found = kept.all()
    assert [str(number) for number in range(3, MOST + 3)] == [each.job_id for each in found]
    assert ("--gres=gpu:1", "--export=***") == found[0].options
    assert "#!/bin/sh\n# 3\n" == kept.script(found[0])
    assert MOST == len(list((tmp_path / "submissions").iterdir()))
    assert {0o600} == {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*") if file.is_file()}


def test_a_spoilt_list_is_read_as_far_as_it_can(tmp_path: Path) -> None:
    """Garbage lines are left out, hostile ids do not leave the folder."""
    kept = Submissions(tmp_path)
    kept.add(replace(one(1), job_id="../../etc/1"), "x")
    with (tmp_path / "submissions.jsonl").open("a") as file:
        file.write('garbage\n{"at": "x"}\n[]\n{"at":1,"job_id":"2","name":"a","options":3}\n')

    assert ["../../etc/1"] == [each.job_id for each in kept.all()]
    assert "x" == kept.script(kept.all()[0])
    assert not (tmp_path.parent / "etc").exists()


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    """Commands on which sbatch says yes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeSlurm(folder)
    fake.says("sbatch --parsable", stdout="813\n")
    fake.says(
        "sbatch --test-only",
        stderr="sbatch: Job 813 to start at 1764000600 using 8 processors on nodes gpu-2 in partition gpu\n",
    )
    return fake


async def test_a_check_joins_slurms_word_and_ours(slurm: FakeSlurm, tmp_path: Path) -> None:
    """The estimate of --test-only, the nodes, and what the picture says; the script goes there whole."""
    check = await jobs_of(slurm, tmp_path).check(SCRIPT, ("--nodes=1",), LAB)

    assert (True, NOW + 600, ("gpu-2",)) == (check.ok, check.starts_at, check.nodes)
    assert ("1 node has 4 free h100 GPUs now: gpu-2",) == check.findings
    assert ["sbatch", "--test-only", "--nodes=1"] == slurm.argv[0]
    assert SCRIPT == slurm.script


async def test_a_refused_script_says_why(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Slurm's reason in plain words comes first."""
    slurm.says(
        "sbatch --test-only", stderr="allocation failure: Requested node configuration is not available\n", code=1
    )
    check = await jobs_of(slurm, tmp_path).check(SCRIPT, (), LAB)

    assert not check.ok
    assert "Slurm refuses it: no node of the partition has what is asked for, even when free" == check.findings[0]


async def test_a_folder_that_is_not_there_is_found(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Slurm starts such a job, and it fails without a word."""
    script = f"#!/bin/sh\n#SBATCH --output={tmp_path}/nowhere/%j.out --chdir={tmp_path}/gone\n"
    check = await jobs_of(slurm, tmp_path).check(script)

    assert 2 == len([line for line in check.findings if "there is no folder" in line])


async def test_an_empty_script_asks_nobody(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Slurm is not bothered."""
    assert SubmitCheck(False, findings=("the script is empty",)) == await jobs_of(slurm, tmp_path).check("  \n")
    assert [] == slurm.argv


async def test_a_submission_is_sent_and_kept(slurm: FakeSlurm, tmp_path: Path) -> None:
    """With its id, options and script, to be sent again with changes."""
    jobs = jobs_of(slurm, tmp_path)
    outcome = await jobs.submit(SCRIPT, ("--nodes=1",), name="train.sh", origin="train.sh")

    assert (True, "813", SCRIPT) == (outcome.ok, outcome.job_id, slurm.script)
    (kept,) = jobs.submissions()
    assert ("813", ("--job-name=train.sh", "--nodes=1"), "train.sh") == (kept.job_id, kept.options, kept.origin)
    assert SCRIPT == jobs.submitted_script(kept)
    assert (await jobs.submit(SCRIPT, kept.options)).ok


async def test_a_refused_submission_is_not_kept(slurm: FakeSlurm, tmp_path: Path) -> None:
    """And why is said in plain words."""
    slurm.says(
        "sbatch --parsable", stderr="sbatch: error: Batch job submission failed: Invalid qos specification\n", code=1
    )
    jobs = jobs_of(slurm, tmp_path)
    outcome = await jobs.submit(SCRIPT)

    assert "not submitted: ana may not use that QOS, or there is none of that name" == outcome.text
    assert () == jobs.submissions()


async def test_the_jobs_environment_is_the_users(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job inherits the environment of sbatch: it must not inherit what makes Slurm's commands readable."""
    monkeypatch.setenv("MY_SETTING", "1")
    monkeypatch.delenv("SLURM_TIME_FORMAT", raising=False)
    await jobs_of(slurm, tmp_path).submit(SCRIPT)

    assert "1" == slurm.environ["MY_SETTING"]
    assert "SLURM_TIME_FORMAT" not in slurm.environ
