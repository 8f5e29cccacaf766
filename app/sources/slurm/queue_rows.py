"""One row of `squeue -O` to a job: the columns that are asked for, and what each of them means.

All columns exist in 21.08 to 26.05 alike (src/squeue/opts.c). First come those that differ from job to job, then those
that few jobs have to themselves (sizes, requests, rarities), which are read once for all that are alike; the name is
last, since only it is free text. The time used is near the front, since it alone changes with every look at a running
job. Comments and paths come from the details, which are asked for less often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from app.domain.slurm import SlurmJob
from app.sources.slurm import fields as text
from app.sources.slurm.gres import Request, request

K = TypeVar("K")
V = TypeVar("V")

OWN = (
    "JobArrayID", "TimeUsed", "JobID", "State", "Reason", "UserName", "Account", "Partition", "QOS", "NodeList",
    "PriorityLong", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "LastSchedEval", "ArrayTaskID", "ArrayJobID",
)  # fmt: skip
SHARED = (
    "TimeLimit", "NumNodes", "NumCPUs", "NumTasks", "HetJobID", "HetJobOffset", "Dependency", "Reservation", "Feature",
    "ReqNodes", "RestartCnt", "Requeue", "exit_code", "tres-alloc", "tres-per-job", "tres-per-node",
    "tres-per-socket", "tres-per-task",
)  # fmt: skip
COLUMNS = (*OWN, *SHARED, "Name")
PLACED = ("RUNNING", "SUSPENDED")
GOING = ("PENDING", *PLACED)
"""States of jobs that have no exit code yet, though Slurm prints 0:0."""
MOVED_S = 60.0
"""An end later than start and limit by more than this means a suspension: limits have whole minutes."""


class _Memo(dict[K, V], Generic[K, V]):
    """Values of a column by their text: most columns of a queue hold few different ones."""

    def __init__(self, read: Callable[[K], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: K) -> V:
        value = self[key] = self._read(key)
        return value


class _Shape(NamedTuple):
    """What the shared columns of a row say."""

    limit_s: float | None
    node_count: int | None
    cpus: int | None
    asked: Request
    het_job_id: int | None
    het_offset: int | None
    dependency: str | None
    reservation: str | None
    features: str | None
    required_nodes: str | None
    restarts: int | None
    is_requeueable: bool | None
    exit: tuple[int | None, int | None]


class RowReader:
    """Reads the rows of one answer; remembers its repeating texts, so it is made anew for each."""

    def __init__(self, columns: Sequence[str] = COLUMNS, separator: str = "\x1f") -> None:
        self._separator = separator
        folded = [name.lower() for name in columns]
        self._places = [folded.index(name.lower()) if name.lower() in folded else -1 for name in COLUMNS]
        self._asks_shown = all(name in folded for name in ("tres-per-job", "tres-per-node"))
        self._word, self._text, self._name = _Memo(text.word_of), _Memo(text.text_of), _Memo(text.name_of)
        self._int, self._epoch, self._nodes = _Memo(text.int_of), _Memo(text.epoch_of), _Memo(text.hosts_of)
        self._state, self._reason = _Memo(text.job_state), _Memo(text.reason_of)
        self._shape = _Memo(self._read_shape)

    def whole(self, own: list[str], rest: str) -> SlurmJob | str:
        """The job of a row in our own layout: its own columns, and all that stands behind; or what is wrong with it.

        A name may hold separators: then the shared columns are counted off from the front.
        """
        shared, _, name = rest.removesuffix(self._separator).rpartition(self._separator)
        shape = self._shape[shared]
        if shape is None:
            *columns, name = rest.removesuffix(self._separator).split(self._separator, len(SHARED))
            shape = self._shape[self._separator.join(columns)]
        if shape is None:
            return f"{len(own) + rest.count(self._separator)} fields in place of {len(COLUMNS)}"
        return self._job(own, shape, name)

    def cells(self, row: list[str]) -> SlurmJob | str:
        """The job of a row in the layout of the columns, one text each; or what is wrong with it."""
        row = [row[place] if place >= 0 else "" for place in self._places]
        shape = self._shape[self._separator.join(row[len(OWN) : -1])]
        return "a separator within a field" if shape is None else self._job(row[: len(OWN)], shape, row[-1])

    def _job(self, row: list[str], shape: _Shape, name: str) -> SlurmJob | str:
        key, job_id = row[0] or row[2], text.int_of(row[2] or row[0].partition("_")[0].partition("+")[0])
        if job_id is None or (key != row[2] and text.ID.fullmatch(key) is None):
            return "no job id"
        word, epoch, asked = self._word, self._epoch, shape.asked
        state, flags = self._state[row[3]]
        if not state:
            return "no state"
        start_at, end_at, limit_s, task = epoch[row[13]], epoch[row[14]], shape.limit_s, self._text[row[16]]
        exit_code, exit_signal = (None, None) if state in GOING else shape.exit
        return SlurmJob(
            id=key, job_id=job_id, name=self._name[name], user=word[row[5]], account=word[row[6]],
            partition=word[row[7]], qos=word[row[8]], state=state, flags=flags, reason=self._reason[row[4]],
            nodes=() if state == "PENDING" else self._nodes[row[9]], node_count=shape.node_count, cpus=shape.cpus,
            memory_mib=asked.memory_mib, gpus=asked.gpus, gpu_type=asked.type,
            gpus_per_node=asked.gpus if state in PLACED and shape.node_count == 1 else asked.per_node,
            priority=self._int[row[10]], submit_at=epoch[row[11]], eligible_at=epoch[row[12]], start_at=start_at,
            end_at=None if limit_s == math.inf and state in PLACED else end_at, time_limit_s=limit_s,
            run_s=_own_clock_s(state, row[1], start_at, end_at, limit_s),
            array_job_id=self._int[row[17]] if task is not None else None, array_task=task,
            het_job_id=shape.het_job_id, het_offset=shape.het_offset, dependency=shape.dependency,
            reservation=shape.reservation, features=shape.features, required_nodes=shape.required_nodes,
            restarts=shape.restarts, exit_code=exit_code, exit_signal=exit_signal,
            is_requeueable=shape.is_requeueable, evaluated_at=epoch[row[15]],
        )  # fmt: skip

    def _read_shape(self, shared: str) -> _Shape | None:
        """What the shared columns say; None where there are more or fewer of them."""
        row = shared.split(self._separator)
        if len(row) != len(SHARED):
            return None
        nodes, tasks = text.int_of(row[1]), text.int_of(row[3])
        asked = request(
            row[13], per_job=row[14], per_node=row[15], per_socket=row[16], per_task=row[17], nodes=nodes, tasks=tasks
        )
        says = text.text_of
        return _Shape(
            limit_s=text.limit_s(row[0]), node_count=nodes, cpus=text.int_of(row[2]),
            asked=asked if asked.gpus or self._asks_shown else asked._replace(gpus=None),
            het_job_id=text.int_of(row[4]), het_offset=text.int_of(row[5]), dependency=says(row[6]),
            reservation=says(row[7]), features=says(row[8]), required_nodes=says(row[9]),
            restarts=text.int_of(row[10]), is_requeueable=text.bool_of(row[11]), exit=text.exit_of(row[12]),
        )  # fmt: skip


def _own_clock_s(
    state: str, used: str, start_at: float | None, end_at: float | None, limit_s: float | None
) -> float | None:
    """Seconds run where the start does not say it: now suspended, or once (its end has moved past start and limit)."""
    if state == "SUSPENDED":
        return text.duration_s(used)
    if state != "RUNNING" or start_at is None or end_at is None or limit_s is None:
        return None
    return text.duration_s(used) if math.isfinite(limit_s) and end_at - start_at - limit_s > MOVED_S else None
