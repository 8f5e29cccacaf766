"""The whole benchmark in one go: stories, degraded sight, controls, the two baselines; figures out, nothing printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.faults import (
    stories_chain,
    stories_chain_more,
    stories_gpu,
    stories_host,
    stories_links,
    stories_serving,
    stories_slurm,
)
from tests.bench.faults.baselines import Tally, tally
from tests.bench.faults.control import INTERVAL_S, Control
from tests.bench.faults.controls import CONTROLS
from tests.bench.faults.danger import dangers
from tests.bench.faults.plant import ALL, NODES, Plant, Sight
from tests.bench.faults.play import Played, play
from tests.bench.faults.score import StoryScore, score
from tests.bench.faults.slurm_words import GPUS
from tests.bench.faults.story import Stage, Story, stage_for

SINGLES: tuple[Story, ...] = (
    *stories_gpu.SINGLES, *stories_links.SINGLES, *stories_slurm.SINGLES, *stories_serving.SINGLES,
    *stories_host.SINGLES,
)  # fmt: skip
STORIES: tuple[Story, ...] = (*SINGLES, *stories_chain.CHAINS, *stories_chain_more.CHAINS)
SIGHTS: Mapping[str, Sight] = {
    "kernel logs": frozenset({"kernel"}),
    "Slurm": frozenset({"slurm"}),
    "health metrics": frozenset({"health"}),
}
"""What is taken away, one at a time."""


@dataclass(frozen=True, slots=True)
class Told:
    """One story, and how each of the three came out in it."""

    score: StoryScore
    rules: Tally
    xids: Tally


@dataclass(frozen=True, slots=True)
class ControlScore:
    """What was raised in some quiet hours."""

    control: Control
    alarms: Mapping[str, str]
    """Finding → severity, of roots worse than information."""
    dangers: tuple[str, ...]
    rules: int
    """Alarms of the rules alone."""
    xids: int


@dataclass
class Results:
    """Everything that was played."""

    told: list[Told] = field(default_factory=list)
    degraded: dict[str, list[StoryScore]] = field(default_factory=dict)
    controls: list[ControlScore] = field(default_factory=list)

    @property
    def gpu_days(self) -> float:
        """Of the controls, in hundreds of GPUs a day."""
        return sum(one.control.hours for one in self.controls) / 24.0 * len(NODES) * GPUS / 100.0


def run_stories(some: Sequence[Story], heard: Callable[[Told], object] = lambda _told: None) -> list[Told]:
    """Play stories with full sight, and the baselines beside."""
    found = []
    for number, story in enumerate(some):
        stage, truths = stage_for(story, ALL, number)
        played = play(stage)
        told = Told(
            score(story, stage, truths, played),
            tally(truths, stage, played.alarms),
            tally(truths, stage, played.fatal),
        )
        heard(told)
        found.append(told)
    return found


def run_degraded(sight: Sight) -> list[StoryScore]:
    """Play the first variant of every story, which has all signals, with one kind of source taken away."""
    found = []
    for number, story in enumerate(STORIES):
        if story.variant == 1:
            stage, truths = stage_for(story, sight, number)
            found.append(score(story, stage, truths, play(stage, with_rules=False)))
    return found


def run_control(control: Control, number: int) -> ControlScore:
    """Play some quiet hours."""
    stage = Stage(Plant(seed=500 + number), 1, lasts_s=control.hours * 3600.0)
    control.tell(stage)
    played = play(stage, interval_s=INTERVAL_S)
    return ControlScore(
        control,
        alarms_of(played),
        tuple(dict.fromkeys(one for _, diagnosis in played.looks for one in dangers(diagnosis, (), stage.plant))),
        sum(one.severity != "info" for one in played.alarms),
        len(played.fatal),
    )


def alarms_of(played: Played) -> dict[str, str]:
    """Roots worse than information, each once, at their gravest."""
    found: dict[str, str] = {}
    for _, diagnosis in played.looks:
        for one in diagnosis.findings:
            key = f"{one.code} {one.subject}"
            if one.root and one.severity != "info" and found.get(key) != "critical":
                found[key] = one.severity
    return found


def run_all(*, with_degraded: bool = True) -> Results:
    """Play everything."""
    results = Results(run_stories(STORIES))
    if with_degraded:
        results.degraded = {name: run_degraded(sight) for name, sight in SIGHTS.items()}
    results.controls = [run_control(one, number) for number, one in enumerate(CONTROLS)]
    return results
