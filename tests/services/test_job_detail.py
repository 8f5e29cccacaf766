"""One job in full: its record, script, environment and steps, each from where it can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.services.action_targets import ActionError
from app.services.job_detail import masked, parse_sstat
from app.services.job_lookup import find_job, picture_now
from app.sources.slurm.trouble import SlurmError
from tests.engine.slurm_builders import NOW, job, running
from tests.services.slurm_doors import access_to, jobs_of
from tests.standins.slurm_commands import FakeSlurm, detail, row


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    """One running job, no accounting."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeSlurm(folder)
    fake.queue(row(812))
    fake.says("sacct", stderr="Slurm accounting storage is disabled\n", code=1)
    return fake


async def test_the_record_and_the_script(slurm: FakeSlurm, tmp_path: Path) -> None:
    """By Slurm's own keys, the output's path filled in, the script cleaned."""
    slurm.says("scontrol write batch_script 812 -", stdout="#!/bin/bash\n\techo hi \x1b[2J\n")
    found = await jobs_of(slurm, tmp_path).detail(running(812, "node-1"))

    assert "/home/ana/slurm-812.out" == found.stdout == found.stderr
    assert ("train", "01:00:00") == (found.fields["JobName"], found.fields["TimeLimit"])
    assert "#!/bin/bash\n    echo hi [2J\n" == found.script
    assert (None, ()) == (found.environment, found.steps)


async def test_script_and_environment_from_the_accounting(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Where the controller has forgotten the script; secrets of the environment are masked."""
    slurm.says("scontrol write", stderr="job script retrieval failed: Invalid job id specified\n", code=1)
    slurm.says("sacct --batch-script", stdout="Batch Script for 812\n" + "-" * 80 + "\n#!/bin/bash\necho hi\n")
    slurm.says(
        "sacct --env-vars", stdout="Environment used for 812\n" + "-" * 80 + "\nHOME=/home/ana\nHF_TOKEN=abc\nnoise\n"
    )
    found = await jobs_of(slurm, tmp_path).detail(running(812, "node-1"))

    assert "#!/bin/bash\necho hi\n" == found.script
    assert {"HOME": "/home/ana", "HF_TOKEN": "***"} == found.environment


async def test_somebody_elses_script_is_said_to_be_theirs(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Not simply absent."""
    slurm.says("scontrol write", stderr="job script retrieval failed: Access/permission denied\n", code=1)

    found = await jobs_of(slurm, tmp_path).detail(running(812, "node-1"))
    assert (None, "only the job's user and operators see its script") == (found.script, found.script_note)


async def test_steps_of_a_running_job_are_measured_by_sstat(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Also where there is no accounting."""
    slurm.says("sstat", stdout="812.batch|1|00:01:00|100K|200K|node-1|0\ngarbage\n")
    found = await jobs_of(slurm, tmp_path).detail(running(812, "node-1"))

    assert ({"JobID": "812.batch", "MaxRSS": "200K"},) == tuple(
        {key: step[key] for key in ("JobID", "MaxRSS")} for step in found.steps
    )


async def test_a_job_nobody_knows_is_an_error(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Where neither controller nor accounting has anything."""
    slurm.says("scontrol", stderr="slurm_load_jobs error: Invalid job id specified\n", code=1)

    with pytest.raises(SlurmError):
        await jobs_of(slurm, tmp_path).detail(job(999))


async def test_a_job_is_found_by_its_id(slurm: FakeSlurm) -> None:
    """From the controller; one that it does not know is not there."""
    slurm.says("scontrol -o -d show job 999", stderr="slurm_load_jobs error: Invalid job id specified\n", code=1)

    assert "812" == (await find_job(access_to(slurm), "812")).id
    with pytest.raises(LookupError, match="Slurm knows no job 999"):
        await find_job(access_to(slurm), "999")
    with pytest.raises(ActionError):
        await find_job(access_to(slurm), "--all")


async def test_an_array_is_not_one_job(slurm: FakeSlurm) -> None:
    """Its tasks are named instead."""
    tasks = "".join(
        detail(820 + number).replace("JobName", f"ArrayJobId=820 ArrayTaskId={number} JobName") for number in range(2)
    )
    slurm.says("scontrol -o -d show job 820", stdout=tasks)

    with pytest.raises(ActionError, match="820 means 2 jobs: name one of 820_0, 820_1"):
        await find_job(access_to(slurm), "820")


async def test_the_queue_of_this_moment(slurm: FakeSlurm) -> None:
    """One call for the queue, one for the nodes where they are wanted."""
    slurm.queue(row(813), row(812))
    slurm.forget_calls()
    found = await picture_now(access_to(slurm), NOW, with_nodes=True)

    assert ["812", "813"] == list(found.jobs or ())
    assert ["node-1"] == list(found.nodes)
    assert ["squeue", "scontrol"] == [words[0] for words in slurm.argv]


def test_values_that_may_be_secrets() -> None:
    """By their names, and in addresses."""
    assert ("***", "***", "https://x", "4") == (
        masked("HF_TOKEN", "a"), masked("aws_secret_access_key", "a"), masked("URL", "https://u:p@x"), masked("N", "4"),
    )  # fmt: skip


def test_rows_of_sstat() -> None:
    """By step; other rows are left out."""
    assert {} == parse_sstat(b"a|b\n\n|1|2|3|4|5|6\n")
