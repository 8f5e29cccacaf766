"""A diagnosis made ready for looking: findings by incident, what follows from what, which incident touches what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.diagnosis import GRAVITY, NO_DIAGNOSIS, Diagnosis, Incident
from app.domain.finding import Finding

DEEPEST = 5
"""Steps of cause and effect that are told apart; what lies deeper stands at the last of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One diagnosis and the ways into it; made once for each, not once a look."""

    diagnosis: Diagnosis
    of_incident: Mapping[str, Mapping[str, Finding]]
    """Incident → finding's id → finding."""

    def findings(self, incident: Incident) -> tuple[Finding, ...]:
        """Its findings as far as they are known, the root first, then by when they began."""
        known = self.of_incident.get(incident.id, {})
        return tuple(known[one] for one in incident.findings if one in known)

    def root(self, incident: Incident) -> Finding | None:
        """The finding that all others follow from; None where the diagnosis does not hold it."""
        return self.of_incident.get(incident.id, {}).get(incident.root)


def told_of(diagnosis: Diagnosis) -> Told:
    """The ways into a diagnosis; of a finding that ended and came back, what is known now."""
    of_incident: dict[str, dict[str, Finding]] = defaultdict(dict)
    for one in (*diagnosis.past, *diagnosis.findings):
        of_incident[one.incident][one.id] = one
    return Told(diagnosis, of_incident)


NOTHING_TOLD = told_of(NO_DIAGNOSIS)


def causal(findings: Sequence[Finding]) -> tuple[tuple[Finding, int], ...]:
    """Findings of one incident with the steps from the root, effects below their cause.

    One whose cause is not among them, or that is its own cause in a roundabout way, follows from the root.
    """
    if not findings:
        return ()
    root = findings[0]
    ids = {one.id for one in findings}
    below: dict[str, list[Finding]] = defaultdict(list)
    for one in findings[1:]:
        parent = next((key for key in one.caused_by if key in ids and key != one.id), root.id)
        below[parent].append(one)
    order: list[tuple[Finding, int]] = []
    seen: set[str] = set()
    _descend(root, below, order, seen)
    lost = [one for one in findings if one.id not in seen]
    return (*order, *((one, 1) for one in lost))


def _descend(
    root: Finding, below: Mapping[str, list[Finding]], order: list[tuple[Finding, int]], seen: set[str]
) -> None:
    """Root and all that follows from it, without recursion: a chain may be as long as a list of findings."""
    waiting = [(root, 0)]
    while waiting:
        one, depth = waiting.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        order.append((one, min(depth, DEEPEST)))
        waiting += [(child, depth + 1) for child in reversed(below.get(one.id, ()))]


def touching(
    diagnosis: Diagnosis, *, node: str = "", gpu: int | None = None, job: str = "", jobs: Sequence[str] = ()
) -> tuple[Incident, ...]:
    """Open incidents that touch a GPU, a node or a job, the nearest and gravest first.

    `jobs` are those that hold the GPU or node: what is wrong with them is told there too, after what is its own.
    """
    near: dict[str, int] = {}
    for one in diagnosis.findings:
        rank = _nearness(one, node, gpu, job, jobs)
        if rank is not None:
            near[one.incident] = min(rank, near.get(one.incident, rank))
    found = [one for one in diagnosis.incidents if one.id in near or (job and job in one.affects.jobs)]
    # Python's sort is stable: of equals the diagnosis' own order stays.
    return tuple(sorted(found, key=lambda one: (near.get(one.id, 9), -GRAVITY[one.severity])))


def _nearness(one: Finding, node: str, gpu: int | None, job: str, jobs: Sequence[str]) -> int | None:
    """0: about exactly this; 1: about what it is part of; 2: about a part of it, or its job; None: about others."""
    about = one.subject
    if job:
        return 0 if about.job == job else None
    if node and about.node == node:
        if about.gpu == gpu:
            return 0
        if about.gpu is None or gpu is None:
            return 1
        return None
    return 2 if about.job and about.job in jobs else None
