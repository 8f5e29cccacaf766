"""One record of `scontrol show job` to a job, with the GPUs it holds on each node."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from app.domain.slurm import JobGpus, SlurmJob
from app.sources.slurm import fields as text
from app.sources.slurm.gres import parse_gres, request
from app.sources.slurm.records import pairs

_TRES = ("AllocTRES", "ReqTRES", "TRES")
"""What it holds, what it asks for, and 22.05's one field for both."""
_REPEATED = frozenset({"Command", "WorkDir", "StdErr", "StdIn", "StdOut"})
"""Paths, which many jobs have in common, and a job with itself."""
MOST_PLACES = 65536
"""Nodes whose GPUs are read of one job."""


def gpus_on(places: Iterable[tuple[str, str]]) -> tuple[JobGpus, ...]:
    """GPUs by node out of (host list, resources on each of its nodes). A count of 0 is told where Slurm tells it.

    Indices that do not fit the count (`gpu:(null):3(IDX:0-7)`) are not believed.
    """
    return tuple(islice(_gpus_on(places), MOST_PLACES))


def _gpus_on(places: Iterable[tuple[str, str]]) -> Iterator[JobGpus]:
    for hosts, resources in places:
        held = [one for one in parse_gres(resources) if one.name == "gpu"]
        if not held:
            continue
        for node in text.hosts_of(hosts):
            for one in held:
                fits = one.indices is not None and len(one.indices) == one.count
                yield JobGpus(node, one.count, one.type, one.indices if fits else None)


def alike(held: Sequence[JobGpus], nodes: int | None) -> tuple[int | None, str | None]:
    """GPUs on each of so many nodes, and their type; None where they differ, or nothing is said of a node."""
    counts, types = {one.count for one in held}, {one.type for one in held}
    per_node = (counts.pop() or None) if len(counts) == 1 and len(held) == nodes else None
    return per_node, types.pop() if len(types) == 1 else None


def job_id_of(said: Mapping[str, str]) -> str:
    """The id as people write it: `812`, `820_3`, `820_[7-99%4]`, `830+1`; empty where there is none."""
    task, array = said.get("ArrayTaskId", ""), said.get("ArrayJobId", "")
    if array and task and task not in text.NOTHING:
        key = f"{array}_{task}" if task.isdecimal() else f"{array}_[{task}]"
    elif said.get("HetJobId", "") and said.get("HetJobOffset", ""):
        key = f"{said['HetJobId']}+{said['HetJobOffset']}"
    else:
        key = said.get("JobId", "")
    return key if text.ID.fullmatch(key) else ""


def job_of(record: str, texts: dict[str, str] | None = None) -> SlurmJob | None:
    """The job of a record; None where it names no job and state.

    `texts` are those of the records before it: of ten thousand jobs most share folders, commands and nodes.
    """
    texts = {} if texts is None else texts
    said: defaultdict[str, str] = defaultdict(str)
    places: list[tuple[str, str]] = []
    for key, value in pairs(record):
        if key == "Nodes":
            places.append((value, ""))
        elif key in ("GRES", "GRES_IDX") and places:
            places[-1] = (places[-1][0], value)
        elif key not in said:
            said[key] = texts.setdefault(value, value) if key in _REPEATED else value
    key, job_id = job_id_of(said), text.int_of(said["JobId"])
    state, flags = text.job_state(said["JobState"])
    if not key or job_id is None or not state:
        return None
    holds = state in ("RUNNING", "SUSPENDED") or "COMPLETING" in flags
    return _job(said, key, job_id, state, flags, gpus_on(places) if holds else ())


def _job(
    said: defaultdict[str, str], key: str, job_id: int, state: str, flags: tuple[str, ...], held: tuple[JobGpus, ...]
) -> SlurmJob:
    node_count, is_placed = text.int_of(said["NumNodes"]), state in ("RUNNING", "SUSPENDED")
    tres = next((said[name] for name in _TRES if said[name] not in text.NOTHING), "")
    asked = request(
        tres, per_job=said["TresPerJob"], per_node=said["TresPerNode"] or said["Gres"],
        per_socket=said["TresPerSocket"], per_task=said["TresPerTask"], nodes=node_count,
        tasks=text.int_of(said["NumTasks"]),
    )  # fmt: skip
    task, limit_s = text.text_of(said["ArrayTaskId"]), text.limit_s(said["TimeLimit"])
    exit_code, exit_signal = (None, None) if state == "PENDING" or is_placed else text.exit_of(said["ExitCode"])
    was_suspended = state == "SUSPENDED" or (text.int_of(said["SecsPreSuspend"]) or 0) > 0
    per_node, kind = alike(held, node_count)
    per_node = asked.per_node if per_node is None else per_node
    return SlurmJob(
        id=key, job_id=job_id, name=text.name_of(said["JobName"]), user=_user(said["UserId"]),
        account=text.word_of(said["Account"]), partition=text.word_of(said["Partition"]),
        qos=text.word_of(said["QOS"]), state=state, flags=flags, reason=text.reason_of(said["Reason"]),
        nodes=() if state == "PENDING" else text.hosts_of(said["NodeList"]), node_count=node_count,
        cpus=text.int_of(said["NumCPUs"]), memory_mib=asked.memory_mib,
        gpus=sum(one.count for one in held) or asked.gpus,
        gpus_per_node=asked.gpus if per_node is None and is_placed and node_count == 1 else per_node,
        gpu_type=kind or asked.type, gpus_on=held, priority=text.int_of(said["Priority"]),
        submit_at=text.epoch_of(said["SubmitTime"]), eligible_at=text.epoch_of(said["EligibleTime"]),
        start_at=text.epoch_of(said["StartTime"]),
        end_at=None if limit_s == math.inf and is_placed else text.epoch_of(said["EndTime"]), time_limit_s=limit_s,
        run_s=text.duration_s(said["RunTime"]) if was_suspended and is_placed else None,
        array_job_id=text.int_of(said["ArrayJobId"]) if task is not None else None, array_task=task,
        het_job_id=text.int_of(said["HetJobId"]), het_offset=text.int_of(said["HetJobOffset"]),
        dependency=text.text_of(said["Dependency"]), reservation=text.text_of(said["Reservation"]),
        features=text.text_of(said["Features"]), required_nodes=text.text_of(said["ReqNodeList"]),
        excluded_nodes=text.text_of(said["ExcNodeList"]), comment=text.text_of(said["Comment"], text.LONGEST_COMMENT),
        work_dir=text.path_of(said["WorkDir"]), command=text.path_of(said["Command"]),
        stdin=text.path_of(said["StdIn"]), stdout=text.path_of(said["StdOut"]), stderr=text.path_of(said["StdErr"]),
        restarts=text.int_of(said["Restarts"]), exit_code=exit_code, exit_signal=exit_signal,
        is_requeueable=text.bool_of(said["Requeue"]), evaluated_at=text.epoch_of(said["LastSchedEval"]),
    )  # fmt: skip


def _user(text_with_id: str) -> str:
    """`alice(2001)` without its number."""
    return text.word_of(text_with_id.rpartition("(")[0] or text_with_id)
