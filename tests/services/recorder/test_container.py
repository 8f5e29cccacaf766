"""The file of a recording: whole blocks, whatever happens to the end; hostile files cost an error."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.recorder.container import FIRST_LINE, Frame, Packer, RecordingError, Unpacker, blocks

FRAMES = [Frame({"t": "look", "number": number}, bytes([number]) * 300) for number in range(6)]


def recording() -> tuple[bytes, list[int]]:
    """A file of two segments of three blocks, and where each block ends."""
    packer, made, ends = Packer(), FIRST_LINE, []
    for number, frame in enumerate(FRAMES):
        if number == 3:
            packer.begin()
        made += packer.pack([frame], 100.0 + number)
        ends.append(len(made))
    return made, ends


def read(file: bytes) -> list[Frame]:
    """All frames of a file."""
    opened = io.BytesIO(file)
    unpacker = Unpacker(opened)
    return [frame for block in blocks(opened) for frame in unpacker.frames(block)]


def test_frames_come_back_with_their_times() -> None:
    """What was packed is unpacked, and a block says when it happened and where a segment begins."""
    file, _ = recording()
    found = list(blocks(io.BytesIO(file)))

    assert FRAMES == read(file)
    assert [b"S", b"D", b"D", b"S", b"D", b"D"] == [one.kind for one in found]
    assert [100.0, 101.0, 102.0, 103.0, 104.0, 105.0] == [one.at for one in found]


def test_a_body_in_parts_is_one_body() -> None:
    """It is put together where it is read, not before it is written."""
    packed = Packer().pack([Frame({"t": "look"}, b"a", [b"b", b"", b"cd"]), Frame({"t": "tick"})], 1.0)

    assert [Frame({"t": "look"}, b"abcd"), Frame({"t": "tick"})] == read(FIRST_LINE + packed)


def test_a_file_that_is_cut_off_holds_its_whole_blocks() -> None:
    """A kill at any byte costs the block in flight and nothing before it."""
    file, ends = recording()
    for size in range(len(FIRST_LINE), len(file) + 1, 7):
        whole = sum(end <= size for end in ends)
        assert FRAMES[:whole] == read(file[:size])


def test_another_file_or_version_is_named() -> None:
    """What is no recording says so, and one of a later version which it is."""
    with pytest.raises(RecordingError, match="no recording"):
        read(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(RecordingError, match="version 7, and this program reads 1"):
        read(b"gpu-watchdog recording 7\nxyz")


def test_a_block_that_lies_about_its_size_is_refused() -> None:
    """A bomb of zeros is inflated no further than the block says, and the block is bounded."""
    deflate = zlib.compressobj(9, wbits=-15)
    packed = deflate.compress(bytes(50_000_000)) + deflate.flush()
    small = struct.pack("<cIIId", b"S", len(packed), 1000, zlib.crc32(packed), 1.0) + packed
    large = struct.pack("<cIIId", b"S", len(packed), 300 << 20, zlib.crc32(packed), 1.0) + packed

    with pytest.raises(RecordingError, match="more or less"):
        read(FIRST_LINE + small)
    assert [] == read(FIRST_LINE + large)


@given(st.binary(max_size=400), st.integers(0, 2000))
def test_damage_is_an_error_and_no_crash(junk: bytes, at: int) -> None:
    """Whatever stands in a file, reading it ends with frames or with a RecordingError."""
    file, _ = recording()
    place = len(FIRST_LINE) + at % (len(file) - len(FIRST_LINE))
    with contextlib.suppress(RecordingError):
        read(file[:place] + junk + file[place + len(junk) :])
