"""The flight recorder's ring: bounded, for its owner alone, and cut by time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.services.recorder.container import FIRST_LINE, Frame, Packer, Unpacker, blocks
from app.services.recorder.sinks import FileSink, FlightSink, cut, ring


def packed(number: int, size: int = 900) -> bytes:
    """A segment of one block."""
    body = random.Random(number).randbytes(size)  # deflate does not make it smaller
    return Packer().pack([Frame({"number": number}, body)], float(number))


def test_the_ring_stays_within_its_bound(tmp_path: Path) -> None:
    """The oldest files go; what is kept is the newest, and nobody else may read it."""
    sink = FlightSink(tmp_path / "flight", 4000)
    for number in range(1, 30):
        sink.write(packed(number), begins=True, at=float(number))
    sink.close()
    kept = ring(tmp_path / "flight")

    assert 1500 < sum(one.size for one in kept) <= 4000
    assert 29.0 == kept[-1].at
    assert {0o600} == {one.path.stat().st_mode & 0o777 for one in kept}
    assert 0o700 == (tmp_path / "flight").stat().st_mode & 0o777


def test_a_file_of_the_ring_ends_before_it_is_large(tmp_path: Path) -> None:
    """A new segment is wanted once a file holds its share of the ring."""
    sink = FlightSink(tmp_path, 4000)
    assert not sink.wants_segment

    sink.write(packed(1), begins=True, at=1.0)

    assert sink.wants_segment


def test_a_cut_holds_the_files_of_its_time_and_can_be_read(tmp_path: Path) -> None:
    """Files that cover the time are put behind each other, without the end of one that was cut off."""
    sink = FlightSink(tmp_path / "flight", 1 << 20)
    for number in (10, 20, 30, 40):
        sink.write(packed(number), begins=True, at=float(number))
    sink.close()
    hurt = ring(tmp_path / "flight")[1].path
    hurt.write_bytes(hurt.read_bytes() + packed(99)[:50])

    assert 0 < cut(tmp_path / "flight", 22.0, 35.0, tmp_path / "cut.rec")
    with (tmp_path / "cut.rec").open("rb") as file:
        unpacker = Unpacker(file)
        assert [20, 30] == [one.head["number"] for block in blocks(file) for one in unpacker.frames(block)]


def test_nothing_of_that_time_makes_no_file(tmp_path: Path) -> None:
    """An empty ring, or none, is no error."""
    assert 0 == cut(tmp_path / "flight", 0.0, 1e10, tmp_path / "cut.rec")
    assert not (tmp_path / "cut.rec").exists()


def test_a_recording_takes_no_file_s_place(tmp_path: Path) -> None:
    """A file that exists is not written over."""
    (tmp_path / "a.rec").write_bytes(FIRST_LINE)

    with pytest.raises(FileExistsError):
        FileSink(tmp_path / "a.rec")
