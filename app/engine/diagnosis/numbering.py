"""Findings get their numbers and incidents theirs: the same again for what was there before. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from app.domain.affects import Affects
from app.domain.diagnosis import GRAVITY, Blind, Diagnosis, Incident, gravest
from app.domain.finding import Finding, FindingSubject
from app.engine.diagnosis.graph import Case, root_of
from app.engine.diagnosis.places import MOST_JOBS, Places
from app.engine.diagnosis.returns import Starts, for_inspection, has_outlived
from app.engine.diagnosis.sign import Look
from app.engine.diagnosis.state import PAST_S, DiagnosisState, Known


def known_key(fault: str, subject: FindingSubject) -> str:
    """What a finding is remembered by."""
    gpu = "" if subject.gpu is None else f"/{subject.gpu}"
    job = f" job {subject.job}" if subject.job and subject.gpu is None and not subject.node else ""
    service = f" service {subject.service}" if subject.service else ""
    return f"{fault} {subject.node}{gpu}{job}{service}"


@dataclass(slots=True)
class Numbering:
    """Numbers and ties for the findings of one step."""

    before: DiagnosisState
    look: Look
    places: Places
    cases: list[Case]
    found: list[Finding]
    edges: Mapping[int, int]
    starts: Starts
    known: dict[str, Known] = field(default_factory=dict)
    last_finding: int = 0
    last_incident: int = 0
    trees: dict[int, list[int]] = field(default_factory=dict)
    """Root → its cases, itself among them."""
    incidents: dict[int, str] = field(default_factory=dict)
    """Root → id of its incident."""

    def number(self) -> None:
        """Give every finding its id, and every tree its incident's."""
        now = self.look.now
        self.known = {key: one for key, one in self.before.known.items() if now - one.last <= PAST_S}
        self.last_finding, self.last_incident = self.before.last_finding, self.before.last_incident
        trees: dict[int, list[int]] = defaultdict(list)
        for case in self.cases:
            trees[root_of(self.edges, case.number)].append(case.number)
        self.trees = dict(sorted(trees.items(), key=lambda pair: self._age(pair[0])))
        live = {one.id for one in self.before.diagnosis.findings}
        taken: set[str] = set()
        for root, numbers in self.trees.items():
            numbers.sort(key=lambda one: (one != root, self.cases[one].first, one))
            incident = self._incident(numbers, taken)
            taken.add(incident)
            self.incidents[root] = incident
            for number in numbers:
                self._remember(number, incident, live)

    def _age(self, root: int) -> tuple[int, float, int]:
        """Old incidents keep their ids before new ones are given any."""
        known = self.known.get(self._key(root))
        return (int(known.incident[2:]) if known is not None else 1 << 60, self.cases[root].first, root)

    def _key(self, number: int) -> str:
        return known_key(self.found[number].fault, self.found[number].subject)

    def _incident(self, numbers: list[int], taken: set[str]) -> str:
        """The incident that these findings were of before, else a new one."""
        for number in numbers:
            known = self.known.get(self._key(number))
            if known is not None and known.incident not in taken:
                return known.incident
        corrected = self._corrected(numbers[0])
        if corrected and corrected not in taken:
            return corrected
        self.last_incident += 1
        return f"i-{self.last_incident}"

    def _corrected(self, root: int) -> str | None:
        """The incident of the last look that this one is by a better name: same subject, same family, gone now."""
        there = {self._key(one.number) for one in self.cases}
        for one in self.before.diagnosis.findings:
            is_gone = one.root and known_key(one.fault, one.subject) not in there
            same = one.code[:1] == self.found[root].code[:1] and Places.is_same(
                replace(one.subject, uuid=None, job=None) if one.subject.node else one.subject,
                self.cases[root].subject,
            )
            if is_gone and same:
                return one.incident
        return None

    def _remember(self, number: int, incident: str, live: set[str]) -> None:
        key, one = self._key(number), self.found[number]
        before = self.known.get(key)
        if before is None:
            self.last_finding += 1
            self.known[key] = Known(f"f-{self.last_finding}", incident, one.first_seen, self.look.now)
            return
        again = before.id not in live
        first = one.first_seen if again else min(before.first, one.first_seen)
        began = before.began or before.first
        self.known[key] = Known(before.id, incident, first, self.look.now, before.times + again, min(began, first))

    def state(self, blind: tuple[Blind, ...]) -> DiagnosisState:
        """The state with the diagnosis of this moment."""
        now = self.look.now
        groups: list[tuple[Incident, tuple[Finding, ...]]] = []
        for root, numbers in self.trees.items():
            found = tuple(self._told(number, root, numbers) for number in numbers)
            groups.append((self._told_incident(self.incidents[root], found), found))
        groups.sort(key=lambda pair: (-GRAVITY[pair[0].severity], pair[0].began, pair[0].id))
        past = self._past({one.id for one, _ in groups})
        ended = sorted((one for one, _ in past.values()), key=lambda one: -(one.ended or 0.0))
        diagnosis = Diagnosis(
            now,
            tuple(chain.from_iterable(found for _, found in groups)),
            tuple(one for one, _ in groups),
            blind,
            tuple(ended),
            tuple(chain.from_iterable(past[one.id][1] for one in ended)),
        )
        return DiagnosisState(
            known=self.known,
            diagnosis=diagnosis,
            last_finding=self.last_finding,
            last_incident=self.last_incident,
            past=past,
        )

    def _told(self, number: int, root: int, numbers: list[int]) -> Finding:
        known = self.known[self._key(number)]
        ids = [self.known[self._key(one)].id for one in numbers]
        below = [one for one in numbers if self.edges.get(one) == number]
        parent = self.edges.get(number)
        causes = () if parent is None else tuple(dict.fromkeys((self._id(parent), self._id(root))))
        one = self.found[number]
        is_grave = self.cases[number].fault.is_hardware and one.severity != "info"
        if is_grave and has_outlived(one, known.began or known.first, self.starts):
            one = for_inspection(one)
        again = f" It has come {known.times} times within a day." if known.times > 1 else ""
        return replace(
            one,
            id=known.id,
            incident=self.incidents[root],
            first_seen=min(known.first, one.first_seen),
            root=number == root,
            caused_by=causes,
            consequences=tuple(ids[1:]) if number == root else tuple(map(self._id, below)),
            explanation=f"{self._unexplained(number)}{one.explanation}{again}",
        )

    def _id(self, number: int) -> str:
        return self.known[self._key(number)].id

    def _unexplained(self, number: int) -> str:
        if self.cases[number].fault.is_symptom and number not in self.edges:
            return "A symptom whose cause was not seen. "
        return ""

    def _told_incident(self, key: str, found: tuple[Finding, ...]) -> Incident:
        root = found[0]
        jobs = tuple(dict.fromkeys(chain.from_iterable(one.affects.jobs for one in found)))
        gpus = {(gpu.node, gpu.index) for one in found for gpu in self.places.gpus(replace(one.subject, uuid=None))}
        costs = [one.affects.cost_per_hour for one in found if one.affects.cost_per_hour is not None]
        return Incident(
            key,
            root.id,
            root.title,
            gravest(tuple(one.severity for one in found)),
            min(one.first_seen for one in found),
            max(one.last_seen for one in found),
            tuple(one.id for one in found),
            Affects(jobs[:MOST_JOBS], len(gpus), max(costs) if costs else None),
            self.places.users(jobs),
        )

    def _past(self, live: set[str]) -> Mapping[str, tuple[Incident, tuple[Finding, ...]]]:
        """Incidents that are over: those before that are not there now."""
        now, before = self.look.now, self.before
        by_incident: dict[str, list[Finding]] = defaultdict(list)
        for one in before.diagnosis.findings:
            by_incident[one.incident].append(one)
        past = {
            key: one for key, one in before.past.items() if key not in live and now - (one[0].ended or now) <= PAST_S
        }
        for incident in before.diagnosis.incidents:
            if incident.id not in live:
                past[incident.id] = (replace(incident, ended=now), tuple(by_incident[incident.id]))
        return past
