"""Scoring: what was said of a story held against its truth, story by story, and summed up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.diagnosis import GRAVITY, Diagnosis
from app.domain.finding import Finding
from app.domain.series import Severity
from tests.bench.faults.danger import dangers
from tests.bench.faults.play import Played
from tests.bench.faults.story import STEP_S, Stage, Story, Truth, is_about

TOLERANCE_S = 0.01


@dataclass(frozen=True, slots=True)
class Alarmed:
    """An incident that was told as an alarm, warning or graver, by the root it had longest."""

    code: str
    subject: str
    severity: str
    looks: int
    is_true: bool
    is_symptom: bool
    """What it names follows from the truth: an alarm too many, where the truth can be seen."""


@dataclass(frozen=True, slots=True)
class Found:
    """How one truth came out."""

    truth: Truth
    at: float | None
    """Seconds into the story of the look that told it; None: none did."""
    polls: int
    """Looks from the first that could have told it, that one counted."""
    is_root: bool
    """The incident it stood in then has it as its root."""
    is_first: bool
    """That incident was the first of all, those of unrelated truths left out; and is at the end, if it lasts."""
    cleared_after: int | None
    """Looks that it stood on after it was over; None where that is not asked, or it was not found."""


@dataclass(frozen=True, slots=True)
class StoryScore:
    """How one story came out."""

    story: Story
    found: tuple[Found, ...]
    alarms: tuple[Alarmed, ...]
    dangers: tuple[str, ...]
    is_blind_told: bool
    distractors: int
    """Unrelated truths told."""

    @property
    def is_missed(self) -> bool:
        """Something is not as it should be."""
        return any(one.at is None or not one.is_root for one in self.found) or any(
            not one.is_true for one in self.alarms
        )


def score(story: Story, stage: Stage, truths: Sequence[Truth], played: Played) -> StoryScore:
    """Hold what was said against the truth."""
    told = tuple(_found(truth, [*truths, *stage.distractors], played, stage.plant.log_late_s) for truth in truths)
    return StoryScore(
        story,
        told,
        tuple(_alarms(truths, stage.distractors, played, is_full=not stage.plant.sight)),
        tuple(dict.fromkeys(one for _, diagnosis in played.looks for one in dangers(diagnosis, truths, stage.plant))),
        _is_blind_told(stage, played),
        sum(any(_holds(truth, diagnosis) for _, diagnosis in played.looks) for truth in stage.distractors),
    )


def _is_grave(one: Finding, truth: Truth) -> bool:
    return GRAVITY[one.severity] >= GRAVITY[truth.severity]


def _holds(truth: Truth, diagnosis: Diagnosis) -> Finding | None:
    return next(
        (one for one in diagnosis.findings if is_about(truth, one.code, str(one.subject)) and _is_grave(one, truth)),
        None,
    )


def _found(truth: Truth, known: Sequence[Truth], played: Played, late_s: float) -> Found:
    ready = truth.begins + truth.for_s + late_s - TOLERANCE_S
    others = [one for one in known if one is not truth]
    for at, diagnosis in played.looks:
        one = _holds(truth, diagnosis)
        if one is None or at < truth.begins - TOLERANCE_S:
            continue
        polls = max(1, math.floor((at - ready) / STEP_S) + 1)
        end = played.looks[-1][1]
        first = _is_first(truth, others, diagnosis) and (truth.ends is not None or _is_first(truth, others, end))
        return Found(truth, at, polls, _is_root(truth, one, diagnosis), first, _cleared(truth, played, late_s))
    return Found(truth, None, 0, is_root=False, is_first=False, cleared_after=None)


def _is_root(truth: Truth, one: Finding, diagnosis: Diagnosis) -> bool:
    incident = diagnosis.incident(one.incident)
    root = diagnosis.finding(incident.root) if incident is not None else None
    return root is not None and is_about(truth, root.code, str(root.subject))


def _is_first(truth: Truth, others: Sequence[Truth], diagnosis: Diagnosis) -> bool:
    """Whether the first incident as grave as the truth, unrelated ones left out, has it as its root."""
    for incident in diagnosis.incidents:
        root = diagnosis.finding(incident.root)
        if root is None or any(is_about(other, root.code, str(root.subject)) for other in others):
            continue
        if truth.severity != "info" and incident.severity == "info":
            return True  # nothing grave is left: it is over for this look
        if (
            truth.severity == "info"
            and not is_about(truth, root.code, str(root.subject))
            and incident.severity == "info"
        ):
            continue
        return is_about(truth, root.code, str(root.subject))
    return True


def _cleared(truth: Truth, played: Played, late_s: float) -> int | None:
    if truth.ends is None:
        return None
    over = truth.ends + truth.keep_s + late_s
    return sum(
        1 for at, diagnosis in played.looks
        if at > over and any(is_about(truth, one.code, str(one.subject)) for one in diagnosis.findings)
    )  # fmt: skip


def _alarms(
    truths: Sequence[Truth], distractors: Sequence[Truth], played: Played, *, is_full: bool
) -> Iterator[Alarmed]:
    roots: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    gravest: dict[tuple[str, str], Severity] = {}
    for _, diagnosis in played.looks:
        for incident in diagnosis.incidents:
            root = diagnosis.finding(incident.root)
            if root is None or incident.severity == "info":
                continue
            key = (root.code, str(root.subject))
            roots[incident.id][key] += 1
            gravest[key] = max(gravest.get(key, "info"), root.severity, key=GRAVITY.__getitem__)
    for some in roots.values():
        (key, _), looks = some.most_common(1)[0], some.total()
        yield _judged(key, gravest[key], looks, truths, distractors, is_full=is_full)


def _judged(
    key: tuple[str, str], severity: Severity, looks: int, truths: Sequence[Truth], distractors: Sequence[Truth],
    *, is_full: bool,
) -> Alarmed:  # fmt: skip
    code, subject = key
    known = [one for one in (*truths, *distractors) if is_about(one, code, subject) or code in one.also]
    # What is only information must not be told as more.
    of_root = any(one.severity != "info" or severity == "info" or code in one.also for one in known)
    is_symptom = not known and any(code in truth.follows for truth in truths)
    return Alarmed(code, subject, severity, looks, of_root or (is_symptom and not is_full), is_symptom)


_BLIND = {"kernel": "kernel messages", "health": "ECC errors"}


def _is_blind_told(stage: Stage, played: Played) -> bool:
    """Whether what may not be seen is told as blind spots, at the end; of Slurm that nobody configured nothing is."""
    wanted = [words for kind, words in _BLIND.items() if kind in stage.plant.sight]
    rows = [one.what for one in played.looks[-1][1].blind]
    return all(any(words in row for row in rows) for words in wanted)


# ── summed up ──


def recall(some: Sequence[StoryScore]) -> float:
    """Share of the truths that were told."""
    every = [one for story in some for one in story.found]
    return _share(sum(one.at is not None for one in every), len(every))


def root_right(some: Sequence[StoryScore]) -> float:
    """Share of the told truths whose incident came first and had them as its root."""
    every = [one for story in some for one in story.found if one.at is not None]
    return _share(sum(one.is_root and one.is_first for one in every), len(every))


def precision(some: Sequence[StoryScore]) -> float:
    """Share of the incidents told as alarms whose root is true, and no symptom of another."""
    every = [one for story in some for one in story.alarms]
    return _share(sum(one.is_true for one in every), len(every))


def alarms_each(some: Sequence[StoryScore]) -> float:
    """Alarms told for each truth that is one."""
    alarms, truths = 0, 0
    for story in some:
        grave = [one for one in story.found if one.truth.severity != "info" and one.at is not None]
        if grave:
            truths += len(grave)
            alarms += max(0, len(story.alarms) - story.distractors)
    return alarms / truths if truths else 0.0


def polls(some: Sequence[StoryScore], share: float) -> float:
    """The looks it took to tell, at a share of the truths."""
    every = sorted(one.polls for story in some for one in story.found if one.at is not None)
    return float(every[min(len(every) - 1, math.ceil(share * len(every)) - 1)]) if every else 0.0


def cleared(some: Sequence[StoryScore]) -> list[int]:
    """Looks that findings stood on after they were over."""
    return [one.cleared_after for story in some for one in story.found if one.cleared_after is not None]


def _share(some: int, of: int) -> float:
    return some / of if of else 1.0
