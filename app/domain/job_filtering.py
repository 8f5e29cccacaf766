"""The filter language for jobs: `user:ana state:pd gpus>4 node:gpu-0[1-4] reason:Resources llama` → a predicate. Pure.

The grammar is that of `app.domain.filtering`: terms side by side must all hold, `|` means or, `!` not, `(…)` groups. An
unknown value satisfies no comparison.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.domain.filter_grammar import Parser, Terms
from app.domain.filter_terms import OPERATORS, TermError, nearest
from app.domain.nodelist import PatternError, node_matcher
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
    "node": "gpu-0[1-4]", "reason": "Resources", "job": "812", "type": "h100", "reservation": "maint",
}  # fmt: skip
"""One value a field, for help and completion."""
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,9})?", re.ASCII)
_SIZES = {"": 1024.0, "m": 1.0, "g": 1024.0, "t": 1048576.0}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A filter ready to use."""

    text: str
    """As typed, without blanks around it; empty: keeps every job."""
    test: JobTest

    def keeps(self, job: SlurmJob, now: float) -> bool:
        """Whether a job is wanted."""
        return self.test(job, now)

    def __bool__(self) -> bool:
        """Whether it leaves anything out at all."""
        return bool(self.text)


EVERY_JOB = JobFilter("", lambda _job, _now: True)
"""Keeps every job."""


def parse_job_filter(text: str) -> JobFilter:
    """Read a filter. Raises FilterError, which says what is wrong and where."""
    if not text.strip():
        return EVERY_JOB
    return JobFilter(text.strip(), Parser(text, JOB_TERMS).whole())


def word(wanted: str) -> JobTest:
    """A bare word: part of the id, name, user, account or partition, whatever the case."""
    lowered = wanted.lower()
    return lambda job, _: lowered in f"{job.id}\n{job.name}\n{job.user}\n{job.account}\n{job.partition}".lower()


def field(name: str, wanted: str) -> JobTest:
    """`user:ana,bo`, `state:pd`, `node:gpu-0[1-4]`, `gpus:8`. Raises TermError."""
    make = FIELDS.get(name.lower())
    if make is None and name.lower() in NUMBERS:
        return comparison(name, ":", wanted)
    if make is None:
        raise TermError(f"{name!r} is nothing to filter jobs by{nearest(name, (*FIELDS, *NUMBERS))}")
    if not wanted:
        raise TermError(f"{name}: what? Write {name}:{EXAMPLES[name.lower()]}", len(name) + 1)
    try:
        return make(wanted)
    except PatternError as error:
        raise TermError(str(error), len(name) + 1 + error.position) from error


def comparison(name: str, operator: str, wanted: str) -> JobTest:
    """`gpus>4`, `elapsed>2h`, `mem>=100g`. Raises TermError."""
    found = NUMBERS.get(name.lower())
    if found is None:
        raise TermError(f"no number of a job is called {name!r}{nearest(name, NUMBERS)}")
    read, unit = found
    number = _number(name, unit, wanted, len(name) + len(operator))
    compare = OPERATORS[operator]

    def test(job: SlurmJob, now: float) -> bool:
        value = read(job, now)
        return value is not None and compare(value, number)

    return test


def _number(name: str, unit: str, wanted: str, offset: int) -> float:
    """A number in the unit of what it is compared with: a count, seconds, MiB."""
    if not wanted:
        raise TermError("a number is missing", offset)
    if unit == "s":
        try:
            return parse_span(wanted)
        except ValueError as error:
            raise TermError(f"{name} takes a span of time, as in {name}>2h", offset) from error
    bare = wanted.lower().removesuffix("ib").removesuffix("b")
    size = bare[-1:] if unit == "MiB" and bare[-1:].isalpha() else ""
    number = bare.removesuffix(size) if size else bare
    if _NUMBER.fullmatch(number) is None or (unit == "MiB" and size not in _SIZES):
        raise TermError(f"{wanted!r} is not a number", offset)
    return float(number) * (_SIZES[size] if unit == "MiB" else 1.0)


def _texts(read: Callable[[SlurmJob], Iterable[str]], *, whole: bool) -> Callable[[str], JobTest]:
    """A field of texts: whole or in part, whatever the case, several by commas; `*` and `?` make any of them a glob."""

    def make(wanted: str) -> JobTest:
        matchers = [_matcher(one, whole=whole) for one in wanted.lower().split(",") if one]
        return lambda job, _: any(match(text.lower()) for text in read(job) for match in matchers)

    return make


def _matcher(wanted: str, *, whole: bool) -> Callable[[str], bool]:
    if "*" in wanted or "?" in wanted:
        return node_matcher(wanted.replace("[", "?").replace("]", "?"))
    return (lambda text: text == wanted) if whole else (lambda text: wanted in text)


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


def _node(wanted: str) -> JobTest:
    matches = node_matcher(wanted)
    return lambda job, _: any(matches(node) for node in job.nodes)


def _job(wanted: str) -> JobTest:
    """An id, Slurm's own number, or the array or heterogeneous job it belongs to."""
    ids = set(wanted.split(","))
    return lambda job, _: not ids.isdisjoint({job.id, str(job.job_id), str(job.array_job_id), str(job.het_job_id)})


FIELDS: Mapping[str, Callable[[str], JobTest]] = {
    "user": _texts(lambda job: (job.user,), whole=True),
    "account": _texts(lambda job: (job.account,), whole=True),
    "state": _state,
    "partition": _texts(lambda job: job.partition.split(","), whole=True),
    "qos": _texts(lambda job: (job.qos,), whole=True),
    "name": _texts(lambda job: (job.name,), whole=False),
    "node": _node,
    "reason": _texts(lambda job: (job.reason or "",), whole=False),
    "job": _job,
    "type": _texts(lambda job: (job.gpu_type or "",), whole=False),
    "reservation": _texts(lambda job: (job.reservation or "",), whole=True),
}
"""Fields of text."""


def _left(job: SlurmJob, now: float) -> float | None:
    """Seconds until the limit; infinity without one."""
    elapsed = job.elapsed_s(now)
    return None if job.time_limit_s is None or elapsed is None else max(0.0, job.time_limit_s - elapsed)


NUMBERS: Mapping[str, tuple[Callable[[SlurmJob, float], float | None], str]] = {
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

JOB_TERMS: Terms[SlurmJob, float] = Terms(STATES, word, field, comparison, "gpus")
