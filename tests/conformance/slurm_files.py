"""Recorded output of Slurm as test cases: what each file holds, and how the program is given it.

Files of another layout than the program's own calls (bars, fixed widths, a header) are laid out anew here, cell by
cell and without reading a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm.json_jobs import jobs_of
from app.sources.slurm.json_nodes import nodes_of
from app.sources.slurm.json_partitions import partitions_of
from app.sources.slurm.parsed import Parsed
from app.sources.slurm.sacct import COLUMNS as HISTORY_COLUMNS
from app.sources.slurm.sacct import parse_sacct
from app.sources.slurm.scontrol import parse_jobs, parse_nodes, parse_partitions
from app.sources.slurm.sinfo import parse_sinfo
from app.sources.slurm.squeue import parse_squeue

FOLDERS = ("slurm/*", "slurm-live/*/*", "slurm-live/*/extras/*", "expo-slurm/*", "expo-slurm/*/*")
_JOBS = ("JobID", "Account", "UserName", "Partition", "State", "NumNodes", "NumCPUs", "tres-alloc")
_DETAIL = ("NodeList", "AllocMem", "Memory", "CPUsState", "StateLong", "Partition", "Gres", "GresUsed")
_GCM = (
    "tres-per-node", "x", "JobArrayID", "JobID", "Name", "TimeLimit", "MinMemory", "Command", "x", "State",
    "UserName", "NumCPUs", "NumNodes", "TimeLeft", "TimeUsed", "NodeList", "Dependency", "x", "StartTime",
    "SubmitTime", "EligibleTime", "AccrueTime", "x", "Comment", "Partition", "Account", "QOS", "Reason", "tres-alloc",
    "ReqNodes", "Requeue", "Feature", "RestartCnt", "SchedNodes",
)  # fmt: skip
SQUEUE = {
    "text-slurm-24.11.7-squeue_jobs.txt": _JOBS,
    "squeue_jobs.txt": _JOBS,
    "squeue_jobs_accounts_view.txt": ("JobID", "Account", "State", "NumNodes", "NumCPUs", "tres-alloc"),
    "squeue_jobs_users_view.txt": ("JobID", "UserName", "State", "NumNodes", "NumCPUs", "tres-alloc"),
    "text-squeue-O-gpu-gcm.txt": _GCM,
    "squeue.txt": ("JobID", "UserName", "Name", "State", "NodeList", "NumNodes", "Reason", "MinMemory", "x"),
}
"""Files of squeue between bars → their columns (`squeue.txt`: datadog's only)."""
HEADED = ("squeue-o.txt", "squeue-O.txt")
HEADS = {
    "JOBID": "JobID", "ARRAY_JOB_ID": "ArrayJobID", "ARRAY_TASK_ID": "ArrayTaskID", "NAME": "Name", "USER": "UserName",
    "ST": "x", "STATE": "State", "REASON": "Reason", "TRES_ALLOC": "tres-alloc", "TRES_PER_NODE": "tres-per-node",
    "TRES_PER_JOB": "tres-per-job", "TRES_PER_TASK": "tres-per-task", "NODELIST": "NodeList", "PARTITION": "Partition",
    "TIME": "TimeUsed", "TIME_LIMIT": "TimeLimit", "NODES": "NumNodes", "CPUS": "NumCPUs", "PRIORITY": "PriorityLong",
    "START_TIME": "StartTime", "END_TIME": "EndTime",
}  # fmt: skip
SINFO: dict[str, tuple[tuple[str, ...], str | None]] = {
    "node_detail.txt": (_DETAIL[:6], None),
    "node_detail_default_partition.txt": (_DETAIL[:6], None),
    "slurm-25.05__node_detail_gres.txt": (_DETAIL, None),
    "text-slurm-25.05-node_detail_gres.txt": (_DETAIL, None),
    "sinfo_mem.txt": (_DETAIL[:5], None),
    "sinfo.txt": (
        ("Partition", "x", "NodeList", "CPUsState", "Memory", "x", "CPUsLoad", "FreeMem", "AllocMem", "StateLong",
         "Reason", "x", "x", "x", "Gres", "GresUsed"), "|"),
}  # fmt: skip
"""Files of sinfo → columns and what stands between them (`sinfo.txt`: datadog's only)."""


@dataclass(frozen=True)
class Recorded:
    """One file that the program reads."""

    name: str
    version: str
    kind: str
    """`jobs`, `nodes`, `partitions`, `sdiag`, `history`, …"""
    form: str
    """`json`, `scontrol`, `squeue`, `sinfo`, `sacct`, `page`."""
    text: str

    @property
    def obj(self) -> dict[str, Any]:
        """The file as JSON."""
        obj: dict[str, Any] = json.loads(self.text)
        return obj

    def jobs(self) -> Parsed[SlurmJob]:
        """The file as the program reads it."""
        match self.form:
            case "json":
                return jobs_of(self.obj)
            case "scontrol":
                return parse_jobs(self.text.encode())
            case "sacct":
                return parse_sacct(_history(self.text).encode())
        columns, rows = squeue_rows(self)
        return parse_squeue(
            "\n".join("\x1f".join(row) for row in rows).encode(), columns=columns, separator="\x1f", mark=""
        )

    def nodes(self) -> Parsed[SlurmNode]:
        """The file as the program reads it."""
        if self.form == "json":
            return nodes_of(self.obj)
        if self.form == "scontrol":
            return parse_nodes(self.text.encode())
        columns, separator = SINFO[self.name.rpartition("/")[2]]
        return parse_sinfo(self.text.encode(), columns=columns, separator=separator)

    def partitions(self) -> Parsed[SlurmPartition]:
        """The file as the program reads it."""
        return partitions_of(self.obj) if self.form == "json" else parse_partitions(self.text.encode())


def recorded_slurm(folder: Path | None) -> tuple[list[Recorded], list[str]]:
    """Every file of the Slurm captures that the program reads, and the names of the others; none without a folder."""
    found = [] if folder is None else sorted(path for pattern in FOLDERS for path in folder.glob(pattern))
    files = [(path, classify(path, folder)) for path in found if folder is not None and path.is_file()]
    return [one for _, one in files if one is not None], [path.name for path, one in files if one is None]


def classify(path: Path, folder: Path) -> Recorded | None:
    """What a file holds; None for what the program does not read (configuration, logs, errors, other commands)."""
    name = str(path.relative_to(folder))
    text = path.read_bytes().decode("utf-8", "replace")
    version = next(iter(re.findall(r"\d\d\.\d\d(?:\.\d+)?", name)), "")
    if found := re.fullmatch(r"(?:\d{3} )?(\{.*)", text.strip(), re.DOTALL):
        return _json(name, version, found[1])
    base = path.name
    if path.suffix in (".prom", ".log", ".md") or ".stderr" in base or base == "NOTES.txt":
        return None
    for start, kind in (("JobId=", "jobs"), ("NodeName=", "nodes"), ("PartitionName=", "partitions")):
        if re.match(rf"\s*{start}", text):
            return None if base.endswith(".conf") else Recorded(name, version, kind, "scontrol", text)
    if "sdiag output at" in text[:400]:
        return Recorded(name, version, "sdiag", "sdiag", text)
    if text.startswith("JobID|") and base in ("sacct.txt", "limits-sacct.txt"):
        return Recorded(name, version, "jobs", "sacct", text)
    return _table(name, version, base, text)


def _table(name: str, version: str, base: str, text: str) -> Recorded | None:
    """Rows of squeue and sinfo, by the name of the file: they do not say what they are."""
    if base in ("squeue.txt", "sinfo.txt") and "datadog" not in name:
        return None
    if base in HEADED or base in SQUEUE:
        return Recorded(name, version, "jobs", "squeue", text)
    if base in SINFO:
        return Recorded(name, version, "nodes", "sinfo", text)
    if re.search(r"sinfo_gpus|gpus_snapshot|sinfo_partition_info|partitions_gpu", base):
        return Recorded(name, version, "gres", "gres", text)
    return None


def _json(name: str, version: str, text: str) -> Recorded | None:
    try:
        obj = json.loads(text)
    except json.JSONDecodeError:
        return None
    if "gres" in obj and "hostname" in obj:
        return Recorded(name, version, "nodes", "json", json.dumps({"nodes": [obj]}))
    if "statistics" in obj:
        return Recorded(name, version, "sdiag", "json", text)
    for kind, key, mark in (
        ("jobs", "jobs", "job_state"), ("nodes", "nodes", "gres"), ("partitions", "partitions", "name"),
        ("partitions", "sinfo", "partition"),
    ):  # fmt: skip
        rows = obj.get(key)
        if isinstance(rows, list) and all(mark in row for row in rows):
            return Recorded(name, version, kind, "json", text)
    return None


def squeue_rows(one: Recorded) -> tuple[Sequence[str], list[list[str]]]:
    """Columns and cells of a file of squeue."""
    base = one.name.rpartition("/")[2]
    lines = [line for line in one.text.split("\n") if line.strip()]
    if base not in HEADED:
        separator = "|#" if "gcm" in base else "|"
        columns = SQUEUE[base]
        return columns, [[cell.strip() for cell in line.split(separator)][: len(columns)] for line in lines]
    if "|" in lines[0]:
        heads = lines[0].split("|")
        rows = [line.split("|") for line in lines[1:]]
    else:
        # A column as wide as its heading has no blank behind it: ARRAY_JOB_ID of 12 characters before ARRAY_TASK_ID.
        known = re.compile("|".join(sorted(HEADS, key=len, reverse=True)) + r"|\S+")
        begins = [found.start() for found in known.finditer(lines[0])]
        heads = [lines[0][a:b].strip() for a, b in zip(begins, [*begins[1:], None], strict=True)]
        rows = [[line[a:b].strip() for a, b in zip(begins, [*begins[1:], None], strict=True)] for line in lines[1:]]
    headed = [HEADS.get(head, "x") for head in heads]
    if base == "squeue-o.txt":
        headed[0] = "JobArrayID"
    return headed, rows


def history_rows(text: str) -> list[dict[str, str]]:
    """Rows of a file of sacct by its heading, steps left out as `-X` does."""
    heads, *rows = [line.split("|") for line in text.split("\n") if line.strip()]
    return [dict(zip(heads, row, strict=False)) for row in rows if "." not in row[0]]


def _history(text: str) -> str:
    """A file of sacct in the layout of the program's own call."""
    rows = [{"JobIDRaw": re.findall(r"\d+", row["JobID"])[0], **row} for row in history_rows(text)]
    return "\n".join("|".join(row.get(column, "") for column in HISTORY_COLUMNS) for row in rows)
