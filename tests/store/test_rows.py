"""The codec of recent rows."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.blocks import to_bytes
from app.store.rows import number_at, pack_row, unpack_row
from app.store.scale import ABSENT, LARGEST

EDGE = st.integers(-(1 << 31) - 2, -(1 << 31) + (1 << 20) + 2)
"""Numbers that look like the marks in cells, and those beside them."""
NUMBER = st.one_of(st.integers(0, 1000), st.integers(-LARGEST, LARGEST), EDGE, st.just(1 << 31), st.just(ABSENT))


@given(st.lists(NUMBER, max_size=60))
def test_numbers_come_back_as_they_went_in(row: list[int]) -> None:
    """Any row of 64-bit numbers, with or without gaps, survives packing, read whole or one by one."""
    large, body = pack_row(row)

    assert row == unpack_row(large, body).tolist()
    assert [*row, ABSENT] == [number_at(large, body, place) for place in range(len(row) + 1)]


@given(st.lists(NUMBER, max_size=60))
def test_rows_of_before_are_read(row: list[int]) -> None:
    """A row without cells, eight bytes a number, reads as it was written."""
    body = to_bytes(array("q", row))

    assert row == unpack_row(None, body).tolist()
    assert [*row, ABSENT] == [number_at(None, body, place) for place in range(len(row) + 1)]


@given(st.one_of(st.none(), st.integers(0, 9)), st.binary(max_size=100), st.integers(0, 30))
def test_garbage_does_no_harm(large: int | None, body: bytes, place: int) -> None:
    """Bytes that are no row are read as some numbers, or none; nothing is raised."""
    unpack_row(large, body)
    number_at(large, body, place)


@pytest.mark.parametrize(
    ("row", "size"),
    [([7, -7, 0], 12), ([7, ABSENT, 0], 12), ([7, 3_000_000_000, 0], 20), ([], 0)],
)
def test_a_number_takes_four_bytes(row: list[int], size: int) -> None:
    """What fits four bytes takes no more, a gap as well; the others take eight more."""
    assert size == len(pack_row(row)[1])
