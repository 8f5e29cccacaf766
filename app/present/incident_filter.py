"""The filter language for incidents: `critical user:ana node:gpu-0[1-4] code:B1 gpus>4 nvlink` → a predicate. Pure.

The grammar is that of `app.domain.filtering`; a term holds where any finding of the incident fits it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.domain.diagnosis import Incident
from app.domain.filter_grammar import Parser, Terms
from app.domain.filter_terms import OPERATORS, TermError, nearest
from app.domain.finding import Finding
from app.domain.nodelist import PatternError, node_matcher
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
    "user": "ana", "job": "812", "node": "gpu-0[1-4]", "gpu": "gpu-01/5", "service": "vllm", "code": "B1",
    "fault": "memory", "state": "critical", "id": "i-17",
}  # fmt: skip
"""One value a field, for help and completion."""
NUMBERS: Mapping[str, Callable[[Incident, Ground], float | None]] = {
    "gpus": lambda one, _: one.affects.gpus,
    "jobs": lambda one, _: len(one.affects.jobs),
    "cost": lambda one, _: one.affects.cost_per_hour,
    "findings": lambda one, _: len(one.findings),
    "age": lambda one, ground: ground.lasted_s(one),
}


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """A filter ready to use."""

    text: str
    """As typed, without blanks around it; empty: keeps every incident."""
    test: IncidentTest

    def keeps(self, incident: Incident, ground: Ground) -> bool:
        """Whether an incident is wanted."""
        return self.test(incident, ground)

    def __bool__(self) -> bool:
        """Whether it leaves anything out at all."""
        return bool(self.text)


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


def _field(name: str, wanted: str) -> IncidentTest:
    make = _FIELDS.get(name.lower())
    if make is None and name.lower() in NUMBERS:
        return _comparison(name, ":", wanted)
    if make is None:
        raise TermError(f"{name!r} is nothing to filter incidents by{nearest(name, (*_FIELDS, *NUMBERS))}")
    if not wanted:
        raise TermError(f"{name}: what? Write {name}:{EXAMPLES[name.lower()]}", len(name) + 1)
    try:
        return make(wanted)
    except PatternError as error:
        raise TermError(str(error), len(name) + 1 + error.position) from error


def _comparison(name: str, operator: str, wanted: str) -> IncidentTest:
    read = NUMBERS.get(name.lower())
    offset = len(name) + len(operator)
    if read is None:
        raise TermError(f"no number of an incident is called {name!r}{nearest(name, NUMBERS)}")
    try:
        number = parse_span(wanted) if name.lower() == "age" else float(wanted.removeprefix("$"))
    except ValueError as error:
        like = "age>1h" if name.lower() == "age" else f"{name}>4"
        raise TermError(f"{wanted!r} is no number here; write {like}", offset) from error
    compare = OPERATORS[operator]

    def test(one: Incident, ground: Ground) -> bool:
        value = read(one, ground)
        return value is not None and compare(value, number)

    return test


def _state(wanted: str) -> IncidentTest:
    words = [one for one in wanted.lower().split(",") if one]
    unknown = next((one for one in words if one not in STATES), None)
    if unknown is not None:
        raise TermError(f"{unknown!r} is no state{nearest(unknown, STATES)}; there are {', '.join(STATES)}", 6)
    return lambda one, ground: any(STATES[word](one, ground) for word in words)


def _of_findings(read: Callable[[Finding], Iterable[str | None]]) -> Callable[[str], IncidentTest]:
    """A field of texts of findings: whole, several by commas; `*`, `?` and `[1-4]` make any of them a pattern."""

    def make(wanted: str) -> IncidentTest:
        matches = node_matcher(wanted)
        return lambda one, ground: any(
            text and matches(text) for each in ground.told.findings(one) for text in read(each)
        )

    return make


def _users(wanted: str) -> IncidentTest:
    matches = node_matcher(wanted)
    return lambda one, _: any(matches(user) for user in one.users)


def _jobs(wanted: str) -> IncidentTest:
    ids = set(wanted.split(","))
    return lambda one, ground: (
        not ids.isdisjoint(one.affects.jobs) or any(each.subject.job in ids for each in ground.told.findings(one))
    )


def _fault(wanted: str) -> IncidentTest:
    lowered = wanted.lower()
    return lambda one, ground: any(lowered in each.fault.lower() for each in ground.told.findings(one))


def _code(wanted: str) -> IncidentTest:
    codes = set(wanted.upper().split(","))
    return lambda one, ground: any(each.code.upper() in codes for each in ground.told.findings(one))


def _ids(wanted: str) -> IncidentTest:
    ids = set(wanted.split(","))
    return lambda one, _: one.id in ids


_FIELDS: Mapping[str, Callable[[str], IncidentTest]] = {
    "user": _users,
    "job": _jobs,
    "node": _of_findings(lambda one: (one.subject.node,)),
    "gpu": _of_findings(lambda one: (str(one.subject),) if one.subject.gpu is not None else ()),
    "service": _of_findings(lambda one: (one.subject.service,)),
    "code": _code,
    "fault": _fault,
    "state": _state,
    "id": _ids,
}
_TERMS: Terms[Incident, Ground] = Terms(STATES, _word, _field, _comparison, "gpus")
