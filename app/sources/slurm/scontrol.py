"""`scontrol show node`, `show job` and `show partition` text to values, one line a record (`-o`) or several.

A job's lines `Nodes=… GRES=…` carry their own nodes: a host list whose nodes hold the same indices each. They are
never paired with `NodeList`, whose order is another.
"""

from __future__ import annotations

from app.domain.naming import clean
from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm import fields as text
from app.sources.slurm.job_records import job_of
from app.sources.slurm.node_records import NodeReader
from app.sources.slurm.parsed import MOST_ITEMS, PIECE, Parsed, Skips, once
from app.sources.slurm.records import Fields, first_of_each, records

NODE_WORDS = ("-o", "-d", "show", "node")
JOB_WORDS = ("-o", "-d", "show", "job")
PARTITION_WORDS = ("-o", "show", "partition")


def parse_jobs(output: bytes) -> Parsed[SlurmJob]:
    """The jobs of `scontrol -d show job`, with their GPUs by node.

    Of a job named twice none is believed: one of the two came out of somebody's job name. Raises SlurmParseError where
    there is output and none of it is a record.
    """
    return whole(reading_jobs(output))


def reading_jobs(output: bytes) -> Pieces[Parsed[SlurmJob]]:
    """As `parse_jobs`, in pieces."""
    skips, jobs = Skips("scontrol show job"), dict[str, SlurmJob]()
    twice: set[str] = set()
    texts: dict[str, str] = {}
    for number, (line, record) in enumerate(records(output, skips.command, "JobId", skips)):
        if number % PIECE == PIECE - 1:
            yield
        job = job_of(record, texts)
        if job is None or len(jobs) >= MOST_ITEMS:
            skips.add(line, "no job id or state" if job is None else f"more than {MOST_ITEMS} jobs", record)
        elif job.id in jobs or job.id in twice:
            skips.add(line, f"job {job.id} a second time; neither is believed")
            twice.add(job.id)
            jobs.pop(job.id, None)
        else:
            jobs[job.id] = job
    return skips.parsed(list(jobs.values()))


def job_fields(output: bytes) -> dict[str, str]:
    """The fields of one job by Slurm's own keys, cleaned, for people to read. Raises SlurmParseError."""
    skips = Skips("scontrol show job")
    for _, record in records(output, skips.command, "JobId", skips):
        return {clean(key, 64): clean(value, 4096) for key, value in first_of_each(record).items()}
    return {}


def parse_nodes(output: bytes) -> Parsed[SlurmNode]:
    """The nodes of `scontrol -d show node`. Raises SlurmParseError where there is output and none is a record."""
    return NodeReader().read(output)


def parse_partitions(output: bytes) -> Parsed[SlurmPartition]:
    """The partitions of `scontrol show partition`. Raises SlurmParseError as the others do."""
    skips = Skips("scontrol show partition")
    read = records(output, skips.command, "PartitionName", skips)
    rows = ((line, _partition(first_of_each(record)), record) for line, record in read)
    return skips.parsed(once(rows, skips, lambda one: one.name, "partition", "name"))


def _partition(said: Fields) -> SlurmPartition | None:
    name = text.word_of(said["PartitionName"])
    if not name:
        return None
    return SlurmPartition(
        name=name,
        state=text.word_of(said["State"]) or "UNKNOWN",
        is_default=text.bool_of(said["Default"]) or False,
        nodes=text.hosts_of(said["Nodes"]),
        time_limit_s=text.limit_s(said["MaxTime"]),
        default_time_s=text.limit_s(said["DefaultTime"]),
        priority_tier=text.int_of(said["PriorityTier"]),
        max_nodes=text.int_of(said["MaxNodes"]),
        qos=text.text_of(said["QoS"]),
        allow_groups=text.everyone_of(said["AllowGroups"]),
        allow_accounts=text.everyone_of(said["AllowAccounts"]),
        allow_qos=text.everyone_of(said["AllowQos"]),
    )
