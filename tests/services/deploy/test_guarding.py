"""What is told of pods that cannot end themselves."""

from __future__ import annotations

import pytest

from app.services.deploy.guarding import keyless


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        (["lab-w1"], 1, "lab-w1 has no key to end its own pod with: only this program ends it"),
        (["lab-head", "lab-w1"], 2, "none of the 2 pods has a key to end itself with: only this program ends them"),
        (
            ["lab-head", "lab-w1"],
            3,
            "lab-head, lab-w1 have no key to end their own pods with: only this program ends them",
        ),
    ],
)
def test_many_pods_without_a_key_are_one_line(names: list[str], count: int, expected: str) -> None:
    """A warning stays on the terminal, so it is said once."""
    assert expected == keyless(names, count)
