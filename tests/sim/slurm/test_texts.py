"""What the simulated commands print is what Slurm's print: the real parsers read all of it, and agree."""

from __future__ import annotations

import json

import pytest

from app.domain.slurm import SlurmJob
from app.sources.slurm import json_values
from app.sources.slurm.commands import config_of
from app.sources.slurm.json_jobs import jobs_of
from app.sources.slurm.json_nodes import nodes_of
from app.sources.slurm.json_partitions import partitions_of
from app.sources.slurm.sacct import HISTORY_WORDS, STEP_WORDS, parse_sacct, parse_steps
from app.sources.slurm.scontrol import PARTITION_WORDS, parse_partitions
from app.sources.slurm.sdiag import parse_sdiag
from app.sources.slurm.sinfo import NODE_WORDS, parse_sinfo
from tests.sim.readings import ORIGIN
from tests.sim.slurm.calls import Slurm


@pytest.fixture(scope="module")
def slurm() -> Slurm:
    """Sixteen nodes with nothing wrong, that nobody acts on."""
    return Slurm(nodes=16)


def test_a_job_holds_the_gpus_that_its_pages_show_busy(slurm: Slurm) -> None:
    """Every running job of the workload is in the queue with its nodes and indices, and no GPU has two."""
    running = {job.id: job for job in slurm.cluster.jobs_at(0.0)}
    held = [(one.node, index) for job in slurm.jobs().values() for one in job.gpus_on for index in one.indices or ()]

    assert len(held) == len(set(held))
    assert set(held) == {tuple(key) for job in running.values() for key in job.gpus}
    assert {job.job_id for job in slurm.jobs().values() if job.is_running} == set(running)


def test_nodes_give_out_what_the_jobs_hold(slurm: Slurm) -> None:
    """Used indices, cores and states of nodes follow from the jobs on them."""
    jobs = slurm.jobs().values()
    for node in slurm.nodes().values():
        mine = {index for job in jobs for one in job.gpus_on if one.node == node.name for index in one.indices or ()}
        assert frozenset(mine) == (node.indices_used or frozenset())
        assert 4 * len(mine) == node.cpus_used
        assert node.state == ("IDLE" if not mine else "ALLOCATED" if len(mine) == 8 else "MIXED")


@pytest.mark.parametrize(
    "reason",
    [
        *("Resources", "Priority", "Dependency", "BeginTime", "JobHeldUser", "JobHeldAdmin", "QOSMaxGRESPerUser"),
        *("PartitionTimeLimit", "JobArrayTaskLimit"),
    ],
)
def test_the_queue_has_every_reason_that_people_ask_about(slurm: Slurm, reason: str) -> None:
    """Some job waits for each of them."""
    assert reason in {job.reason for job in slurm.jobs().values() if job.is_pending}


def test_an_array_and_a_heterogeneous_job_are_told_as_slurm_tells_them(slurm: Slurm) -> None:
    """One task of the sweep runs, sixteen wait and stand in one row without -r; two parts share an id."""
    tasks = [job for job in slurm.jobs().values() if job.name == "lora-sweep" and job.array_task is not None]
    rows = [line.split("|") for line in slurm.run("squeue", words=("-h", "-o", "%i|%j")).out.decode().splitlines()]
    parts = [job for job in slurm.jobs().values() if job.het_job_id is not None]

    assert ["RUNNING", *["PENDING"] * 16] == sorted((job.state for job in tasks), reverse=True)
    assert [f"{tasks[0].array_job_id}_[8-23%1]"] == [key for key, name in rows if name == "lora-sweep" and "[" in key]
    assert [0, 1] == [job.het_offset for job in parts]
    assert 1 == len({job.het_job_id for job in parts})


def test_json_says_what_the_text_says(slurm: Slurm) -> None:
    """Jobs and nodes of the two are the same but for what only one of them tells."""
    said = json.loads(slurm.run("squeue --json").out)
    found = {job.id: job for job in jobs_of(said).items}

    def both(job: SlurmJob) -> tuple[object, ...]:
        fields = (job.state, job.reason, job.user, job.nodes, job.gpus_on, job.gpus, job.start_at, job.time_limit_s)
        return (*fields, job.submit_at, job.priority, job.array_task, job.het_offset, job.dependency, job.stdout)

    running = {key: job for key, job in slurm.jobs().items() if job.is_running}
    assert {key: both(job) for key, job in running.items()} == {key: both(found[key]) for key in running}
    assert ("v0.0.42", "24.11.5") == (json_values.dialect_of(said), json_values.release_of(said))
    nodes = nodes_of(json.loads(slurm.run("scontrol show node --json").out)).items
    assert {node.name: (node.text, node.gres_used) for node in nodes} == {
        name: (node.text, node.gres_used) for name, node in slurm.nodes().items()
    }


def test_partitions_are_the_same_by_every_command(slurm: Slurm) -> None:
    """Scontrol's text, its JSON and sinfo's agree; the default one has every node."""
    text = parse_partitions(slurm.run("scontrol", words=PARTITION_WORDS).out).items
    plain = partitions_of(json.loads(slurm.run("scontrol show partition --json").out)).items
    grouped = partitions_of(json.loads(slurm.run("sinfo --json").out)).items

    assert ["gpu", "train", "shared"] == [part.name for part in text]
    assert {part.name: part.nodes for part in text} == {part.name: part.nodes for part in plain}
    assert {part.name: part.nodes for part in text} == {part.name: part.nodes for part in grouped}
    assert set(slurm.nodes()) == set(text[0].nodes)
    assert text[0].is_default


def test_sinfo_lists_the_nodes_that_scontrol_lists(slurm: Slurm) -> None:
    """Names and used GPUs by the other command."""
    found = parse_sinfo(slurm.run("sinfo", words=NODE_WORDS).out)

    assert 0 == found.skipped
    assert {name: node.gres_used for name, node in slurm.nodes().items()} == {
        node.name: node.gres_used for node in found.items
    }


def test_the_accounts_hold_the_jobs_of_the_hours_before(slurm: Slurm) -> None:
    """Six hours of jobs ended in several ways, each with its steps."""
    words = (*HISTORY_WORDS, "-S", f"uts{int(ORIGIN - 21600)}", "-E", f"uts{int(ORIGIN)}")
    found = parse_sacct(slurm.run("sacct", words=words).out)
    ended = [job for job in found.items if job.is_ended]
    steps = parse_steps(slurm.run("sacct", words=(*STEP_WORDS, "-j", ended[0].id)).out)

    assert 0 == found.skipped
    assert {"COMPLETED", "FAILED", "CANCELLED"} <= {job.state for job in ended}
    assert all(job.end_at is not None and job.start_at is not None and job.gpus for job in ended)
    assert [ended[0].id, f"{ended[0].id}.batch"] == [step["JobID"] for step in steps[:2]]


def test_the_controller_tells_its_name_and_its_load(slurm: Slurm) -> None:
    """Scontrol show config, sdiag and --version."""
    config = config_of(slurm.run("scontrol show config").out)

    assert ("simulated", "24.11.5") == (config["ClusterName"], config["SLURM_VERSION"])
    assert 3 == parse_sdiag(slurm.run("sdiag").out).server_threads
    assert b"slurm 24.11.5\n" == slurm.run("squeue --version").out
    assert b"Slurmctld(primary) at head is UP\n" == slurm.run("scontrol ping").out


def test_plain_squeue_reads_as_people_know_it(slurm: Slurm) -> None:
    """The default columns with their widths, waiting jobs first."""
    head, first, *_ = slurm.run("squeue").out.decode().splitlines()

    assert "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)" == head
    assert " PD       0:00 " in first


def test_what_a_command_does_not_take_is_refused_in_slurms_words(slurm: Slurm) -> None:
    """Unknown options, formats, ids, entities and states."""
    assert b"squeue: unrecognized option '--nonsense'" in slurm.run("squeue --nonsense").err
    assert b"slurm_load_jobs error: Invalid job id specified\n" == slurm.run("squeue -j 999999").err
    assert b"slurm_load_jobs error: Invalid job id specified\n" == slurm.run("scontrol show job 999999").err
    assert b"invalid entity: potato for keyword:show \n" == slurm.run("scontrol show potato").err
    assert b"Invalid job state specified: LAZY" in slurm.run("squeue -t LAZY").err
    assert 127 == slurm.run("sreport").code


def test_a_moment_says_the_same_whatever_was_asked_before() -> None:
    """Two clusters of one spec print the same queue, though one was asked about every minute before."""
    one, other = Slurm(), Slurm()
    for t in range(-3600, 0, 60):
        one.jobs(float(t))

    assert other.jobs(0.0) == one.jobs(0.0)
    assert other.nodes(0.0) == one.nodes(0.0)


def test_looking_changes_nothing() -> None:
    """After an hour of looks the cluster is where it would have been without them."""
    one, other = Slurm(), Slurm()
    for t in range(0, 3600, 120):
        one.jobs(float(t))

    names = [node.name for node in one.cluster.layout.nodes]
    assert [other.cluster.gpus_at(name, 3600.0) for name in names] == [
        one.cluster.gpus_at(name, 3600.0) for name in names
    ]
    assert other.cluster.jobs_at(3600.0) == one.cluster.jobs_at(3600.0)


def test_times_are_real_ones_at_any_speed() -> None:
    """At speed 60 a job that has run a simulated hour has run a minute."""
    slurm = Slurm(speed=60.0)
    (hero, *_) = (job for job in slurm.jobs(60.0).values() if job.name == "llama3-70b-pretrain")

    assert hero.start_at is not None
    assert 121.0 == pytest.approx(ORIGIN + 1.0 - hero.start_at, abs=1.0)
    assert 24 * 60.0 == hero.time_limit_s
