"""Causes: each finding is given the one it follows from, if any; a cause with all that follows is an incident. Pure.

A fault leads to another only where the list says so, within its reach, and not before it: things are seen with delay,
so a consequence may be seen a little before its cause; of two that can cause each other the earlier is the cause. Of
several causes the closest counts, then the one that began last before it. Whoever has no cause is the root, and a tree
of roots and consequences is one incident.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from app.domain.diagnosis import GRAVITY
from app.domain.finding import FindingSubject
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.engine.diagnosis.fault import Fault
from app.engine.diagnosis.fault_table import FaultTable
from app.engine.diagnosis.places import JOB, Places

REACH_S = 1800.0
"""What begins longer than this after its cause was seen last does not follow from it."""
EXACT_S = 5.0
"""Lines of one log are in order, but for processors that write at once and a slow console."""
TOGETHER_S = 900.0
"""The same fault of several subjects that begins within this time began together."""


@frozen
class Case:
    """One finding as the graph sees it."""

    number: int
    """Its place among the cases."""
    fault: Fault
    subject: FindingSubject
    first: float
    last: float
    is_open: bool = False
    """It stood there at the first look: it may be as old as can be."""
    joint: str = ""
    """The detail that cases of its fault are joined by."""
    follows: int | None = None
    """The Xid that the driver gives as its cause."""
    codes: frozenset[int] = frozenset()
    """The Xids it is known by."""
    gravity: int = 0
    """Of its severity: the gravest of those that are joined is their root."""
    is_exact: bool = False
    """A log told when it began; else it was seen at a look, some time after."""


def parents(cases: Sequence[Case], table: FaultTable, places: Places) -> Mapping[int, int]:
    """Case → the case it follows from."""
    by_code: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_code[case.fault.code].append(case)
    found: dict[int, int] = {}
    for case in sorted(cases, key=lambda one: (one.first, one.number)):
        for *_, cause in sorted(_causes(case, by_code, table, places), reverse=True):
            if not _is_below(found, cause, case.number):  # a cause that follows from this one is none: the next one
                found[case.number] = cause
                break
    _join(cases, found)
    return found


def _causes(
    case: Case, by_code: Mapping[str, list[Case]], table: FaultTable, places: Places
) -> Iterable[tuple[int, int, float, int]]:
    """What a case may follow from, as (how sure, how close, when, number): the greatest is the likeliest."""
    for code in table.causes.get(case.fault.code, ()):
        for cause in by_code.get(code, ()):
            if cause.gravity < GRAVITY[cause.fault.leads_from]:
                continue
            is_mutual = code in case.fault.leads_to
            if cause.number == case.number or not _is_in_time(cause, case, 0.0 if is_mutual else _lag_s(cause, case)):
                continue
            if is_mutual and cause.first == case.first and _rank(cause) > _rank(case):
                continue
            close = places.closeness(cause.fault, cause.subject, case.subject)
            if close == JOB and case.fault.is_hardware:
                continue  # a job's GPUs wait for each other, but none breaks another's board
            if close:
                told = case.follows is not None and case.follows in cause.codes
                yield (int(told), close, cause.first if not cause.is_open else 0.0, cause.number)


def _rank(case: Case) -> tuple[int, int]:
    """Which of two of one moment is rather the cause: the graver, then the one told first."""
    return -case.gravity, case.number


def _lag_s(cause: Case, effect: Case) -> float:
    """How much later than its effect a cause may have been seen: one whose time its own machine's log tells, hardly."""
    if cause.is_exact and cause.subject.node and cause.subject.node == effect.subject.node:
        return min(EXACT_S, cause.fault.lag_s)
    return cause.fault.lag_s


def _is_in_time(cause: Case, effect: Case, lag_s: float) -> bool:
    begun = cause.is_open or effect.is_open or cause.first <= effect.first + lag_s
    return begun and (effect.is_open or effect.first <= cause.last + REACH_S)


def _is_below(found: Mapping[int, int], one: int, other: int) -> bool:
    """Whether `one` follows from `other`, so that `other` cannot follow from it."""
    at: int | None = one
    while at is not None:
        if at == other:
            return True
        at = found.get(at)
    return False


def _join(cases: Sequence[Case], found: dict[int, int]) -> None:
    """Roots of one fault that began together and share what joins them: the gravest, then first, is the root."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.fault.joins and case.joint and case.number not in found:
            groups[case.fault.code, case.joint].append(case)
    for group in groups.values():
        heads: list[Case] = []
        for one in sorted(group, key=lambda case: (-case.gravity, case.first, case.number)):
            head = next((other for other in heads if _is_together(other, one)), None)
            if head is None:
                heads.append(one)
            elif not _is_below(found, head.number, one.number):
                found[one.number] = head.number


def _is_together(one: Case, other: Case) -> bool:
    return one.is_open or other.is_open or abs(other.first - one.first) <= TOGETHER_S


def root_of(found: Mapping[int, int], number: int) -> int:
    """The case that a case follows from in the end."""
    while number in found:
        number = found[number]
    return number


def joint_of(fault: Fault, details: Mapping[str, str]) -> str:
    """What a case is joined to others by; empty for nothing."""
    if not fault.joins:
        return ""
    return "*" if fault.joins == "*" else clean(details.get(fault.joins, ""), 200)
