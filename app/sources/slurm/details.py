"""Which jobs' details are known: the GPUs a job holds are asked for once a start, not at every look.

squeue says how many GPUs a job has, and only `scontrol -d show job` which ones. A job that is requeued or resized holds
others, so each start is asked about anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import TypeVar

from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmJob
from app.sources.slurm.squeue import merge

MOST_SINGLE = 4
"""So many new jobs are looked up one by one; more, and all jobs are listed at once (`most_single`)."""
JOBS_PER_SINGLE = 1000
"""To list so many jobs in full costs about as much as to look one up."""
JOBS_AT_ONCE = 1000
"""Jobs of a queue that get their details in one piece: a millisecond."""
MOST_TIMES = 3
"""A job that says it has GPUs and not which ones is asked about so often."""

V = TypeVar("V")

_RECORD = b"\nJobId="
_NEXT = re.compile(_RECORD)
_NUMBERED = re.compile(_RECORD + rb"0*(\d{1,18})(?= |\Z|\nJobId=)")
_Start = tuple[float | None, tuple[str, ...], int | None]


class Details:
    """What is known of jobs beyond the queue. Jobs of which nothing changed come out as the same objects.

    It is remembered in the merged jobs and nowhere else: of ten thousand, what was told of each would be megabytes.
    """

    def __init__(self) -> None:
        self._told: dict[str, SlurmJob] = {}
        """Details that came since the jobs were last merged."""
        self._asked: dict[str, tuple[_Start, int]] = {}
        """The start for which each job was asked about, and how often: of one just started Slurm may not know yet."""
        self._merged: dict[str, SlurmJob] = {}
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
            if not job.holds_nodes:
                continue
            start, times = self._asked.get(job.id, (None, 0))
            self._asked[job.id] = (_start(job), times + 1 if start == _start(job) else 1)
            self._settled.pop(job.id, None)
        for job in told:
            self._told[job.id] = job
            self._settled.pop(job.id, None)

    def merged(self, jobs: Iterable[SlurmJob]) -> tuple[SlurmJob, ...]:
        """The jobs of a queue, those of before or anew, with their details; what is known of others is forgotten."""
        return whole(self.merging(jobs))

    def merging(self, jobs: Iterable[SlurmJob]) -> Pieces[tuple[SlurmJob, ...]]:
        """As `merged`, in pieces."""
        done: list[SlurmJob] = []
        for number, job in enumerate(jobs, 1):
            done.append(self._with_details(job))
            if number % JOBS_AT_ONCE == 0:
                yield
        self._told = {}
        here = {job.id for job in done}
        _keep(self._asked, here)
        _keep(self._merged, here)
        _keep(self._settled, here)
        return tuple(done)

    def _with_details(self, job: SlurmJob) -> SlurmJob:
        """A job of the queue with what was told of it, now or before."""
        told, before = self._told.get(job.id), self._merged.get(job.id)
        detail = told or before
        if detail is None or detail is job:
            return job
        made = merge((job,), {job.id: detail})[0]
        kept = self._merged[job.id] = before if made == before else made
        return kept

    def _is_settled(self, job: SlurmJob) -> bool:
        """Whether there is nothing more to be learnt of this start of a job."""
        start, times = self._asked.get(job.id, (None, 0))
        if start != _start(job):
            return False
        known = self._merged.get(job.id)
        return times >= MOST_TIMES or (known is not None and bool(known.gpus_on)) or job.gpus is None


def most_single(jobs: int) -> int:
    """How many new jobs of a queue are looked up one by one: where all are many, to list them all costs more."""
    return max(MOST_SINGLE, jobs // JOBS_PER_SINGLE)


def only(answer: bytes, wanted: frozenset[int]) -> bytes:
    """The records of `scontrol -o show job` that are of jobs with these numbers, as `split` tells them apart."""
    numbers = frozenset(b"%d" % number for number in wanted)
    begins = [found.start() + 1 for found in _NUMBERED.finditer(answer) if found[1] in numbers]
    first = _NUMBERED.match(b"\n" + answer[:64])
    if first is not None and first[1] in numbers:
        begins.insert(0, 0)
    ends = (answer.find(_RECORD, begin) for begin in begins)
    return b"\n".join(answer[begin : end if end >= 0 else None] for begin, end in zip(begins, ends, strict=True))


def split(answer: bytes, wanted: frozenset[int], most: int) -> tuple[bytes, Iterator[bytes]]:
    """The records of `scontrol -o show job` that are of jobs with these numbers, and the others.

    The others come in parts of about `most` bytes, each made when it is asked for. By number, so that what claims to be
    a job, out of another's name, stays beside that job and neither is believed.
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
    return b"\n".join(first), (b"\n".join(records) for records in others if records)


def _keep(known: dict[str, V], here: AbstractSet[str]) -> None:
    """Forget what is known of others than these."""
    for gone in known.keys() - here:
        del known[gone]


def _start(job: SlurmJob) -> _Start:
    """What tells one run of a job from the next."""
    return job.start_at, job.nodes, job.restarts
