"""Which jobs' details are known: the GPUs a job holds are asked for once a start, not at every look.

squeue says how many GPUs a job has, and only `scontrol -d show job` which ones. A job that is requeued or resized holds
others, so each start is asked about anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from app.domain.slurm import SlurmJob
from app.sources.slurm.squeue import merge

MOST_SINGLE = 4
"""So many new jobs are looked up one by one; more, and all jobs are listed at once."""
MOST_TIMES = 3
"""A job that says it has GPUs and not which ones is asked about so often."""

_NEXT = re.compile(rb"\nJobId=")
_Start = tuple[float | None, tuple[str, ...], int | None]


class Details:
    """What is known of jobs beyond the queue. Jobs of which nothing changed come out as the same objects."""

    def __init__(self) -> None:
        self._known: dict[str, SlurmJob] = {}
        self._asked: dict[str, tuple[_Start, int]] = {}
        """The start for which each job was asked about, and how often: of one just started Slurm may not know yet."""
        self._merged: dict[str, tuple[SlurmJob, SlurmJob, SlurmJob]] = {}
        """By job: what the queue and the details said, and what came of it."""

    def missing(self, jobs: Iterable[SlurmJob]) -> tuple[SlurmJob, ...]:
        """The jobs that hold GPUs nobody has asked about since they started."""
        return tuple(job for job in jobs if job.holds_nodes and job.gpus != 0 and not self._is_settled(job))

    def learn(self, told: Iterable[SlurmJob], asked: Iterable[SlurmJob]) -> None:
        """Take up what was told, of the jobs of the queue that were asked about."""
        for job in asked:
            start, times = self._asked.get(job.id, (None, 0))
            self._asked[job.id] = (_start(job), times + 1 if start == _start(job) else 1)
        self._known.update((job.id, job) for job in told)

    def merged(self, jobs: Iterable[SlurmJob]) -> tuple[SlurmJob, ...]:
        """The jobs of a queue with their details; what is known of jobs that are not in it is forgotten."""
        done: list[SlurmJob] = []
        now: dict[str, tuple[SlurmJob, SlurmJob, SlurmJob]] = {}
        for job in jobs:
            told = self._known.get(job.id)
            if told is None:
                done.append(job)
                continue
            before = self._merged.get(job.id)
            if before is None or before[0] is not job or before[1] is not told:
                before = (job, told, merge((job,), {job.id: told})[0])
            now[job.id] = before
            done.append(before[2])
        here = {job.id for job in done}
        self._known = {key: told for key, told in self._known.items() if key in here}
        self._asked = {key: start for key, start in self._asked.items() if key in here}
        self._merged = now
        return tuple(done)

    def _is_settled(self, job: SlurmJob) -> bool:
        """Whether there is nothing more to be learnt of this start of a job."""
        start, times = self._asked.get(job.id, (None, 0))
        if start != _start(job):
            return False
        known = self._known.get(job.id)
        return times >= MOST_TIMES or (known is not None and bool(known.gpus_on)) or job.gpus is None


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


def _start(job: SlurmJob) -> _Start:
    """What tells one run of a job from the next."""
    return job.start_at, job.nodes, job.restarts
