"""Node patterns as Slurm's users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.nodelist import PatternError, node_matcher

NAMES = ("gpu-1", "gpu-01", "gpu-2", "gpu-04", "gpu-4", "gpu-7", "gpu-10", "cpu-1", "gpu-01.lab.example", "r1-gpu2")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("gpu-01", ("gpu-01", "gpu-01.lab.example")),
        ("gpu-[01-04,7]", ("gpu-01", "gpu-04", "gpu-7", "gpu-01.lab.example")),
        ("gpu-[1-4]", ("gpu-1", "gpu-2", "gpu-4")),
        ("gpu-0[1-4]", ("gpu-01", "gpu-04", "gpu-01.lab.example")),
        ("GPU-?", ("gpu-1", "gpu-2", "gpu-4", "gpu-7")),
        ("*-1", ("gpu-1", "cpu-1")),
        ("*[01-04]", ("gpu-01", "gpu-04", "gpu-01.lab.example")),
        ("r[1-2]-gpu[1-2]", ("r1-gpu2",)),
        ("cpu-1,gpu-[2,10]", ("gpu-2", "gpu-10", "cpu-1")),
        ("gpu-[1-1][0-9]", ("gpu-10",)),
        ("nothing", ()),
    ],
)
def test_pattern_takes_the_names_slurm_would(pattern: str, names: tuple[str, ...]) -> None:
    """Ranges keep their width, globs their letters, commas join, a domain may be left out."""
    assert names == tuple(filter(node_matcher(pattern), NAMES))


@pytest.mark.parametrize(
    ("pattern", "position"),
    [("gpu-[1", 4), ("gpu-1]", 5), ("gpu-[a]", 5), ("gpu-[1,]", 7), ("gpu-[4-1]", 5), ("a,,b", 2)],
)
def test_broken_pattern_says_where(pattern: str, position: int) -> None:
    """What cannot be read is refused with the place of the mistake."""
    with pytest.raises(PatternError) as caught:
        node_matcher(pattern)

    assert position == caught.value.position


@given(st.integers(0, 9999), st.integers(0, 9999), st.integers(1, 5))
def test_range_takes_exactly_what_it_would_expand_to(first: int, length: int, width: int) -> None:
    """A padded range takes the names of its expansion and no neighbour."""
    last = first + length % 50
    matches = node_matcher(f"n[{first:0{width}}-{last}]")
    pad = width if f"{first:0{width}}".startswith("0") else 0

    for number in range(max(0, first - 2), last + 3):
        assert (first <= number <= last) == matches(f"n{str(number).zfill(pad)}")


@given(st.text("ab*?[]1-,", max_size=40), st.text("ab1-", max_size=60))
def test_any_pattern_answers_or_is_refused(pattern: str, name: str) -> None:
    """Whatever the pattern, the answer is a boolean or a PatternError, and comes at once."""
    position = 0
    try:
        assert node_matcher(pattern)(name) in (True, False)
    except PatternError as error:
        position = error.position

    assert 0 <= position <= len(pattern)
