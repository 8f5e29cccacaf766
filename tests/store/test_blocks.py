"""The codec of sealed data."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.blocks import Block, DamagedBlock, pack
from app.store.scale import ABSENT, LARGEST

WHOLE = st.integers(-LARGEST, LARGEST)
SMALL = st.integers(-300, 70_000)


@st.composite
def columns(draw: st.DrawFn) -> list[list[int]]:
    """Columns of one length: any numbers, small ones, constants and even climbs, some with gaps."""
    length = draw(st.integers(1, 60))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("whole", "small", "constant", "climb")))
        if kind == "constant":
            column = [draw(WHOLE)] * length
        elif kind == "climb":
            step, first = draw(st.integers(-(10**6), 10**6)), draw(st.integers(-(10**12), 10**12))
            column = [first + place * step for place in range(length)]
        else:
            one = WHOLE if kind == "whole" else SMALL
            column = draw(st.lists(one, min_size=length, max_size=length))
        gaps = draw(st.sets(st.integers(0, length - 1), max_size=length - 1))
        found.append([ABSENT if place in gaps else count for place, count in enumerate(column)])
    return found


@given(columns())
def test_columns_come_back_as_they_went_in(found: list[list[int]]) -> None:
    """Any column of 64-bit numbers, with or without gaps, survives packing."""
    block = Block(pack(len(found[0]), [(tag, array("q", column)) for tag, column in enumerate(found)]))

    assert found == [block.column(tag) for tag in range(len(found))]
    assert [ABSENT in column for column in found] == [block.is_masked(tag) for tag in range(len(found))]


@given(columns(), st.data())
def test_a_flipped_bit_is_found_out(found: list[list[int]], data: st.DataObject) -> None:
    """A stream with one bit changed is refused, never read as other numbers."""
    body = bytearray(pack(len(found[0]), [(tag, array("q", column)) for tag, column in enumerate(found)]))
    body[data.draw(st.integers(2, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    try:
        block = Block(bytes(body))
    except DamagedBlock:
        return
    assert found == [block.column(tag) for tag in range(len(found))]


@given(st.binary(max_size=200))
def test_garbage_is_refused(garbage: bytes) -> None:
    """Bytes that are no stream raise DamagedBlock and nothing else."""
    with pytest.raises(DamagedBlock):
        Block(garbage)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_stream_is_refused(share: float) -> None:
    """A stream cut short is damaged, wherever the cut is."""
    body = pack(100, [(0, array("q", range(100))), (1, array("q", [place * place for place in range(100)]))])

    with pytest.raises(DamagedBlock):
        Block(body[: int(len(body) * share)])


def test_a_column_that_is_not_there_is_none() -> None:
    """A tag that was not packed has no column."""
    assert Block(pack(1, [(3, array("q", [1]))])).column(4) is None


def test_noise_takes_little_more_than_it_must() -> None:
    """Eight tracks of noise over 16 values (half a byte each) take less than 0.7 bytes a sample."""
    dice = random.Random(1)
    tracks = [(tag, array("q", [dice.randrange(16) for _ in range(180)])) for tag in range(8)]

    assert len(pack(180, tracks)) < 0.7 * 8 * 180
