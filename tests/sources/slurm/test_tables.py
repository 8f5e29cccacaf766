"""sinfo, sacct and sdiag."""

from __future__ import annotations

import pytest

from app.domain.slurm import Gres
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.sacct import COLUMNS as HISTORY
from app.sources.slurm.sacct import HISTORY_WORDS, STEP_COLUMNS, parse_sacct, parse_steps
from app.sources.slurm.sdiag import Sdiag, parse_sdiag, sdiag_of
from app.sources.slurm.sinfo import COLUMNS, NODE_WORDS, parse_sinfo
from tests.sources.slurm.slurm_text import START, struct

SINFO = {
    "NodeList": "gpu-01", "NodeHost": "gpu-01", "NodeAddr": "10.0.0.1", "StateLong": "mixed*", "Partition": "gpu*",
    "Gres": "gpu:h100:8(S:0-1)", "GresUsed": "gpu:h100:1(IDX:5)", "CPUsState": "16/48/0/64", "CPUsLoad": "3.25",
    "Memory": "1000", "AllocMem": "100", "FreeMem": "900", "Features": "h100,nvlink", "Version": "23.11.4",
    "Reason": "none",
}  # fmt: skip


def sinfo_row(**changes: str) -> str:
    """One row of sinfo."""
    return "".join(f"{value}\x1f" for value in (SINFO | changes).values()) + "\n"


def test_sinfo_gathers_the_partitions_of_a_node() -> None:
    """A node stands once a partition and is one node; the star of the default partition is no name."""
    parsed = parse_sinfo((sinfo_row() + sinfo_row(Partition="debug") + sinfo_row(NodeList="gpu-02")).encode())
    node = parsed.items[0]

    assert ["gpu-01", "gpu-02"] == [one.name for one in parsed.items]
    assert ("MIXED", ("NOT_RESPONDING",), ("gpu", "debug"), (Gres("gpu", "h100", 1, (5,)),), 16, 64, None) == (
        node.state, node.flags, node.partitions, node.gres_used, node.cpus_used, node.cpus, node.reason
    )  # fmt: skip


def test_sinfo_counts_rows_that_do_not_fit() -> None:
    """A reason with a newline costs its row's end; nothing but garbage is an error."""
    parsed = parse_sinfo((sinfo_row() + sinfo_row(NodeList="gpu-02", Reason="a\nb")).encode())

    assert (2, 1, "a") == (len(parsed.items), parsed.skipped, parsed.items[1].reason)
    assert "sinfo line 3: 2 fields in place of 15" in parsed.notes[0]
    with pytest.raises(SlurmParseError, match="sinfo line 1: 1 fields in place of 15"):
        parse_sinfo(b"slurm_load_partitions: Unable to contact slurm controller\n")
    assert ",".join(f"{name}:\x1f" for name in COLUMNS) == NODE_WORDS[-1]


SACCT = {
    "JobID": "820_3", "JobIDRaw": "824", "User": "ana", "Account": "lab", "Partition": "gpu", "QOS": "normal",
    "State": "CANCELLED by 2001", "Reason": "None", "ExitCode": "0:15", "NodeList": "gpu-[01-02]", "NNodes": "2",
    "NCPUS": "16", "Submit": str(START - 60), "Eligible": str(START - 60), "Start": str(START),
    "End": str(START + 600), "TimelimitRaw": "120", "ElapsedRaw": "590", "Priority": "100",
    "AllocTRES": "billing=8,cpu=16,gres/gpu:h100=8,gres/gpu=8,mem=64G,node=2", "ReqTRES": "cpu=16", "Reservation": "",
    "JobName": "a|b [red]",
}  # fmt: skip


def sacct_row(**changes: str) -> str:
    """One row of sacct."""
    return "|".join((SACCT | changes)[name] for name in HISTORY) + "\n"


def test_sacct_row_is_an_ended_job() -> None:
    """State without who, GPUs with their type, time run by Slurm's clock, a name with bars whole."""
    job = parse_sacct(sacct_row().encode()).items[0]

    assert ("820_3", 824, 820, "3", "CANCELLED", 8, "h100", 65536.0, 590.0, 0, 15, "a|b [red]", 7200.0) == (
        job.id, job.job_id, job.array_job_id, job.array_task, job.state, job.gpus, job.gpu_type, job.memory_mib,
        job.run_s, job.exit_code, job.exit_signal, job.name, job.time_limit_s,
    )  # fmt: skip
    assert ("gpu-01", "gpu-02") == job.nodes


def test_last_run_of_a_requeued_job_counts() -> None:
    """Of several runs of one job the last stays; REQUEUED is told as it is; unknown GPUs are unknown."""
    rows = (
        sacct_row(State="REQUEUED")
        + sacct_row(JobID="9", JobIDRaw="9", State="REQUEUED", AllocTRES="cpu=1")
        + sacct_row()
    )

    assert [("9", "REQUEUED", None), ("820_3", "CANCELLED", 8)] == [
        (job.id, job.state, job.gpus) for job in parse_sacct(rows.encode()).items
    ]


def test_sacct_that_is_off_is_an_error() -> None:
    """No rows are no jobs; a sentence in place of rows names command and line."""
    assert () == parse_sacct(b"").items
    with pytest.raises(SlurmParseError, match="sacct line 1: 1 fields in place of 23: 'Slurm accounting"):
        parse_sacct(b"Slurm accounting storage is disabled\n")
    assert ",".join(HISTORY) == HISTORY_WORDS[-1]


def test_steps_are_rows_by_column() -> None:
    """Steps come as they are said, cleaned."""
    row = dict.fromkeys(STEP_COLUMNS, "x") | {"JobID": "812.0", "JobName": "train\x1b[0m|2"}

    assert (row | {"JobName": "train[0m|2"},) == parse_steps(("|".join(row.values()) + "\n").encode())


SDIAG = b"""*******************************************************
sdiag output at Mon Nov 23 12:49:42 2026 (1795438182)
Server thread count:  4
Agent queue size:     2
DBD Agent queue size: 1
Jobs pending:   7
Jobs running:   3

Main schedule statistics (microseconds):
\tLast cycle:   97209
\tMean cycle:   500

Backfilling stats
\tLast cycle: 1234

Remote Procedure Call statistics by message type
\tREQUEST_PARTITION_INFO                  ( 2009) count:9      ave_time:153    total_time:1378

Remote Procedure Call statistics by user
\troot            (       0) count:26     ave_time:6986   total_time:181658
"""


def test_sdiag_tells_how_busy_slurmctld_is() -> None:
    """Text and JSON give the same numbers; each `Last cycle` is of its own scheduler."""
    expected = Sdiag(4, 2, 1, 97209, 500, 1234, 7, 3, {"REQUEST_PARTITION_INFO": 9}, {"root": 26})
    said = {
        "server_thread_count": 4, "agent_queue_size": 2, "dbd_agent_queue_size": 1, "schedule_cycle_last": 97209,
        "schedule_cycle_mean": 500, "bf_cycle_last": 1234, "jobs_pending": struct(7), "jobs_running": 3,
        "rpcs_by_message_type": [{"message_type": "REQUEST_PARTITION_INFO", "count": 9}],
        "rpcs_by_user": [{"user": "root", "count": struct(26)}],
    }  # fmt: skip

    assert expected == parse_sdiag(SDIAG)
    assert expected == sdiag_of({"statistics": said})


def test_sdiag_of_something_else_is_an_error() -> None:
    """Neither text nor JSON without the thread count is sdiag."""
    with pytest.raises(SlurmParseError, match="sdiag line 1: no server thread count: 'sdiag: error"):
        parse_sdiag(b"sdiag: error: \x1b[2J")
    with pytest.raises(SlurmParseError, match="sdiag JSON line 1: no statistics"):
        sdiag_of({"statistics": {}})
