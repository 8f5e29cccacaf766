"""Which jobs a word of the simulated Slurm's commands means: `812`, `820_3`, `820_[3-5,9]`, `830+1`; a whole array."""

from __future__ import annotations

import re

from app.sim.slurm.job import Job
from app.sim.slurm.refusals import INVALID_ID, RefusedError

_ONE = re.compile(r"(\d{1,10})(?:_(?:(\d{1,9})|\[([\d,\-:%]{1,512})\])|\+(\d{1,6}))?(?:\.\w+)?")


def split(text: str) -> list[str]:
    """The ids between commas; those within brackets stay together."""
    return [one for one in re.split(r",(?![^\[]*\])", text) if one]


def find(word: str, jobs: tuple[Job, ...]) -> list[Job]:
    """The jobs that a word means. Raises RefusedError where there is none."""
    found = _ONE.fullmatch(word.strip())
    if found is None:
        raise RefusedError(INVALID_ID, word)
    number, task, tasks, part = found.groups()
    wanted = int(number)
    if task is not None or tasks is not None:
        those = {int(task)} if task is not None else _tasks(tasks)
        mine = [job for job in jobs if job.array == wanted and job.task in those]
    elif part is not None:
        mine = [job for job in jobs if job.het == wanted and job.offset == int(part)]
    else:
        mine = [job for job in jobs if wanted in (job.array, job.het)] or [job for job in jobs if job.id == wanted]
    if not mine:
        raise RefusedError(INVALID_ID, word)
    return mine


def _tasks(text: str) -> set[int]:
    """Tasks of `3-5,9%2`."""
    found: set[int] = set()
    for part in text.partition("%")[0].split(","):
        first, _, last = part.partition(":")[0].partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.update(range(int(first), min(int(last or first), int(first) + 100_000) + 1))
    return found
