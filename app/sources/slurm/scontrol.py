"""`scontrol show node`, `show job` and `show partition` text to values, one line a record (`-o`) or several.

A job's lines `Nodes=… GRES=…` carry their own nodes: a host list whose nodes hold the same indices each. They are
never paired with `NodeList`, whose order is another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm import fields as text
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.job_records import job_of
from app.sources.slurm.parsed import MOST_ITEMS, Parsed, Skips
from app.sources.slurm.records import first_of_each, records

NODE_WORDS = ("-o", "-d", "show", "node")
JOB_WORDS = ("-o", "-d", "show", "job")
PARTITION_WORDS = ("-o", "show", "partition")

_BY = re.compile(r"(.*?)\s*\[([^\[\]@]{1,256})@([^\[\]]{1,64})\]\s*(.*)", re.DOTALL)


def parse_jobs(output: bytes) -> Parsed[SlurmJob]:
    """The jobs of `scontrol -d show job`, with their GPUs by node.

    Of a job named twice none is believed: one of the two came out of somebody's job name. Raises SlurmParseError where
    there is output and none of it is a record.
    """
    skips, jobs = Skips("scontrol show job"), dict[str, SlurmJob]()
    twice: set[str] = set()
    for line, record in records(output, skips.command, "JobId", skips):
        job = job_of(record)
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
    skips, nodes = Skips("scontrol show node"), dict[str, SlurmNode]()
    for line, record in records(output, skips.command, "NodeName", skips):
        node = _node(first_of_each(record))
        if node is None or node.name in nodes or len(nodes) >= MOST_ITEMS:
            skips.add(line, "no name or state" if node is None else f"node {node.name} a second time", record)
        else:
            nodes[node.name] = node
    return skips.parsed(list(nodes.values()))


def _node(said: Mapping[str, str]) -> SlurmNode | None:
    def get(name: str) -> str:
        return said.get(name, "")

    name, (state, flags) = text.host_of(get("NodeName")), text.node_state(get("State"))
    if not name or not state:
        return None
    reason, by, at = reason_by(get("Reason"))
    return SlurmNode(
        name=name,
        state=state,
        flags=flags,
        reason=reason,
        reason_by=by,
        reason_at=at,
        host=text.text_of(get("NodeHostName")),
        address=text.text_of(get("NodeAddr")),
        gres=parse_gres(get("Gres")),
        gres_used=parse_gres(said["GresUsed"]) if "GresUsed" in said else None,
        cpus=text.int_of(get("CPUTot")),
        cpus_used=text.int_of(get("CPUAlloc")),
        memory_mib=text.float_of(get("RealMemory")),
        memory_used_mib=text.float_of(get("AllocMem")),
        memory_free_mib=text.float_of(get("FreeMem")),
        cpu_load=text.float_of(get("CPULoad")),
        partitions=text.list_of(get("Partitions")),
        features=text.list_of(get("ActiveFeatures") or get("AvailableFeatures")),
        reservation=text.text_of(get("ReservationName")),
        version=text.text_of(get("Version")),
        boot_at=text.epoch_of(get("BootTime")),
        slurmd_at=text.epoch_of(get("SlurmdStartTime")),
        busy_at=text.epoch_of(get("LastBusyTime")),
        comment=text.text_of(get("Comment"), text.LONGEST_COMMENT),
        extra=text.text_of(get("Extra"), text.LONGEST_COMMENT),
        instance_id=text.text_of(get("InstanceId")),
        instance_type=text.text_of(get("InstanceType")),
    )


def reason_by(said: str) -> tuple[str | None, str | None, float | None]:
    """Reason, who gave it and when, out of `Not responding [slurm@2026-11-23T12:49:45]`."""
    found = _BY.fullmatch(said[:8192])
    if found is None:
        return text.reason_of(said), None, None
    words, by, at, rest = found.groups()
    return text.reason_of(f"{words} {rest}".strip()), text.text_of(by), text.epoch_of(at)


def parse_partitions(output: bytes) -> Parsed[SlurmPartition]:
    """The partitions of `scontrol show partition`. Raises SlurmParseError as the others do."""
    skips, found = Skips("scontrol show partition"), dict[str, SlurmPartition]()
    for line, record in records(output, skips.command, "PartitionName", skips):
        partition = _partition(first_of_each(record))
        if partition is None or partition.name in found:
            skips.add(line, "no name" if partition is None else f"partition {partition.name} a second time", record)
        else:
            found[partition.name] = partition
    return skips.parsed(list(found.values()))


def _partition(said: Mapping[str, str]) -> SlurmPartition | None:
    def get(name: str) -> str:
        return said.get(name, "")

    name = text.word_of(get("PartitionName"))
    if not name:
        return None
    return SlurmPartition(
        name=name,
        state=text.word_of(get("State")) or "UNKNOWN",
        is_default=text.bool_of(get("Default")) or False,
        nodes=text.hosts_of(get("Nodes")),
        time_limit_s=text.limit_s(get("MaxTime")),
        default_time_s=text.limit_s(get("DefaultTime")),
        priority_tier=text.int_of(get("PriorityTier")),
        max_nodes=text.int_of(get("MaxNodes")),
        qos=text.text_of(get("QoS")),
        allow_groups=text.everyone_of(get("AllowGroups")),
        allow_accounts=text.everyone_of(get("AllowAccounts")),
        allow_qos=text.everyone_of(get("AllowQos")),
    )
