"""What is told of pods that are not ready yet."""

from __future__ import annotations

import pytest

from app.services.deploy.steps_pods import said_of


@pytest.mark.parametrize(
    ("names", "word", "expected"),
    [
        (["lab-w1"], "is STARTING", "lab-w1 is STARTING"),
        (["lab-head", "lab-w1"], "is not listed", "lab-head and lab-w1 are not listed"),
        (["lab-head", "lab-w1", "lab-w2"], "has no ssh port yet", "lab-head, lab-w1 and lab-w2 have no ssh port yet"),
        ([f"lab-w{number}" for number in range(64)], "is PROVISIONING", "64 nodes are PROVISIONING"),
    ],
)
def test_few_are_named_and_many_counted(names: list[str], word: str, expected: str) -> None:
    """A line of the terminal holds three names, and no sixty."""
    assert expected == said_of(names, word)
