"""One story, look by look: what was said when it changed, to find out why a score is what it is."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.faults.control import INTERVAL_S, Control
from tests.bench.faults.controls import CONTROLS
from tests.bench.faults.plant import ALL, Plant, Sight
from tests.bench.faults.play import Played, play
from tests.bench.faults.score import score
from tests.bench.faults.section import missed
from tests.bench.faults.story import Stage, Story, stage_for
from tests.bench.faults.suite import STORIES


def show(story: Story, sight: Sight = ALL) -> Iterator[str]:
    """Lines for a person."""
    stage, truths = stage_for(story, sight, STORIES.index(story))
    played = play(stage)
    yield f"── {story.name} #{story.variant}: " + "; ".join(
        f"{'/'.join(one.codes)} on {'/'.join(one.subjects[:2])}" for one in truths
    )
    yield from _looks(played)
    yield from (f"          {line}" for line in missed(score(story, stage, truths, played)))


def show_control(control: Control) -> Iterator[str]:
    """The same for quiet hours."""
    stage = Stage(Plant(seed=500 + CONTROLS.index(control)), 1, lasts_s=control.hours * 3600.0)
    control.tell(stage)
    yield f"── control: {control.name}, {control.hours:g} h"
    yield from _looks(play(stage, interval_s=INTERVAL_S))


def _looks(played: Played) -> Iterator[str]:
    before: object = None
    for at, diagnosis in played.looks:
        now = [(one.code, str(one.subject), one.severity, "root" if one.root else "") for one in diagnosis.findings]
        if now != before:
            yield f"{at:6.0f} s  " + "; ".join(" ".join(part for part in one if part) for one in now)
        before = now
