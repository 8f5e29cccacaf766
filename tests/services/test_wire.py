"""What a daemon and those attached say to each other: events that come deflated, and what is no such event."""

from __future__ import annotations

import json

import pytest

from app.domain.codec import WIRE_VERSION, encode
from app.domain.reading import SourceSpec
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState
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


def test_a_picture_comes_out_as_it_went_in() -> None:
    """Its nodes and sources, which are read one by one, and all the rest."""
    layer = Layer("s", 1000.0, 5.0, {"gpu.power": 600.0})
    nodes = {name: Node(name, {"os": "x"}, gpus=(Gpu(name, 0, "u", layers=(layer,)),)) for name in ("gpu-2", "gpu-10")}
    spec = SourceSpec("s", "exporter", "http://n:9400", 5.0)
    picture = Snapshot(7, 1000.0, "lab", sources={"s": SourceState(spec, 1000.0)}, nodes=nodes, aliases={"h": "gpu-2"})

    found = wire.unpack_snapshot(wire.pack_snapshot(picture).encode())

    assert encode(picture) == encode(found)
    assert ["gpu-2", "gpu-10"] == list(found.nodes)
    assert encode(Snapshot()) == encode(wire.unpack_snapshot(wire.pack_snapshot(Snapshot())))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("[]", "another version"),
        (json.dumps({"wire": WIRE_VERSION + 1, "snapshot": {}}), "another version"),
        (json.dumps({"wire": WIRE_VERSION + 1, "snapshot": {"nodes": {"n": 5}}}), "another version"),
        (json.dumps({"wire": WIRE_VERSION}), "cannot be read"),
        (json.dumps({"wire": WIRE_VERSION, "snapshot": None}), "cannot be read"),
        (json.dumps({"wire": WIRE_VERSION, "snapshot": {"nodes": {"n": {"gpus": [{}]}}}}), "cannot be read"),
        (json.dumps({"wire": WIRE_VERSION, "snapshot": {"nodes": {"n": 5}}}), "cannot be read"),
        ('{"wire": 1, "snapshot": {"nodes": {"n": ', "not JSON"),
        ("\xff", "not JSON"),
    ],
)
def test_what_is_no_picture_is_an_error_in_words(told: str, reason: str) -> None:
    """Of another version, without what belongs to it, or cut."""
    with pytest.raises(wire.WireError, match=reason):
        wire.unpack_snapshot(told.encode("latin-1"))
