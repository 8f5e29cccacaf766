"""What a daemon and those attached say to each other: events that come deflated, and what is no such event."""

from __future__ import annotations

import pytest

from app.services import wire


def parts(*lines: bytes) -> list[tuple[str, bytes]]:
    """The events of a stream's lines."""
    found = wire.EventParts()
    return [one for line in lines for one in found.of(line)]


def test_events_come_out_as_they_went_in() -> None:
    """Several of them in one, in their order, beside those that come plain."""
    inner = b"event: arrival\ndata: 1\n\nevent: arrival\ndata: 2\n\n"
    lines = (b"event: snapshot", b"data: {}", b"", b"event: deflated", b"data: " + wire.deflate(inner), b"", b": alive")

    assert [("snapshot", b"{}"), ("arrival", b"1"), ("arrival", b"2")] == parts(*lines)


@pytest.mark.parametrize("data", [b"", b"!!", b"aGVsbG8=", wire.deflate(b"x" * 1000)[:-8]])
def test_what_cannot_be_inflated_is_an_error_in_words(data: bytes) -> None:
    """Nothing, no base64, no zlib, and what ends too soon."""
    with pytest.raises(wire.WireError, match="cannot be read"):
        wire.inflate(data)


def test_a_small_event_does_not_become_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte of blanks is a thousand bytes; what is larger than agreed is refused unread."""
    monkeypatch.setattr(wire, "MOST_INFLATED", 1000)
    wire.inflate(wire.deflate(b" " * 1000))

    with pytest.raises(wire.WireError, match="too large"):
        wire.inflate(wire.deflate(b" " * 1001))
