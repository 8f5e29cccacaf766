"""A stream is cut into lines wherever the network cuts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transport.head import TooLargeError
from app.transport.lines import LineCutter


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 200), max_size=8))
def test_any_cut_gives_the_same_lines(lines: list[bytes], places: list[int]) -> None:
    """The lines that went in come out, however they were cut; the last one needs no end."""
    lines = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    whole = b"\n".join(lines)
    ends = sorted(min(place, len(whole)) for place in places)
    cutter = LineCutter(1000)
    found: list[bytes] = []
    for start, end in zip([0, *ends], [*ends, len(whole)], strict=True):
        if start != end:
            found += cutter.split(whole[start:end])
    found += cutter.split(b"")

    assert (lines if lines and lines[-1] else lines[:-1]) == found


def test_carriage_returns_end_with_their_line() -> None:
    """A line may end the way the web ends lines."""
    assert [b"a", b""] == list(LineCutter(10).split(b"a\r\n\r\nb"))


def test_a_line_without_end_is_refused() -> None:
    """What is not ended within its bound is given up, though it came in small pieces."""
    cutter = LineCutter(100)
    for _ in range(10):
        assert [] == list(cutter.split(b"0123456789"))
    with pytest.raises(TooLargeError, match="100 bytes"):
        cutter.split(b"0")
    with pytest.raises(TooLargeError, match="100 bytes"):
        LineCutter(100).split(b"a\n" + b"0" * 101)
