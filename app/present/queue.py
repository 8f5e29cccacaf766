"""The queue as it is shown: arrays and heterogeneous jobs as one row each, filtered and ordered. Pure, with a memory.

Made anew only when the jobs, the filter, the order or what is opened changed; a look in between costs nothing, however
many jobs there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from app.domain.clusters import Naming, cluster_of
from app.domain.frozen import frozen
from app.domain.job_filtering import JobFilter, is_of_words, narrows
from app.domain.naming import natural
from app.domain.pieces import Pieces, whole
from app.domain.slurm import ENDED, SlurmJob

Order = Callable[[SlurmJob, float], float | str | None]
"""What a job is sorted by at a moment; None sorts last, whatever the direction."""
Kind = Literal["job", "array", "het"]
_RANKS = {"RUNNING": 0, "SUSPENDED": 0, "PENDING": 1, **dict.fromkeys(ENDED, 3)}
_AT_ONCE = 1000
"""Jobs that a filter is tried on in one piece: a millisecond."""
_STEPS = 50
"""A number that wanders within a fiftieth of its column's range does not move its row."""


class Item(NamedTuple):
    """One row of the queue: a job, or several that belong together.

    A named tuple, not a dataclass: a picture of ten thousand jobs makes as many of them.
    """

    key: str
    """Id of the job, of the array, of the heterogeneous job."""
    jobs: tuple[SlurmJob, ...]
    kind: Kind = "job"
    is_open: bool = False
    """Its jobs follow as rows of their own."""
    depth: int = 0
    """1 for a job of an opened group."""

    @property
    def first(self) -> SlurmJob:
        """The job that speaks for all: one that runs, else the first."""
        if len(self.jobs) == 1:
            return self.jobs[0]
        return next((job for job in self.jobs if job.holds_nodes), self.jobs[0])

    @property
    def gpus(self) -> int | None:
        """GPUs held; where none of it holds any, asked for. None where nobody says."""
        holding = [job for job in self.jobs if job.holds_nodes] or self.jobs
        known = [job.gpus for job in holding]
        return None if None in known else sum(count for count in known if count is not None)


@frozen
class Wanted:
    """What of the queue is shown, and how; equal as long as the answer would be."""

    filter: JobFilter | None = None
    order: Order | None = None
    """None: what runs, what waits, what has ended, each by number."""
    descending: bool = False
    opened: frozenset[str] = frozenset()
    """Keys of the groups that are opened."""


class _Letters:
    """Remembers what the letters of a filter have kept.

    The next letter is tried on what the last one has left, and one that is taken back brings what was there. Of newer
    jobs, only those that changed are tried again on what the last look was filtered by.
    """

    def __init__(self) -> None:
        self._jobs: Mapping[str, SlurmJob] | None = None
        self._left: tuple[tuple[JobFilter, Collection[SlurmJob]], ...] = ()
        """Filters of words only, each narrower than the one before, and what they keep of the jobs."""

    def forget(self) -> None:
        """Nothing is filtered any more."""
        self._left = ()

    def take_up(self, jobs: Mapping[str, SlurmJob], changed: Collection[str], now: float) -> None:
        """Let these be the jobs; those with the ids `changed` are others than before."""
        self._jobs = jobs
        if self._left:
            wanted, found = self._left[-1]
            kept = {job.id for job in found}
            kept.difference_update(changed)
            kept.update(key for key in changed if wanted.test(jobs[key], now))
            self._left = ((wanted, [job for key, job in jobs.items() if key in kept]),)

    def keeping(self, jobs: Mapping[str, SlurmJob], wanted: JobFilter, now: float) -> Pieces[Collection[SlurmJob]]:
        """The jobs that a filter keeps, in their order; in pieces."""
        left = self._left
        while left and not narrows(wanted, left[-1][0]):
            left = left[:-1]
        before, among = left[-1] if left else (None, jobs.values())
        if before is not None and before.text == wanted.text:
            return among
        found: list[SlurmJob] = []
        for number, job in enumerate(among, 1):
            if wanted.test(job, now):
                found.append(job)
            if number % _AT_ONCE == 0:
                yield
        if jobs is self._jobs:  # else newer ones came between two pieces
            self._left = (*left, (wanted, found)) if is_of_words(wanted) else left
        return found


class Queue:
    """Remembers the last answer, and the order it was in."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, SlurmJob] | None = None
        self._wanted: Wanted | None = None
        self._items: tuple[Item, ...] = ()
        self._kept = 0
        self._ordered: Sequence[Item] = ()
        """The last answer without the jobs of opened groups."""
        self._rows: dict[str, Item | str] = {}
        """Of each job its row, or the key of the row that it shares: made once for as long as it stays as it is."""
        self._letters = _Letters()

    @property
    def kept(self) -> int:
        """Jobs that the filter keeps, of the last answer."""
        return self._kept

    def items(self, jobs: Mapping[str, SlurmJob], wanted: Wanted, now: float) -> tuple[Item, ...]:
        """The rows for these jobs."""
        if jobs is not self._jobs or wanted != self._wanted:
            whole(self.reckoning(jobs, wanted, now))
        return self._items

    def reckoning(self, jobs: Mapping[str, SlurmJob], wanted: Wanted, now: float) -> Pieces[None]:
        """Make ready in pieces what `items` is going to be asked for.

        Where newer jobs have been asked for between two pieces, nothing comes of the rest.
        """
        if jobs is not self._jobs:
            self._take_up(jobs, now)
            self._wanted = None
            yield
        kept: Collection[SlurmJob] = jobs.values()
        if wanted.filter:
            kept = yield from self._letters.keeping(jobs, wanted.filter, now)
        else:
            self._letters.forget()
        yield
        groups = _grouped(kept, self._rows)
        yield
        if jobs is not self._jobs:
            return
        ordered = _ranked(groups) if wanted.order is None else self._sorted(groups, wanted, now)
        if wanted.order is None and wanted.descending:
            ordered.reverse()
        self._ordered = ordered
        self._items = tuple(_opened(ordered, wanted.opened) if wanted.opened else ordered)
        self._wanted, self._kept = wanted, len(kept)

    def _take_up(self, jobs: Mapping[str, SlurmJob], now: float) -> None:
        """Let these be the jobs: of thousands few are others than at the last look."""
        before, self._jobs = self._jobs or {}, jobs
        changed = [key for key, job in jobs.items() if before.get(key) is not job]
        for gone in self._rows.keys() - jobs.keys():
            del self._rows[gone]
        for key in changed:
            self._rows[key] = _row(jobs[key])
        self._letters.take_up(jobs, changed, now)

    def _sorted(self, groups: Sequence[Item], wanted: Wanted, now: float) -> list[Item]:
        """By value; neighbours about equal stay as they stood, and what has no value comes last."""
        assert wanted.order is not None  # noqa: S101 - the caller looked
        known: list[tuple[float | str, Item]] = []
        without: list[Item] = []
        places = {item.key: at for at, item in enumerate(self._ordered)}
        for item in sorted(groups, key=lambda item: places.get(item.key, len(places))):
            value = wanted.order(item.first, now)
            if value is None:
                without.append(item)
            else:
                known.append((value, item))
        numbers = [value for value, _ in known if isinstance(value, float | int) and math.isfinite(value)]
        step = (max(numbers) - min(numbers)) / _STEPS if numbers else 0.0
        texts = any(isinstance(value, str) for value, _ in known)
        if texts:
            known.sort(key=lambda pair: natural(str(pair[0])), reverse=wanted.descending)
        else:
            known.sort(key=lambda pair: _stepped(float(pair[0]), step), reverse=wanted.descending)
        return [*(item for _, item in known), *without]


def _row(job: SlurmJob) -> Item | str:
    """A job's own row, or the key of the one it shares with its array or heterogeneous job."""
    head = job.array_job_id if job.array_job_id is not None else job.het_job_id
    return Item(job.id, (job,)) if head is None else Naming(cluster_of(job.id)).out(str(head))


def _grouped(jobs: Iterable[SlurmJob], rows: Mapping[str, Item | str]) -> list[Item]:
    """Jobs as rows: an array of several tasks and a heterogeneous job are one each, where their first one stood.

    `rows` are what `_row` says of these jobs.
    """
    together: dict[str, list[SlurmJob]] = {}
    found: list[Item | str] = []
    for job in jobs:
        row = rows[job.id]
        if isinstance(row, Item):
            found.append(row)
        elif row in together:
            together[row].append(job)
        else:
            together[row] = [job]
            found.append(row)
    return [_group(one, together[one]) if isinstance(one, str) else one for one in found]


def _group(key: str, jobs: Sequence[SlurmJob]) -> Item:
    if len(jobs) == 1:
        return Item(jobs[0].id, (jobs[0],))
    return Item(key, tuple(jobs), "array" if jobs[0].array_job_id is not None else "het")


def rank(job: SlurmJob) -> int:
    """0: it holds nodes; 1: it waits; 2: it is something else; 3: it is over."""
    return 0 if job.flags and job.holds_nodes else _RANKS.get(job.state, 2)


def _ranked(groups: Sequence[Item]) -> list[Item]:
    ranks: tuple[list[Item], ...] = ([], [], [], [])
    for item in groups:
        ranks[rank(item.jobs[0] if item.kind == "job" else item.first)].append(item)
    return [item for some in ranks for item in some]


def _stepped(value: float, step: float) -> float:
    return round(value / step) if step > 0 and math.isfinite(value) else value


def _opened(items: Iterable[Item], opened: frozenset[str]) -> Iterable[Item]:
    """The rows with the jobs of opened groups after theirs."""
    for item in items:
        if item.kind == "job" or item.key not in opened:
            yield item
            continue
        yield Item(item.key, item.jobs, item.kind, is_open=True)
        yield from (Item(job.id, (job,), depth=1) for job in item.jobs)
