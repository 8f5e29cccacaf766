"""The filter language for incidents: `critical user:ana node:gpu-0[1-4] code:B1 gpus>4 nvlink` → a predicate. Pure.

The grammar is that of `app.domain.filtering`; a term holds where any finding of the incident fits it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.domain.clusters import cluster_of
from app.domain.diagnosis import Incident
from app.domain.filter_grammar import Parser, TermFilter
from app.domain.filter_vocabulary import Read, TermError, Terms, ids, names, nearest
from app.domain.finding import Finding
from app.domain.times import parse_span
from app.present.incident_told import Told


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a test may look at beside the incident."""

    told: Told
    now: float

    def lasted_s(self, incident: Incident) -> float:
        """For how long it lasts, or lasted."""
        return max(0.0, (incident.ended or self.now) - incident.began)


IncidentTest = Callable[[Incident, Ground], bool]

STATES: Mapping[str, IncidentTest] = {
    "critical": lambda one, _: one.severity == "critical",
    "warning": lambda one, _: one.severity == "warning",
    "info": lambda one, _: one.severity == "info",
    "open": lambda one, _: one.ended is None,
    "ended": lambda one, _: one.ended is not None,
}
"""States, as bare words and as `state:…`."""
EXAMPLES: Mapping[str, str] = {
    "user": "ana", "job": "812", "cluster": "lab", "node": "gpu-0[1-4]", "gpu": "gpu-01/5", "service": "vllm",
    "code": "B1", "fault": "memory", "state": "critical", "id": "i-17",
}  # fmt: skip
"""One value a field, for help and completion."""
NUMBERS: Mapping[str, Read[Incident, Ground]] = {
    "gpus": lambda one, _: one.affects.gpus,
    "jobs": lambda one, _: len(one.affects.jobs),
    "cost": lambda one, _: one.affects.cost_per_hour,
    "findings": lambda one, _: len(one.findings),
    "age": lambda one, ground: ground.lasted_s(one),
}


class IncidentFilter(TermFilter[Incident, Ground]):
    """A filter over incidents."""

    __slots__ = ()


EVERY_INCIDENT = IncidentFilter("", lambda _one, _ground: True)
"""Keeps every incident."""


def parse_incident_filter(text: str) -> IncidentFilter:
    """Read a filter. Raises FilterError, which says what is wrong and where."""
    if not text.strip():
        return EVERY_INCIDENT
    return IncidentFilter(text.strip(), Parser(text, _TERMS).whole())


def _word(wanted: str) -> IncidentTest:
    """A bare word: part of any title, subject, code, user or job, whatever the case."""
    lowered = wanted.lower()

    def test(one: Incident, ground: Ground) -> bool:
        told = (f"{each.title}\n{each.subject}\n{each.code}\n{each.fault}" for each in ground.told.findings(one))
        return lowered in "\n".join((one.id, one.title, *one.users, *one.affects.jobs, *told)).lower()

    return test


def _measure(name: str, wanted: str) -> tuple[Read[Incident, Ground], float] | None:
    """`gpus>4`, `cost>$100`, `age>1h`. Raises TermError."""
    read, is_span = NUMBERS.get(name.lower()), name.lower() == "age"
    if read is None:
        return None
    try:
        return read, parse_span(wanted) if is_span else float(wanted.removeprefix("$"))
    except ValueError as error:
        raise TermError(f"{wanted!r} is no number here; write {'age>1h' if is_span else f'{name}>4'}") from error


def _state(wanted: str) -> IncidentTest:
    words = [one for one in wanted.lower().split(",") if one]
    unknown = next((one for one in words if one not in STATES), None)
    if unknown is not None:
        raise TermError(f"{unknown!r} is no state{nearest(unknown, STATES)}; there are {', '.join(STATES)}")
    return lambda one, ground: any(STATES[word](one, ground) for word in words)


def _of_findings(read: Callable[[Finding], Iterable[str | None]]) -> Callable[[str], IncidentTest]:
    """A field of names out of findings; one that a finding does not tell fits nothing."""
    return names(lambda one, ground: (text for each in ground.told.findings(one) for text in read(each) if text))


def _jobs(one: Incident, ground: Ground) -> Iterable[str]:
    named = (each.subject.job for each in ground.told.findings(one))
    return (*one.affects.jobs, *(job for job in named if job))


def _fault(wanted: str) -> IncidentTest:
    lowered = wanted.lower()
    return lambda one, ground: any(lowered in each.fault.lower() for each in ground.told.findings(one))


def _codes(one: Incident, ground: Ground) -> Iterable[str]:
    return (each.code.upper() for each in ground.told.findings(one))


_FIELDS: Mapping[str, Callable[[str], IncidentTest]] = {
    "user": names(lambda one, _: one.users),
    "job": ids(_jobs),
    "cluster": names(lambda one, _: (cluster_of(one.id),)),
    "node": _of_findings(lambda one: (one.subject.node,)),
    "gpu": _of_findings(lambda one: (str(one.subject),) if one.subject.gpu is not None else ()),
    "service": _of_findings(lambda one: (one.subject.service,)),
    "code": lambda wanted: ids(_codes)(wanted.upper()),
    "fault": _fault,
    "state": _state,
    "id": ids(lambda one, _: (one.id,)),
}
_TERMS: Terms[Incident, Ground] = Terms(
    STATES,
    _word,
    _FIELDS,
    EXAMPLES,
    NUMBERS,
    _measure,
    no_field="is nothing to filter incidents by",
    no_number="no number of an incident is called",
)
