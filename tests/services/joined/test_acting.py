"""Actions with several clusters in view: planned in the cluster's own words, done at its Slurm or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config.load import ConfigError, parse
from app.config.settings import Member, Settings
from app.domain.clusters import Naming
from app.domain.slurm import SlurmPicture
from app.services.action_targets import ActionError
from app.services.actions import plan
from app.services.joined.acting import at_home, clusters_of, slurm_of
from app.services.joined.jobs import JoinedJobs, open_joined_jobs
from app.services.joined.renamer import Renamer
from app.sources.slurm.trouble import SlurmError
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm, row
from tests.tools.fake_clock import FakeClock


def fake(folder: Path, **answers: dict[str, object]) -> FakeSlurm:
    """Slurm's commands in a folder of their own."""
    folder.mkdir()
    return FakeSlurm(folder, [row(812)], answers)


def ran(slurm: FakeSlurm, command: str) -> list[str]:
    """How one of them was called."""
    return [call for call in slurm.calls if call.startswith(command)]


def picture(*clusters: str) -> SlurmPicture:
    """The same Slurm in every cluster, as a view shows it."""
    shown = [Renamer(Naming(one)).snapshot(slurm_fleet()).slurm for one in clusters]
    first = shown[0]
    assert first is not None
    jobs: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    for one in shown:
        assert one is not None
        jobs |= one.jobs or {}
        nodes |= one.nodes
    return replace(first, jobs=jobs, nodes=nodes)


def test_a_plan_is_in_the_words_of_its_cluster() -> None:
    """What is typed there is typed; who looks at the plan is told the cluster, and whom it hits there."""
    made = plan("cancel", ["uni:812"], picture("lab", "uni"), now=NOW, user="ana")

    assert (("scancel", "812"),) == made.commands
    assert ("uni:812",) == made.targets
    assert "uni: cancel job 812 (ana, llama-ft)" == made.summary
    assert ("812",) == plan("cancel", ["812"], slurm_fleet().slurm, now=NOW).targets


def test_nodes_are_written_out_in_their_own_cluster() -> None:
    """A host list behind a cluster's name is that cluster's."""
    made = plan("drain", ["uni:gpu-[01-02]"], picture("lab", "uni"), now=NOW, reason="fan")

    assert ("uni:gpu-01", "uni:gpu-02") == made.targets
    assert all("uni" not in word for words in made.commands for word in words)
    assert "gpu-01,gpu-02" == at_home("uni:gpu-01,uni:gpu-02", "uni")


def test_two_clusters_at_once_are_refused() -> None:
    """One plan is one cluster's; so is what stands in one host list."""
    with pytest.raises(ActionError, match="one cluster at a time: these name lab, uni"):
        plan("cancel", ["lab:812", "uni:812"], picture("lab", "uni"), now=NOW)
    with pytest.raises(ActionError, match="one cluster at a time"):
        plan("drain", ["lab:gpu-01,uni:gpu-01"], picture("lab", "uni"), now=NOW, reason="fan")


async def test_an_action_is_done_at_its_cluster_only(tmp_path: Path) -> None:
    """`uni:812` is requeued by uni's scontrol; lab's is not run, and a cluster without a way is refused with why."""
    slurms = {name: fake(tmp_path / name) for name in ("lab", "uni")}
    jobs = JoinedJobs(
        {name: jobs_of(slurm, tmp_path / "state") for name, slurm in slurms.items()},
        {"far": "nothing can be done there"},
    )
    everywhere = picture("lab", "uni", "far")
    done = await jobs.perform(plan("requeue", ["uni:812"], everywhere, now=NOW))
    refused = await jobs.perform(plan("cancel", ["far:812"], everywhere, now=NOW))
    nowhere = await jobs.perform(plan("cancel", ["812"], everywhere, now=NOW))

    assert done.ok
    assert [[], ["scontrol requeue 812"]] == [ran(slurm, "scontrol requeue") for slurm in slurms.values()]
    assert "nothing was done: nothing can be done there" == refused.text
    assert "nothing was done: which cluster? Write it first: lab, uni, far" == nowhere.text


async def test_slurm_here_does_nothing_that_is_meant_for_another_cluster(tmp_path: Path) -> None:
    """A plan for `uni:812` that reaches the verbs of a single Slurm is refused, and nothing is run."""
    slurm = fake(tmp_path / "bin")
    outcome = await jobs_of(slurm, tmp_path / "state").perform(plan("cancel", ["uni:812"], picture("uni"), now=NOW))

    assert not outcome.ok
    assert "this is of the cluster uni" in outcome.text
    assert [] == ran(slurm, "scancel")


async def test_a_script_goes_to_the_cluster_it_names(tmp_path: Path) -> None:
    """By an option or its own line; with two ways and no name it is refused and sent nowhere."""
    slurms = {name: fake(tmp_path / name, sbatch={"stdout": "900\n"}) for name in ("lab", "uni")}
    jobs = JoinedJobs({name: jobs_of(slurm, tmp_path / "state") for name, slurm in slurms.items()}, {})
    script = "#!/bin/sh\ntrue\n"
    refused = await jobs.submit(script)
    sent = await jobs.submit(script, ("--clusters=uni",))

    assert "nothing was done: which cluster? Add --clusters=NAME: lab, uni" == refused.text
    assert "uni:900" == sent.job_id
    assert [0, 1] == [len(ran(slurm, "sbatch")) for slurm in slurms.values()]


async def test_a_job_is_looked_up_in_its_own_slurm(tmp_path: Path) -> None:
    """Details of `far:812` cannot be had where no way leads there; its output says why in place of text."""
    jobs = JoinedJobs({}, {"far": "nothing can be done there"})
    job = (picture("far").jobs or {})["far:812"]

    with pytest.raises(SlurmError, match="nothing can be done there"):
        await jobs.detail(job)
    assert "nothing can be done there" == (await jobs.read_log(job, "stdout")).note


async def test_ways_are_opened_as_the_members_name_them(tmp_path: Path) -> None:
    """A member's way is the user's own: commands here, or nothing; one cluster alone needs none named."""
    members = (
        Member(cluster="lab", socket="/run/a", slurm="local", slurm_bin_dir=str(tmp_path)),
        Member(cluster="uni", socket="/run/b"),
    )
    settings = Settings(member=members)
    async with open_joined_jobs(settings, tmp_path, FakeClock(NOW), {"PATH": "/bin"}, face="test") as jobs:
        commands = jobs.commands(plan("cancel", ["lab:812"], picture("lab", "uni"), now=NOW))
        refused = await jobs.perform(plan("cancel", ["uni:812"], picture("lab", "uni"), now=NOW))

    assert ((f"{tmp_path}/scancel", "812"),) == commands
    assert "nothing can be done to jobs and nodes of uni from this view" in refused.text
    assert "ana@head" == slurm_of(Settings(member=(Member("uni", ssh="ana@head", slurm="ssh"),)), "uni").ssh
    assert ((), ("lab", "uni")) == (clusters_of(members[:1]), clusters_of(members))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('cluster = "a.b"', "cluster must be letters"),
        ('cluster = ""', "cluster must be letters"),
        ('cluster = "lab"\nurl = "https://h:1"', "url needs token_file"),
        ('cluster = "lab"\nurl = "ftp://h"\ntoken_file = "t"', "must begin with http"),
        ('cluster = "lab"\nurl = "https://h:1"\nsocket = "/a"', "give either url, or socket and ssh"),
        ('cluster = "lab"\nslurm = "teleport"', "slurm must be local, ssh, rest or empty"),
        ('cluster = "lab"\nslurm = "rest"', "needs slurm_rest_url"),
        ('cluster = "lab"\n[[member]]\ncluster = "uni"', "same address as one of lab"),
    ],
)
def test_a_member_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    """With what is wrong and whose table it is."""
    with pytest.raises(ConfigError, match=said):
        parse(f"[[member]]\n{text}\n", "here")
