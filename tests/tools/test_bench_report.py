"""The benchmark's table: medians, ratios of the same round, targets met and missed."""

from __future__ import annotations

import pytest

from tests.bench.report import Report, Target, table


def report() -> Report:
    """An empty report with a section begun."""
    made = Report()
    made.begin("parse: pages")
    return made


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    """Rounds share a moment of the machine: 2/1, 8/4 and 9/9 make 2, whatever the medians are."""
    made = report()
    made.add("pages", "/s", [2, 8, 9], peers={"official": [1, 4, 9]})

    assert 2.0 == made.figures[0].ratio("official")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(at_most=8), True),
        (Target(at_most=7.9), False),
        (Target(at_least=2, peer="official"), True),
        (Target(at_least=2.1, peer="official"), False),
        (Target(at_most=1, peer="absent"), None),
        (None, None),
    ],
)
def test_a_target_is_met_missed_or_not_judged(target: Target | None, expected: bool | None) -> None:
    """A peer that could not be measured makes no verdict."""
    made = report()
    made.add("pages", "/s", [2, 8, 9], target, {"official": [1, 4, 9]})

    assert expected is made.figures[0].is_met


def test_the_table_shows_sections_misses_and_what_was_skipped() -> None:
    """Nobody overlooks what failed or is not there."""
    made = report()
    made.add("size", "B", 2.7, Target(at_most=2.5))
    made.skip("nvtop is not installed")

    text = "\n".join(table(made))

    assert "parse: pages\n" in text
    assert "MISSED" in text
    assert "SKIPPED nvtop is not installed" in text
    assert ["size"] == [figure.what for figure in made.misses]
