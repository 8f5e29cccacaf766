"""Rows of squeue to jobs, hostile names among them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from app.domain.slurm import JobGpus, SlurmJob
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.squeue import QUEUE_WORDS, QueueReader, merge, parse_squeue, queue_words
from tests.sources.slurm.slurm_text import PENDING, START, queue, queue_row


def only(output: bytes) -> SlurmJob:
    """The one job of an answer without a complaint."""
    parsed = parse_squeue(output)
    assert (1, 0, ()) == (len(parsed.items), parsed.skipped, parsed.notes)
    return parsed.items[0]


def test_row_is_a_job() -> None:
    """Every column lands in its field, in our units."""
    expected = SlurmJob(
        id="812", job_id=812, name="llama-ft", user="ana", account="lab", partition="gpu", qos="normal",
        state="RUNNING", nodes=("gpu-01", "gpu-02"), node_count=2, cpus=16, memory_mib=65536.0, gpus=8,
        gpus_per_node=4, gpu_type="h100", priority=4294901757, submit_at=START - 60.0, eligible_at=START - 60.0,
        start_at=float(START), end_at=START + 7200.0, time_limit_s=7200.0, restarts=0, is_requeueable=True,
        evaluated_at=float(START),
    )  # fmt: skip

    assert expected == only(queue(queue_row()))


def test_pending_job_holds_nothing_and_says_why() -> None:
    """A job that waits has no nodes and no exit code; its reason and its request are told."""
    job = only(queue(queue_row(**PENDING)))

    assert ("PENDING", "Resources", (), None, None, 8, 4) == (
        job.state, job.reason, job.nodes, job.start_at, job.exit_code, job.gpus, job.gpus_per_node
    )  # fmt: skip


def test_array_tasks_and_parts_of_heterogeneous_jobs_have_ids_that_stay() -> None:
    """The id is what people write: `820_3`, `820_[7-99%4]`, `830+1`."""
    rows = queue(
        queue_row(JobArrayID="820_3", JobID="824", ArrayJobID="820", ArrayTaskID="3"),
        queue_row(**PENDING, JobArrayID="820_[7-99%4]", JobID="820", ArrayJobID="820", ArrayTaskID="7-99%4"),
        queue_row(JobArrayID="830+1", JobID="831", HetJobID="830", HetJobOffset="1"),
    )

    assert [
        ("820_3", 824, 820, "3", None, None),
        ("820_[7-99%4]", 820, 820, "7-99%4", None, None),
        ("830+1", 831, None, None, 830, 1),
    ] == [
        (job.id, job.job_id, job.array_job_id, job.array_task, job.het_job_id, job.het_offset)
        for job in parse_squeue(rows).items
    ]


def test_flag_that_stands_for_a_state_is_both() -> None:
    """CONFIGURING is a running job with a flag; an unknown state and an unknown reason stay as they are."""
    states = ("CONFIGURING", "COMPLETING", "REQUEUE_HOLD", "WARPING")
    jobs = parse_squeue(
        queue(
            *(
                queue_row(JobArrayID=str(n), JobID=str(n), State=s, Reason="NewReason,_of:x")
                for n, s in enumerate(states, 1)
            )
        )
    ).items

    assert [
        ("RUNNING", ("CONFIGURING",)),
        ("COMPLETING", ("COMPLETING",)),
        ("PENDING", ("REQUEUE_HOLD",)),
        ("WARPING", ()),
    ] == [(job.state, job.flags) for job in jobs]
    assert {"NewReason,_of:x"} == {job.reason for job in jobs}


def test_unlimited_job_has_no_end() -> None:
    """No limit is infinity, and the far end that Slurm computes from it is no end."""
    job = only(queue(queue_row(TimeLimit="UNLIMITED", EndTime=str(START + 31_536_000))))

    assert (math.inf, None) == (job.time_limit_s, job.end_at)


@pytest.mark.parametrize(
    ("changes", "run_s"),
    [
        ({"State": "SUSPENDED", "TimeUsed": "1-00:00:05"}, 86405.0),
        ({"TimeUsed": "30:00", "EndTime": str(START + 9000)}, 1800.0),
        ({"TimeUsed": "30:00"}, None),
    ],
)
def test_time_run_is_slurms_own_where_the_start_does_not_say_it(changes: dict[str, str], run_s: float | None) -> None:
    """A job that is or was suspended has run for less than it has been there."""
    assert run_s == only(queue(queue_row(**changes))).run_s


def test_site_that_does_not_account_for_gpus_still_has_them() -> None:
    """Where TRES names no GPU the request does; a job that asks for none has none."""
    rows = queue(
        queue_row(tres_alloc="cpu=16,mem=64G,node=2"),
        queue_row(JobArrayID="9", JobID="9", tres_alloc="cpu=16", tres_per_node="N/A"),
    )

    assert [8, 0] == [job.gpus for job in parse_squeue(rows).items]


HOSTILE = [
    ("a\x1fb", "ab"),
    ("\x1b]0;owned\x07\x1b[2J", "]0;owned[2J"),
    ("[bold red]x[/]", "[bold red]x[/]"),
    ("\u202egnp.exe", "gnp.exe"),
    ("a\x00b", "ab"),
    ("$(rm -rf /); `id`", "$(rm -rf /); `id`"),
    ("x" * 10_000, "x" * 255 + "…"),
    ("a\nb", "a b"),
    ("a\n\nb\x1fc\n", "a  bc "),
    ("", ""),
]


@pytest.mark.parametrize(("name", "shown"), HOSTILE)
def test_hostile_name_harms_itself_only(name: str, shown: str) -> None:
    """Whatever stands in a name, its own job and the next are there, and the name is harmless."""
    parsed = parse_squeue(queue(queue_row(Name=name), queue_row(JobArrayID="813", JobID="813")))

    assert [("812", shown), ("813", "llama-ft")] == [(job.id, job.name) for job in parsed.items]


@pytest.mark.parametrize(("end", "skipped"), [("", 0), ("\x1f", 1)])
def test_name_cannot_forge_a_row(end: str, skipped: int) -> None:
    """A whole row within a name is a part of it, or a rest that is counted, since it cannot know the mark."""
    forged = queue_row(mark="gpu-watchdog", JobArrayID="1", JobID="1", UserName="root")
    parsed = parse_squeue(queue(queue_row(mark="s3cret", Name=f"x{end}\n{forged}")), mark="s3cret")

    assert ["812"] == [job.id for job in parsed.items]
    assert skipped == parsed.skipped
    assert all("squeue line 2: not a row of the queue" in note for note in parsed.notes)


def test_lines_that_do_not_fit_are_counted_with_command_and_line() -> None:
    """Garbage between rows costs these lines only; the first are described, the rest counted."""
    rows = [queue_row(), *("junk \x1b[31m" for _ in range(9)), queue_row(), queue_row(JobArrayID="x", JobID="")]
    parsed = parse_squeue(queue(*rows))

    assert (1, 11, 6) == (len(parsed.items), parsed.skipped, len(parsed.notes))
    assert "squeue line 2: not a row of the queue: 'junk [31m'" == parsed.notes[0]
    assert "squeue: 6 more lines skipped" == parsed.notes[-1]


def test_nothing_is_an_empty_queue_and_garbage_is_an_error() -> None:
    """No output means no jobs; output without a row names command and line."""
    assert ((), 0) == (parse_squeue(b"\n").items, parse_squeue(b"").skipped)
    with pytest.raises(SlurmParseError, match="squeue line 1: not a row of the queue: 'slurm_load_jobs error"):
        parse_squeue(b"slurm_load_jobs error: Unable to contact slurm controller\n")


def test_words_ask_for_whole_columns_with_the_mark() -> None:
    """Each column is as wide as its value; the mark stands behind the first; a comma in it is refused."""
    assert ("-h", "-a", "-r", "-O") == QUEUE_WORDS[:4]
    assert QUEUE_WORDS[4].startswith("JobArrayID:\x1fgpu-watchdog\x1f,TimeUsed:\x1f,JobID:\x1f,")
    assert QUEUE_WORDS[4].endswith("tres-per-task:\x1f,Name:\x1f")
    assert ("-t", "all") == QUEUE_WORDS[5:]  # jobs that ended lately say how they did
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        queue_words("a,b")


def test_reader_gives_the_same_jobs_where_nothing_changed() -> None:
    """A row that differs in nothing but the time used is the same object; a changed row is a new job."""
    reader = QueueReader()
    first = reader.read(queue(queue_row(), queue_row(JobArrayID="9", JobID="9"))).items
    again = reader.read(
        queue(queue_row(TimeUsed="1:00:05"), queue_row(JobArrayID="9", JobID="9", State="COMPLETING"))
    ).items

    assert first[0] is again[0]
    assert ("RUNNING", "COMPLETING") == (first[1].state, again[1].state)


DETAIL = SlurmJob(
    id="812", job_id=812, name="llama-ft", user="ana", state="RUNNING", start_at=float(START), comment="first try",
    stdout="/home/ana/o", gpus_on=(JobGpus("gpu-01", 3, "h100", (0, 1, 2)), JobGpus("gpu-02", 3, "h100", (3, 4, 5))),
)  # fmt: skip


def test_details_add_what_the_queue_does_not_say() -> None:
    """GPUs by node, paths and comment come from the details; what changes stays the queue's."""
    job = merge([only(queue(queue_row()))], {"812": replace(DETAIL, state="PENDING")})[0]

    assert (DETAIL.gpus_on, 6, 3, "/home/ana/o", "first try", "RUNNING") == (
        job.gpus_on, job.gpus, job.gpus_per_node, job.stdout, job.comment, job.state
    )  # fmt: skip


@pytest.mark.parametrize(
    "detail",
    [
        replace(DETAIL, user="root"), replace(DETAIL, name="other"), replace(DETAIL, job_id=7),
        replace(DETAIL, start_at=START - 900.0), replace(DETAIL, gpus_on=(JobGpus("gpu-77", 8),)),
    ],
)  # fmt: skip
def test_details_of_another_job_or_run_say_nothing_of_gpus(detail: SlurmJob) -> None:
    """A forged record, an earlier run or another node gives no GPU to a job."""
    job = merge([only(queue(queue_row()))], {"812": detail})[0]

    assert ((), 8) == (job.gpus_on, job.gpus)
