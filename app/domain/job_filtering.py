"""The filter language for jobs: `user:ana state:pd gpus>4 node:gpu-0[1-4] reason:Resources llama` → a predicate. Pure.

The grammar is that of `app.domain.filtering`: terms side by side must all hold, `|` means or, `!` not, `(…)` groups. An
unknown value satisfies no comparison.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from app.domain.clusters import bare, cluster_of, numbers_of
from app.domain.filter_grammar import Parser, TermFilter
from app.domain.filter_vocabulary import Read, TermError, Terms, ids, names, texts
from app.domain.slurm import SlurmJob
from app.domain.times import parse_span

JobTest = Callable[[SlurmJob, float], bool]
"""Whether a job, at a time (epoch seconds), is wanted."""

CODES: Mapping[str, str] = {
    "pd": "PENDING", "r": "RUNNING", "s": "SUSPENDED", "ca": "CANCELLED", "cd": "COMPLETED", "f": "FAILED",
    "to": "TIMEOUT", "nf": "NODE_FAIL", "pr": "PREEMPTED", "bf": "BOOT_FAIL", "dl": "DEADLINE", "oom": "OUT_OF_MEMORY",
    "cg": "COMPLETING", "cf": "CONFIGURING", "rv": "REVOKED", "st": "STOPPED", "so": "STAGE_OUT", "si": "SIGNALING",
    "rq": "REQUEUED", "rh": "REQUEUE_HOLD", "se": "SPECIAL_EXIT", "rs": "RESIZING",
}  # fmt: skip
"""Slurm's short codes of states and flags."""
STATES: Mapping[str, JobTest] = {
    "running": lambda job, _: job.is_running,
    "pending": lambda job, _: job.is_pending,
    "held": lambda job, _: job.is_held,
    "suspended": lambda job, _: job.state == "SUSPENDED",
    "ended": lambda job, _: job.is_ended,
    "failed": lambda job, _: job.is_ended and job.state not in ("COMPLETED", "CANCELLED", "PREEMPTED", "REVOKED"),
    "array": lambda job, _: job.array_job_id is not None,
    "het": lambda job, _: job.het_job_id is not None,
}
"""States, as bare words and as `state:…`."""
EXAMPLES: Mapping[str, str] = {
    "user": "ana", "account": "nlp", "state": "pd", "partition": "gpu", "qos": "high", "name": "llama",
    "cluster": "lab", "node": "gpu-0[1-4]", "reason": "Resources", "job": "812", "type": "h100", "reservation": "maint",
}  # fmt: skip
"""One value a field, for help and completion."""
_WORDS = re.compile(r"""[^-\s<>=!:|()"][^\s<>=!:|()"]*(?:\s+[^-\s<>=!:|()"][^\s<>=!:|()"]*)*""")
"""A filter without operators, signs and quotes."""
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,9})?", re.ASCII)
_SIZES = {"": 1024.0, "m": 1.0, "g": 1024.0, "t": 1048576.0}


class JobFilter(TermFilter[SlurmJob, float]):
    """A filter over jobs; beside a job it looks at the time (epoch seconds)."""

    __slots__ = ()


EVERY_JOB = JobFilter("", lambda _job, _now: True)
"""Keeps every job."""


def parse_job_filter(text: str) -> JobFilter:
    """Read a filter. Raises FilterError, which says what is wrong and where."""
    if not text.strip():
        return EVERY_JOB
    return JobFilter(text.strip(), Parser(text, JOB_TERMS).whole())


def is_of_words(wanted: JobFilter) -> bool:
    """Whether it looks for words and for nothing else: then it keeps the same jobs at any time."""
    return _WORDS.fullmatch(wanted.text) is not None and STATES.keys().isdisjoint(wanted.text.lower().split())


def narrows(wanted: JobFilter, before: JobFilter) -> bool:
    """Whether it surely keeps none that the one before does not: more letters of words that both look for."""
    return wanted.text.startswith(before.text) and is_of_words(wanted) and is_of_words(before)


def word(wanted: str) -> JobTest:
    """A bare word: part of the id, name, user, account or partition, whatever the case."""
    lowered = wanted.lower()
    return lambda job, _: lowered in f"{job.id}\n{job.name}\n{job.user}\n{job.account}\n{job.partition}".lower()


def _measure(name: str, wanted: str) -> tuple[Read[SlurmJob, float], float] | None:
    """`gpus>4`, `elapsed>2h`, `mem>=100g`. Raises TermError."""
    found = NUMBERS.get(name.lower())
    return (found[0], _number(name, found[1], wanted)) if found is not None else None


def _number(name: str, unit: str, wanted: str) -> float:
    """A number in the unit of what it is compared with: a count, seconds, MiB."""
    if not wanted:
        raise TermError("a number is missing")
    if unit == "s":
        try:
            return parse_span(wanted)
        except ValueError as error:
            raise TermError(f"{name} takes a span of time, as in {name}>2h") from error
    bare = wanted.lower().removesuffix("ib").removesuffix("b")
    size = bare[-1:] if unit == "MiB" and bare[-1:].isalpha() else ""
    number = bare.removesuffix(size) if size else bare
    if _NUMBER.fullmatch(number) is None or (unit == "MiB" and size not in _SIZES):
        raise TermError(f"{wanted!r} is not a number")
    return float(number) * (_SIZES[size] if unit == "MiB" else 1.0)


def _state(wanted: str) -> JobTest:
    """`pd`, `PENDING`, `held`; flags count as states, `state:completing`."""
    tests: list[JobTest] = []
    for one in wanted.lower().split(","):
        if one in STATES:
            tests.append(STATES[one])
        elif one:
            tests.append(_in_state(CODES.get(one, one.upper())))
    return lambda job, now: any(test(job, now) for test in tests)


def _in_state(name: str) -> JobTest:
    return lambda job, _: job.state == name or name in job.flags


def _ids(job: SlurmJob, _now: float) -> tuple[str, ...]:
    """Its id, Slurm's own number, and the array and heterogeneous job it belongs to."""
    found = (job.id, *numbers_of(job))
    return (*found, *map(bare, found))


def _partitions(job: SlurmJob) -> tuple[str, ...]:
    found = job.partition.split(",")
    return (*found, *map(bare, found))


FIELDS: Mapping[str, Callable[[str], JobTest]] = {
    "user": texts(lambda job, _: (job.user,), whole=True),
    "cluster": texts(lambda job, _: (cluster_of(job.id),), whole=True),
    "account": texts(lambda job, _: (job.account,), whole=True),
    "state": _state,
    "partition": texts(lambda job, _: _partitions(job), whole=True),
    "qos": texts(lambda job, _: (job.qos,), whole=True),
    "name": texts(lambda job, _: (job.name,), whole=False),
    "node": names(lambda job, _: job.nodes),
    "reason": texts(lambda job, _: (job.reason or "",), whole=False),
    "job": ids(_ids),
    "type": texts(lambda job, _: (job.gpu_type or "",), whole=False),
    "reservation": texts(lambda job, _: (job.reservation or "",), whole=True),
}
"""Fields of text."""


def _left(job: SlurmJob, now: float) -> float | None:
    """Seconds until the limit; infinity without one."""
    elapsed = job.elapsed_s(now)
    return None if job.time_limit_s is None or elapsed is None else max(0.0, job.time_limit_s - elapsed)


NUMBERS: Mapping[str, tuple[Read[SlurmJob, float], str]] = {
    "gpus": (lambda job, _: job.gpus, ""),
    "nodes": (lambda job, _: job.node_count, ""),
    "cpus": (lambda job, _: job.cpus, ""),
    "mem": (lambda job, _: job.memory_mib, "MiB"),
    "priority": (lambda job, _: job.priority, ""),
    "restarts": (lambda job, _: job.restarts, ""),
    "elapsed": (lambda job, now: job.elapsed_s(now), "s"),
    "limit": (lambda job, _: job.time_limit_s, "s"),
    "left": (_left, "s"),
    "waiting": (
        lambda job, now: now - job.submit_at if job.is_pending and job.submit_at and math.isfinite(now) else None,
        "s",
    ),
}
"""Numbers: how each is read, and its unit."""

JOB_TERMS: Terms[SlurmJob, float] = Terms(
    STATES,
    word,
    FIELDS,
    EXAMPLES,
    NUMBERS,
    _measure,
    no_field="is nothing to filter jobs by",
    no_number="no number of a job is called",
)
