"""Words that complete what the user types, by kind; taken from the moment, made only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from app.domain.naming import short_model
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu, Snapshot
from app.present import incident_rows
from app.present.cells import tidy
from app.present.gpu_rows import GPU_COLUMNS
from app.present.queue_rows import sort_keys
from app.tui.commands import SPANS
from app.tui.desk import Desk
from app.tui.themes import NAMES, SHORT
from app.tui.verbs import ZOOMS, metric_words
from app.tui.viewstate import COLOURS

_MOST_GPUS, _MOST_JOBS = 5000, 2000


Make = Callable[[Snapshot], Sequence[str]]


def words_of(desk: Desk) -> Mapping[str, Sequence[str]]:
    """Every kind of word that a completion may need."""
    known = _words(desk.moment.snapshot)
    diagnosis = desk.moment.diagnosis
    known.say("alerts", [one.id for one in desk.moment.alerts.alerts])
    known.say("rules", sorted({one.rule for one in desk.moment.alerts.alerts}))
    known.say("incidents", [one.id for one in (*diagnosis.incidents, *diagnosis.ended)])
    return known


@lru_cache(maxsize=1)
def _words(snapshot: Snapshot) -> Words:
    return Words(snapshot)


class Words(Mapping[str, Sequence[str]]):
    """Words of one snapshot, each kind made when first asked for: a letter must not wait for ten thousand names."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._made: dict[str, Sequence[str]] = {}

    def say(self, kind: str, words: Sequence[str]) -> None:
        """Words of a kind that the snapshot does not hold."""
        self._made[kind] = words

    def __getitem__(self, kind: str) -> Sequence[str]:
        if kind not in self._made:
            self._made[kind] = _KINDS[kind](self._snapshot)
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter({**_KINDS, **self._made})

    def __len__(self) -> int:
        return len({**_KINDS, **self._made})


def _gpus(snapshot: Snapshot) -> Iterator[Gpu]:
    return islice(snapshot.gpus(), _MOST_GPUS)


def _jobs(snapshot: Snapshot) -> Iterator[SlurmJob]:
    picture = snapshot.slurm
    return islice((picture.jobs or {}).values() if picture is not None else (), _MOST_JOBS)


def _of_jobs(read: Callable[[SlurmJob], str | None]) -> Make:
    """What jobs have, each word once."""
    return lambda snapshot: sorted({word for job in _jobs(snapshot) if (word := read(job))})


def _job_ids(snapshot: Snapshot) -> Sequence[str]:
    named = {job for gpu in _gpus(snapshot) for job in gpu.hpc_jobs}
    return [*(job.id for job in _jobs(snapshot)), *sorted(named)]


def _models(snapshot: Snapshot) -> Sequence[str]:
    return sorted({short_model(gpu.model).split(" ")[0].lower() for gpu in _gpus(snapshot) if gpu.model})


def _users(snapshot: Snapshot) -> Sequence[str]:
    return sorted({one.user for gpu in _gpus(snapshot) for one in gpu.processes or () if one.user})


def _always(*words: str) -> Make:
    return lambda _snapshot: words


_KINDS: Mapping[str, Make] = {
    "gpus": lambda snapshot: [gpu.id for gpu in _gpus(snapshot)],
    "nodes": lambda snapshot: list(snapshot.nodes),
    "models": _models,
    "users": _users,
    "jobs": _job_ids,
    "job_users": _of_jobs(lambda job: job.user),
    "accounts": _of_jobs(lambda job: job.account),
    "qos": _of_jobs(lambda job: job.qos),
    "reasons": _of_jobs(lambda job: job.reason),
    "job_names": _of_jobs(lambda job: tidy(job.name, 40)),
    "partitions": lambda snapshot: list(snapshot.slurm.partitions) if snapshot.slurm is not None else [],
    "job_columns": lambda _snapshot: sort_keys(),
    "incident_columns": lambda _snapshot: incident_rows.sort_keys(),
    "colours": _always(*COLOURS),
    "metrics": lambda _snapshot: metric_words(),
    "columns": _always(*(one.key for one in GPU_COLUMNS)),
    "themes": _always(*SHORT, *NAMES),
    "zooms": _always(*ZOOMS),
    "spans": _always(*SPANS),
}
