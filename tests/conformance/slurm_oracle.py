"""What a file of Slurm ought to give, counted the slow and simple way and without the program's parsers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.conformance.slurm_files import Recorded, history_rows, squeue_rows

NOTHING = ("", "(null)", "N/A", "None", "NONE", "none", "Unknown", "NOT_SET", "Partition_Limit", "n/a", "None assigned")
JOB_KEYS = {
    "name": ("JobName", "name", "Name"), "user": ("UserId", "user_name", "UserName", "User"),
    "account": ("Account", "account"), "partition": ("Partition", "partition"), "qos": ("QOS", "qos"),
    "reason": ("Reason", "state_reason"), "node_count": ("NumNodes", "node_count"), "cpus": ("NumCPUs", "cpus"),
    "priority": ("Priority", "priority", "PriorityLong"), "submit_at": ("SubmitTime", "submit_time", "Submit"),
    "eligible_at": ("EligibleTime", "eligible_time"), "start_at": ("StartTime", "start_time", "Start"),
    "time_limit_s": ("TimeLimit", "time_limit"), "dependency": ("Dependency", "dependency"),
    "work_dir": ("WorkDir", "current_working_directory"), "stdout": ("StdOut", "standard_output"),
    "stderr": ("StdErr", "standard_error"), "evaluated_at": ("LastSchedEval", "last_sched_evaluation"),
    "restarts": ("Restarts", "restart_cnt", "RestartCnt"),
}  # fmt: skip
NODE_KEYS = {
    "host": ("NodeHostName", "hostname"), "address": ("NodeAddr", "address"), "cpus": ("CPUTot", "cpus"),
    "cpus_used": ("CPUAlloc", "alloc_cpus"), "memory_mib": ("RealMemory", "real_memory", "Memory"),
    "memory_used_mib": ("AllocMem", "alloc_memory"), "memory_free_mib": ("FreeMem", "free_mem", "free_memory"),
    "cpu_load": ("CPULoad", "cpu_load", "CPUsLoad"), "partitions": ("Partitions", "partitions", "Partition"),
    "features": ("AvailableFeatures", "features"), "version": ("Version", "version", "slurmd_version"),
    "boot_at": ("BootTime", "boot_time"), "slurmd_at": ("SlurmdStartTime", "slurmd_start_time"),
    "busy_at": ("LastBusyTime", "last_busy"), "reason": ("Reason", "reason"),
    "gres_used": ("GresUsed", "gres_used"),
}  # fmt: skip
PARTITION_KEYS = {
    "state": ("State", "state"), "nodes": ("Nodes", "nodes"), "time_limit_s": ("MaxTime", "max_time_limit"),
    "priority_tier": ("PriorityTier", "priority_tier"),
}  # fmt: skip


def plain(value: object) -> object:
    """A JSON value without its struct."""
    if isinstance(value, dict) and "number" in value:
        return "UNLIMITED" if value.get("infinite") else value["number"] if value.get("set") else None
    return value


def raw_items(one: Recorded) -> Iterator[Mapping[str, Any]]:
    """The records of a file as mappings with Slurm's own keys."""
    if one.form == "json":
        key = next(name for name in ("jobs", "nodes", "partitions", "sinfo") if isinstance(one.obj.get(name), list))
        for row in one.obj[key]:
            yield _flat(row["partition"] if key == "sinfo" else row) if one.kind == "partitions" else row
    elif one.form == "scontrol":
        start = {"jobs": "JobId", "nodes": "NodeName", "partitions": "PartitionName"}[one.kind]
        for block in re.split(rf"(?m)^(?={start}=)", one.text):
            if block.startswith(start):
                yield dict(reversed(re.findall(r"(?:^|\s)([A-Za-z]+)=([^\s]*)", block))) | {"": block}
    elif one.form == "sacct":
        yield from history_rows(one.text)
    else:
        columns, rows = squeue_rows(one)
        for row in rows:
            yield dict(zip(columns, row, strict=False))


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A partition of v0.0.39 and later with the names that it had before."""
    if not isinstance(row.get("nodes"), dict):
        return row
    return {
        "name": row["name"], "nodes": row["nodes"].get("configured"), "state": row.get("partition", {}).get("state"),
        "max_time_limit": row.get("maximums", {}).get("time"), "priority_tier": row.get("priority", {}).get("tier"),
    }  # fmt: skip


def gpus_in(text: str) -> int:
    """GPUs of a text of generic resources: the number that closes each entry, else the count of its indices."""
    total = 0
    for entry in re.findall(r"gpu[^,(]*(?:\(null\)[^,(]*)?(?:\([^)]*\))*", text):
        number = re.search(r"[:=](\d+)(?=\(|$)", re.sub(r"\(null\)", "", entry))
        total += int(number[1]) if number else len(indices_in(entry))
    return total


def indices_in(text: str) -> list[int]:
    """GPU indices of a text of generic resources, in its order."""
    found: list[int] = []
    for part in re.findall(r"gpu[^,()]*(?:\(null\)[^,()]*)?\(IDX:([\d,-]+)\)", text):
        for piece in part.split(","):
            first, _, last = piece.partition("-")
            found.extend(range(int(first), int(last or first) + 1))
    return found


def said(raw: Mapping[str, Any], names: Iterable[str], *, is_time: bool) -> bool:
    """Whether the file gives a value under one of Slurm's names."""
    for name in names:
        value = plain(raw.get(name))
        if value is None or value in ([], {}) or (isinstance(value, str) and value.strip() in NOTHING):
            continue
        if (is_time and value == 0) or (name == "user_name" and not value):
            continue
        return True
    return False
