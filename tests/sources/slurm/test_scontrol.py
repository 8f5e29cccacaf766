"""Records of scontrol to jobs, nodes and partitions."""

from __future__ import annotations

import pytest

from app.domain.slurm import Gres, JobGpus, SlurmNode, SlurmPartition
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.scontrol import job_fields, parse_jobs, parse_nodes, parse_partitions
from tests.sources.slurm.slurm_text import JOB, NODE, PARTITION, START, job_record, one_line


@pytest.mark.parametrize("text", [JOB, one_line(JOB)])
def test_gpus_are_paired_with_the_nodes_of_their_own_line(text: str) -> None:
    """`Nodes=` beside `GRES=` says whose indices they are, for each node of its host list; NodeList does not."""
    job = parse_jobs(text.encode()).items[0]

    assert (
        JobGpus("gpu-02", 4, "h100", (4, 5, 6, 7)),
        JobGpus("gpu-01", 4, "h100", (0, 1, 2, 5)),
        JobGpus("gpu-03", 4, "h100", (0, 1, 2, 5)),
    ) == job.gpus_on
    assert (12, 4, "h100", 98304.0) == (job.gpus, job.gpus_per_node, job.gpu_type, job.memory_mib)


def test_record_of_a_job_fills_its_fields() -> None:
    """Paths keep their characters, a command its arguments, users lose their numbers."""
    job = parse_jobs(JOB.encode()).items[0]

    assert ("ana", "/home/ana/train.sh --lr=3 LR=4", "/home/ana", "/home/ana/llama-ft-812.out", "first try") == (
        job.user, job.command, job.work_dir, job.stdout, job.comment
    )  # fmt: skip
    assert ("gpu-09", 7200.0, float(START), START + 7200.0, None) == (
        job.excluded_nodes, job.time_limit_s, job.start_at, job.end_at, job.exit_code
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GRES_IDX=gpu(IDX:0,2-3)", (JobGpus("gpu-02", 3, None, (0, 2, 3)),)),
        ("GRES=gpu(IDX:5)", (JobGpus("gpu-02", 1, None, (5,)),)),
        (
            "GRES=gpu:h100:2(IDX:0-1),gpu:a100:1(IDX:4)",
            (JobGpus("gpu-02", 2, "h100", (0, 1)), JobGpus("gpu-02", 1, "a100", (4,))),
        ),
        ("GRES=gpu:(null):3(IDX:0-7)", (JobGpus("gpu-02", 3, None, None),)),
        ("GRES=gpu:2", (JobGpus("gpu-02", 2, None, None),)),
        ("GRES=gpu:h100:0(IDX:)", (JobGpus("gpu-02", 0, "h100", ()),)),
        ("GRES=shard:4(1/8)", ()),
        ("GRES=", ()),
    ],
)
def test_every_generation_of_a_jobs_gres_line(line: str, expected: tuple[JobGpus, ...]) -> None:
    """Old and new spellings give indices where they can be believed, counts where not, nothing where nothing is."""
    record = one_line(JOB).replace("GRES=gpu:h100:4(IDX:4-7)", line).replace("GRES=gpu:h100:4(IDX:0-2,5)", "GRES=")

    assert expected == parse_jobs(record.encode()).items[0].gpus_on


def test_jobs_that_hold_nothing_have_no_gpus_now() -> None:
    """Of an ended job the old lines are not believed, of a pending one there are none."""
    ended, pending = parse_jobs(
        f"{job_record(JobState='COMPLETED', ExitCode='3:0')}\n{job_record(JobId='9', JobState='PENDING')}\n".encode()
    ).items

    assert ((), 3, 0) == (ended.gpus_on, ended.exit_code, ended.exit_signal)
    assert ((), ()) == (pending.gpus_on, pending.nodes)


def test_free_text_is_not_taken_for_fields() -> None:
    """Keys within name, command and comment are text; a newline in them does not end the record."""
    record = job_record(JobName="a JobState=FAILED Command=/bin/sh", Comment="b StdErr=/x JobState=FAILED\nPriority=1")
    job = parse_jobs(f"{record}\n{job_record(JobId='9')}".encode())

    assert ["812", "9"] == [one.id for one in job.items]
    assert ("a JobState=FAILED Command=/bin/sh", "RUNNING", 4294901757) == (
        job.items[0].name, job.items[0].state, job.items[0].priority
    )  # fmt: skip


def test_of_a_job_named_twice_none_is_believed() -> None:
    """A record within a job's name is a forgery; which of the two it is cannot be told, and the forger's own breaks."""
    forged = job_record(JobId="9", JobName="x\n" + job_record(JobId="812", UserId="root(0)"))
    parsed = parse_jobs(f"{job_record()}\n{forged}\n".encode())

    assert () == parsed.items
    assert "scontrol show job line 3: job 812 a second time; neither is believed" in parsed.notes


def test_ids_of_tasks_and_parts() -> None:
    """Array tasks, tasks still together and parts of heterogeneous jobs have the queue's ids."""
    prefixes = ("ArrayJobId=820 ArrayTaskId=3", "ArrayJobId=820 ArrayTaskId=7-99%4", "HetJobId=830 HetJobOffset=1")
    text = "\n".join(job_record(JobId=f"82{n} {prefix}") for n, prefix in enumerate(prefixes))

    assert ["820_3", "820_[7-99%4]", "830+1"] == [job.id for job in parse_jobs(text.encode()).items]


def test_old_and_pending_requests_are_sized() -> None:
    """22.05's `TRES=` and a waiting job's ReqTRES serve where AllocTRES is empty."""
    old = (
        job_record().replace("ReqTRES=", "TRES=").replace("AllocTRES=cpu=24,mem=96G,node=3,billing=24,gres/gpu=12", "")
    )
    waiting = job_record(JobId="9", JobState="PENDING", AllocTRES="(null)")

    assert [12, 12] == [job.gpus for job in parse_jobs(f"{old}\n{waiting}".encode()).items]


def test_fields_for_people_are_cleaned() -> None:
    """All of Slurm's own keys, in its order, without control characters."""
    said = job_fields(job_record(Comment="x\x1b[2J\x00y").encode())

    assert ["JobId", "JobName", "UserId"] == list(said)[:3]
    assert "x[2Jy try" == said["Comment"]
    assert {} == job_fields(b"")


@pytest.mark.parametrize("text", [NODE, one_line(NODE)])
def test_record_of_a_node_fills_its_fields(text: str) -> None:
    """State and flags, GPUs and indices used, memory, reason with who and when."""
    expected = SlurmNode(
        name="gpu-01", state="MIXED", flags=("DRAIN", "DYNAMIC_NORM"), reason="fell off the bus", reason_by="root",
        reason_at=START + 300.0, host="gpu-01", address="10.0.0.1", gres=(Gres("gpu", "h100", 8),),
        gres_used=(Gres("gpu", "h100", 4, (0, 1, 2, 5)),), cpus=64, cpus_used=16, memory_mib=1000000.0,
        memory_used_mib=32768.0, memory_free_mib=900000.0, cpu_load=3.25, partitions=("gpu", "debug"),
        features=("h100", "nvlink"), version="23.11.4", boot_at=1799990000.0, slurmd_at=1799990060.0,
        busy_at=float(START), instance_id="pod-7", instance_type="H100x8",
    )  # fmt: skip

    assert (expected,) == parse_nodes(text.encode()).items


def test_node_says_what_it_can() -> None:
    """N/A is unknown, not 0; without -d nothing is said of what is used; stars mean no response."""
    text = one_line(NODE).replace("FreeMem=900000", "FreeMem=N/A").replace("CPULoad=3.25", "CPULoad=N/A")
    node = parse_nodes(text.replace("GresUsed=gpu:h100:4(IDX:0-2,5)", "").encode()).items[0]

    assert (None, None, None) == (node.memory_free_mib, node.cpu_load, node.gres_used)


def test_partition_has_limits_and_who_may_use_it() -> None:
    """Limits are seconds, ALL is nobody in particular."""
    expected = SlurmPartition(
        name="gpu", state="DRAIN", is_default=True, nodes=("gpu-01", "gpu-02", "gpu-03"), time_limit_s=604800.0,
        default_time_s=3600.0, priority_tier=5, max_nodes=4, allow_accounts="lab,ops",
    )  # fmt: skip

    assert (expected,) == parse_partitions(one_line(PARTITION).encode()).items


@pytest.mark.parametrize("parse", [parse_jobs, parse_nodes, parse_partitions])
def test_output_of_something_else_is_an_error_with_command_and_line(parse: type) -> None:
    """Nothing is no records; a complaint on stdout is told with its line."""
    assert ((), ()) == (parse(b"").items, parse(b"No jobs in the system\n").items)
    with pytest.raises(SlurmParseError, match=r"scontrol show \w+ line 2: not a record of \w+: 'slurm_load error"):
        parse(b"\nslurm_load error: Unable to contact slurm controller\n")
