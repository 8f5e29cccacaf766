"""From signs to faults: which fault is there, on whom, and how grave. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.finding import FindingSubject
from app.domain.frozen import frozen
from app.domain.series import Severity
from app.engine.diagnosis.fault import Condition, Fault, Rule
from app.engine.diagnosis.fault_table import FaultTable
from app.engine.diagnosis.memory import Held, Memory
from app.engine.diagnosis.places import Places


@frozen
class Match:
    """A fault that is there."""

    fault: Fault
    subject: FindingSubject
    severity: Severity
    first: float
    """Epoch seconds of the first sign."""
    last: float
    signs: tuple[Held, ...]
    """What it is known by, the oldest first."""
    is_open: bool = False
    """Nobody knows since when: it stood there at the first look."""
    chief: Held | None = None
    """The oldest of the signs that make it as grave as it is."""


def matches(table: FaultTable, memory: Memory, places: Places, now: float) -> list[Match]:
    """Every fault that the signs show.

    A line that names no GPU makes a GPU's fault one of its node, unless it is known of a GPU there anyway.
    """
    found = list(_matches(table, memory, places, now))
    known = {(one.fault.code, one.subject.node) for one in found if one.subject.gpu is not None}
    return [
        one
        for one in found
        if one.fault.scope != "gpu" or one.subject.gpu is not None or (one.fault.code, one.subject.node) not in known
    ]


def _matches(table: FaultTable, memory: Memory, places: Places, now: float) -> Iterator[Match]:
    index = _Index(places)
    index.fill(memory.held.values())
    seen: set[tuple[str, FindingSubject]] = set()
    for held in memory.held.values():
        for fault in table.by_sign.get(held.kind, ()):
            for subject in places.lifted(held.sign.subject, fault.scope):
                key = (fault.code, subject)
                if key not in seen:
                    seen.add(key)
                    found = _match(fault, subject, index, now)
                    if found is not None:
                        yield found


@dataclass(slots=True)
class _Index:
    """Signs by whom they are seen on."""

    places: Places
    by_subject: dict[FindingSubject, dict[str, list[Held]]] = field(default_factory=dict)
    by_node: dict[str, dict[str, list[Held]]] = field(default_factory=dict)
    by_kind: dict[str, list[Held]] = field(default_factory=lambda: defaultdict(list))

    def fill(self, some: Iterable[Held]) -> None:
        """Take all signs in."""
        for held in some:
            subject = held.sign.subject
            for one in self.places.owners(subject):
                self.by_subject.setdefault(one, {}).setdefault(held.kind, []).append(held)
            if subject.node:
                self.by_node.setdefault(subject.node, {}).setdefault(held.kind, []).append(held)
            self.by_kind[held.kind].append(held)

    def of(self, subject: FindingSubject, condition: Condition) -> list[Held]:
        """Signs of the condition's kinds on whom it looks at."""
        match condition.whose:
            case "own":
                found = [self.by_subject.get(subject, {})]
            case "near":
                found = [self.by_subject.get(one, {}) for one in self.places.around(subject)]
            case "node":
                found = [self.by_subject.get(FindingSubject(node=subject.node), {})] if subject.node else []
            case "siblings":
                found = [self.by_node.get(subject.node, {})] if subject.node else []
            case _:
                found = [self.by_kind]
        signs = {id(held): held for by_kind in found for kind in condition.signs for held in by_kind.get(kind, ())}
        if condition.whose == "siblings":
            return [one for one in signs.values() if one.sign.subject.gpu not in (None, subject.gpu)]
        return list(signs.values())


def _match(fault: Fault, subject: FindingSubject, index: _Index, now: float) -> Match | None:
    over = _ended(fault, subject, index, now)
    found = _rule(fault.rule, subject, index, now, over)
    if found is None:
        return None
    severity, weighty = fault.severity, found
    for grade in fault.grades:
        more = _rule(grade.rule, subject, index, now, over)
        if more is not None:
            severity, weighty = grade.severity, more or found
            found = [*found, *(one for one in more if one not in found)]
            break
    signs = sorted(found, key=lambda one: one.first)
    triggers = [one for one in signs if one.kind in fault.triggers] or signs
    first = min(_since(one, now, fault.keep_s, over) for one in triggers)
    is_open = all(one.is_open for one in triggers)
    chief = min(weighty, key=lambda one: one.first)
    return Match(fault, subject, severity, first, max(one.last for one in triggers), tuple(signs), is_open, chief)


@frozen
class _Over:
    """When it was said that something is over."""

    all_at: float = 0.0
    """For all signs; 0: never."""
    some: tuple[tuple[float, tuple[str, ...], frozenset[str]], ...] = ()
    """(when, which details, their values): only for signs that share one."""

    def at(self, held: Held) -> float:
        """When it was for this sign."""
        told = (at for at, names, values in self.some if at > self.all_at and values & _values(held, names))
        return max(told, default=self.all_at)


_NOT_OVER = _Over()


def _ended(fault: Fault, subject: FindingSubject, index: _Index, now: float) -> _Over:
    """When something said for the last time that it is over."""
    if not fault.ends:
        return _NOT_OVER
    all_at, some = 0.0, []
    for one in fault.ends:
        for held in index.of(subject, one):
            if held.last > now or not _fits(one, held):
                continue
            if one.same:
                some.append((held.last, one.same, _values(held, one.same)))
            else:
                all_at = max(all_at, held.last)
    return _Over(all_at, tuple(some))


def _values(held: Held, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value for name in names if (value := _detail(held, name)))


def _rule(rule: Rule, subject: FindingSubject, index: _Index, now: float, over: _Over) -> list[Held] | None:
    """The signs that a rule is met by; None where it is not."""
    found: dict[int, Held] = {}
    met = not rule.any
    for one in rule.any:
        some = _seen(one, subject, index, now, over)
        met = met or bool(some)
        found |= {id(held): held for held in some}
    if not met:
        return None
    for one in rule.all:
        some = _seen(one, subject, index, now, over)
        if not some:
            return None
        found |= {id(held): held for held in some}
    if any(_seen(one, subject, index, now, _NOT_OVER) for one in rule.none):
        return None
    return list(found.values())


def _seen(condition: Condition, subject: FindingSubject, index: _Index, now: float, over: _Over) -> Sequence[Held]:
    """The signs that meet a condition; none where it is not met."""
    within_s = condition.within_s
    signs = [
        one
        for one in index.of(subject, condition)
        if _fits(condition, one) and _counts(condition, one, now, over, within_s)
    ]
    if signs and condition.unless and index.of(subject, replace(condition, signs=condition.unless)):
        return ()
    if condition.times > 1 or condition.total is not None:
        sums = {id(one): _sum(one, now, over, within_s) for one in signs}
        wanted = max(condition.times if condition.times > 1 else 0, condition.total or 0)
        if condition.is_each:
            signs = [one for one in signs if sums[id(one)] >= wanted]
        elif sum(sums.values()) < wanted:
            return ()
    if signs and (condition.subjects > 1 or condition.share):
        who = {(one.sign.subject.node, one.sign.subject.gpu) for one in signs}
        if len(who) < max(condition.subjects, condition.share * index.places.gpus_on(subject.node)):
            return ()
    return signs


def _sum(held: Held, now: float, over: _Over, within_s: float) -> float:
    """How much its events come to, or how many they are."""
    since = max(now - within_s, over.at(held))
    return sum(value for at, value in held.times if at > since)


def _fits(condition: Condition, held: Held) -> bool:
    """Whether a sign is of the value and the details asked for."""
    sign = held.sign
    if not sign.is_event and not condition.limit.holds(sign.value):
        return False
    bounded = sign.is_event and condition.total is None and not condition.limit.is_open
    if bounded and not any(condition.limit.holds(value) for _, value in held.times):
        return False
    return all(pattern.search(_detail(held, name)) for name, pattern in condition.where.items())


def _detail(held: Held, name: str) -> str:
    if name == "text":
        return held.sign.text
    return held.sign.label if name == "label" else held.sign.details.get(name, "")


def _counts(condition: Condition, held: Held, now: float, over: _Over, within_s: float) -> bool:
    """Whether a sign is recent enough, or has lasted long enough."""
    if not held.sign.is_event:
        return held.last - held.first >= condition.for_s
    over_at = over.at(held)
    if held.last <= over_at or now - held.last > within_s:
        return False
    return not condition.for_s or now - min(at for at, _ in held.times if at > over_at) >= condition.for_s


def _since(held: Held, now: float, keep_s: float, over: _Over) -> float:
    """When a sign began to speak for the fault."""
    if not held.sign.is_event:
        return held.first
    over_at = over.at(held)
    return min((at for at, _ in held.times if at > max(over_at, now - keep_s)), default=held.last)


def labelled(match: Match) -> Mapping[str, str]:
    """The details of a match's signs: what its words are filled in with.

    Of signs that differ the newest counts; `first_…` are the details of the one that it all began with.
    """
    found: dict[str, str] = {}
    if match.chief is not None:
        found |= {f"first_{name}": text for name, text in match.chief.sign.details.items()}
    for held in match.signs:
        found |= held.sign.details
        if held.sign.label:
            found["label"] = held.sign.label
        if held.sign.value is not None:
            found["value"] = f"{held.sign.value:g}"
    return found
