"""Which jobs' details are known: the GPUs a job holds are asked for once a start, not at every look.

squeue says how many GPUs a job has, and only `scontrol -d show job` which ones. A job that is requeued or resized holds
others, so each start is asked about anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import TypeVar

from app.domain.slurm import SlurmJob
from app.sources.slurm.squeue import merge

MOST_SINGLE = 4
"""So many new jobs are looked up one by one; more, and all jobs are listed at once."""
MOST_TIMES = 3
"""A job that says it has GPUs and not which ones is asked about so often."""

V = TypeVar("V")

_RECORD = b"\nJobId="
_NEXT = re.compile(_RECORD)
_NUMBERED = re.compile(_RECORD + rb"0*(\d{1,18})(?= |\Z|\nJobId=)")
_Start = tuple[float | None, tuple[str, ...], int | None]


class Details:
    """What is known of jobs beyond the queue. Jobs of which nothing changed come out as the same objects."""

    def __init__(self) -> None:
        self._known: dict[str, SlurmJob] = {}
        self._asked: dict[str, tuple[_Start, int]] = {}
        """The start for which each job was asked about, and how often: of one just started Slurm may not know yet."""
        self._merged: dict[str, tuple[SlurmJob, SlurmJob, SlurmJob]] = {}
        """By job: what the queue and the details said, and what came of it."""
        self._settled: dict[str, SlurmJob] = {}
        """Jobs of which there is nothing to be learnt, as the queue said them; nothing was told of them since."""

    def missing(self, jobs: Iterable[SlurmJob]) -> tuple[SlurmJob, ...]:
        """The jobs that hold GPUs nobody has asked about since they started."""
        found: list[SlurmJob] = []
        for job in jobs:
            if self._settled.get(job.id) is job:
                continue
            if job.holds_nodes and job.gpus != 0 and not self._is_settled(job):
                found.append(job)
            else:
                self._settled[job.id] = job
        return tuple(found)

    def learn(self, told: Iterable[SlurmJob], asked: Iterable[SlurmJob]) -> None:
        """Take up what was told, of the jobs of the queue that were asked about."""
        for job in asked:
            start, times = self._asked.get(job.id, (None, 0))
            self._asked[job.id] = (_start(job), times + 1 if start == _start(job) else 1)
            self._settled.pop(job.id, None)
        for job in told:
            self._known[job.id] = job
            self._settled.pop(job.id, None)

    def merged(self, jobs: Iterable[SlurmJob]) -> tuple[SlurmJob, ...]:
        """The jobs of a queue with their details; what is known of jobs that are not in it is forgotten."""
        done: list[SlurmJob] = []
        for job in jobs:
            told = self._known.get(job.id)
            if told is None:
                done.append(job)
                continue
            before = self._merged.get(job.id)
            if before is None or before[0] is not job or before[1] is not told:
                before = self._merged[job.id] = (job, told, merge((job,), {job.id: told})[0])
            done.append(before[2])
        here = {job.id for job in done}
        _keep(self._known, here)
        _keep(self._asked, here)
        _keep(self._merged, here)
        _keep(self._settled, here)
        return tuple(done)

    def _is_settled(self, job: SlurmJob) -> bool:
        """Whether there is nothing more to be learnt of this start of a job."""
        start, times = self._asked.get(job.id, (None, 0))
        if start != _start(job):
            return False
        known = self._known.get(job.id)
        return times >= MOST_TIMES or (known is not None and bool(known.gpus_on)) or job.gpus is None


def only(answer: bytes, wanted: frozenset[int]) -> bytes:
    """The records of `scontrol -o show job` that are of jobs with these numbers, as `split` tells them apart."""
    numbers = frozenset(b"%d" % number for number in wanted)
    begins = [found.start() + 1 for found in _NUMBERED.finditer(answer) if found[1] in numbers]
    first = _NUMBERED.match(b"\n" + answer[:64])
    if first is not None and first[1] in numbers:
        begins.insert(0, 0)
    ends = (answer.find(_RECORD, begin) for begin in begins)
    return b"\n".join(answer[begin : end if end >= 0 else None] for begin, end in zip(begins, ends, strict=True))


def split(answer: bytes, wanted: frozenset[int], most: int) -> tuple[bytes, list[bytes]]:
    """The records of `scontrol -o show job` that are of jobs with these numbers, and the others.

    The others come in parts of about `most` bytes. By number, so that what claims to be a job, out of another's name,
    stays beside that job and neither is believed.
    """
    # By views of the answer: ten thousand copies of a record each would leave the heap in shreds.
    whole = memoryview(answer)
    first: list[memoryview] = []
    others: list[list[memoryview]] = [[] for _ in range(1 + len(answer) // most)]
    into = others[0]
    # A line that begins with anything else is the rest of a name with a newline in it: it stays with its record.
    edges = [0, *(found.start() + 1 for found in _NEXT.finditer(answer)), len(answer) + 1]
    for begin, end in pairwise(edges):
        record = whole[begin : end - 1]
        if bytes(record[:6]) == b"JobId=":
            digits = bytes(record[6:26]).partition(b" ")[0]
            number = int(digits) if digits.isdigit() else 0
            into = first if number in wanted else others[number % len(others)]
        into.append(record)
    return b"\n".join(first), [b"\n".join(records) for records in others if records]


def _keep(known: dict[str, V], here: AbstractSet[str]) -> None:
    """Forget what is known of others than these."""
    for gone in known.keys() - here:
        del known[gone]


def _start(job: SlurmJob) -> _Start:
    """What tells one run of a job from the next."""
    return job.start_at, job.nodes, job.restarts
