"""gzip is undone in pieces and never past its bound."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transport.head import HttpError, TooLargeError
from app.transport.inflate import MAX_MEMBERS, PIECE, SLICE, decoded, inflate


@given(st.binary(max_size=5000), st.integers(1, 5))
def test_what_was_compressed_comes_back(raw: bytes, members: int) -> None:
    """Any bytes, in one member or several, come back as they were."""
    assert raw * members == b"".join(inflate(gzip.compress(raw) * members, 10**6))


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_no_piece_is_larger_than_agreed(length: int) -> None:
    """A page that inflates far is given in pieces, all of it, at every boundary."""
    pieces = list(inflate(gzip.compress(b"0" * length), length))

    assert length == sum(map(len, pieces))
    assert max(map(len, pieces)) <= PIECE


def test_compressed_input_longer_than_a_slice_is_read_on() -> None:
    """Input is given to zlib in slices, and none of it is lost between two."""
    raw = bytes(range(256)) * 1000
    stored = gzip.compress(raw, 0)

    assert len(stored) > 3 * SLICE
    assert raw == b"".join(inflate(stored, len(raw)))


def test_a_bomb_is_cut_at_its_bound() -> None:
    """A page that inflates past its bound is given up when it does, not when it is all there."""
    taken: list[bytes] = []
    with pytest.raises(TooLargeError, match="1 MiB once inflated"):
        taken.extend(inflate(gzip.compress(b"0" * (32 << 20)), 1 << 20))
    assert sum(map(len, taken)) <= 1 << 20


@pytest.mark.parametrize(
    "raw",
    [b"plain text", gzip.compress(b"x" * 500)[:-9], gzip.compress(b"x") + b"tail"],
    ids=["no gzip", "cut short", "with a tail"],
)
def test_damaged_data_is_told(raw: bytes) -> None:
    """What is no gzip, or not all of it, is an HttpError."""
    with pytest.raises(HttpError):
        list(inflate(raw, 1000))


def test_a_row_of_empty_members_is_refused() -> None:
    """Thousands of members that hold nothing cost time and are given up."""
    with pytest.raises(TooLargeError, match="parts"):
        list(inflate(gzip.compress(b"") * (MAX_MEMBERS + 1), 1000))


async def test_an_encoding_nobody_asked_for_is_refused() -> None:
    """Only gzip is undone."""
    assert b"page" == await decoded(b"page", "", 100)
    assert b"page" == await decoded(gzip.compress(b"page"), "gzip", 100)
    with pytest.raises(HttpError, match="'br'"):
        await decoded(b"page", "br", 100)
