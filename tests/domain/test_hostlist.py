"""Slurm's host lists, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.hostlist import LONGEST, compress, expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("(null)", ()),
        ("None assigned", ()),
        ("n1", ("n1",)),
        ("n[1-3]", ("n1", "n2", "n3")),
        ("n[08-11],login", ("n08", "n09", "n10", "n11", "login")),
        ("n[1,9,5]", ("n1", "n9", "n5")),
        ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1", "r2n2")),
        ("gpu-[001-002]-ib", ("gpu-001-ib", "gpu-002-ib")),
    ],
)
def test_a_list_is_written_out_in_its_order(text: str, names: tuple[str, ...]) -> None:
    """Ranges, widths, several brackets, several names."""
    assert names == expand(text)


def test_a_list_of_millions_is_bounded() -> None:
    """Nine digits cost no more than the bound."""
    assert LONGEST == len(expand("n[1-999999999]"))


@given(some.lists(some.from_regex(r"[a-c]{1,2}-?[0-9]{1,3}", fullmatch=True), unique=True, max_size=30))
def test_written_short_and_out_again_it_is_the_same_set(names: list[str]) -> None:
    """Nothing is lost or made up."""
    assert set(names) == set(expand(compress(names)))


def test_padded_numbers_stand_together() -> None:
    """The ninth and the tenth of two digits are one range."""
    assert "gpu-[09-11],login,n[1,3]" == compress(["gpu-09", "gpu-10", "login", "gpu-11", "n1", "n3"])
