"""A few stories of the fault benchmark, so that it and the diagnosis cannot part unseen; all are in `make bench`."""

from __future__ import annotations

import pytest

from tests.bench.faults.controls import CONTROLS
from tests.bench.faults.section import missed
from tests.bench.faults.story import Story
from tests.bench.faults.suite import SIGHTS, STORIES, run_control, run_stories

SMOKE = (
    "A1 contained memory error", "B1 off the bus", "C4 port down", "D1 HW thermal slowdown", "F5 kill task failed",
    "G1 job out of memory", "H2 wedged", "I3 file server stalls", "149-145-154-45", "GSP, exporter stalls",
)  # fmt: skip


@pytest.mark.parametrize("name", SMOKE)
def test_story_is_told_by_its_cause_alone(name: str) -> None:
    """A story read as text at the real boundary is told at once, by its cause, with nothing dangerous."""
    (told,) = run_stories([_story(name)])

    assert [] == missed(told.score)


def test_look_alike_of_one_poll_raises_nothing() -> None:
    """Clock events that last for one poll are nobody's alarm."""
    control = next(one for one in CONTROLS if one.name == "clock events of one poll")

    assert {} == dict(run_control(control, 0).alarms)


def test_benchmark_is_as_large_as_it_says() -> None:
    """There are 60 single faults in three variants, 20 chains in two and a day of controls; a third is held out."""
    singles = {one.name for one in STORIES if not one.is_chain}
    chains = {one.name for one in STORIES if one.is_chain}

    assert len(singles) >= 60
    assert len(chains) >= 20
    assert len(STORIES) == 3 * len(singles) + 2 * len(chains)
    assert sum(one.hours for one in CONTROLS) >= 24.0
    assert set(SIGHTS) == {"kernel logs", "Slurm", "health metrics"}


def _story(name: str) -> Story:
    return next(one for one in STORIES if one.name == name and one.variant == 1)
