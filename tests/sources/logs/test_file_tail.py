"""Following a file: every line once, in order, whatever a log rotation does to it meanwhile."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sources.logs.cutter import MOST_LINE, Cutter
from app.sources.logs.file_tail import FileTail
from app.sources.logs.look import LogError, LogLook

MOST = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with two lines."""
    file = tmp_path / "kern.log"
    file.write_text("one\ntwo\n")
    return file


@pytest.fixture
def tail(path: Path) -> Iterator[FileTail]:
    """That log, followed; nothing was read yet."""
    found = FileTail(path)
    yield found
    found.close()


def add(path: Path, *lines: str) -> None:
    """Write lines at the end."""
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def lines(look: LogLook) -> list[str]:
    return list(look.lines)


def test_first_look_is_history_and_later_ones_are_news(tail: FileTail, path: Path) -> None:
    """What stood there is told as such; afterwards only what is new comes."""
    first = tail.look(MOST)
    add(path, "three")
    second = tail.look(MOST)

    assert (["one", "two"], True) == (lines(first), first.is_history)
    assert (["three"], False) == (lines(second), second.is_history)
    assert [] == lines(tail.look(MOST))


def test_long_log_is_read_from_near_its_end(path: Path) -> None:
    """Of a large log the last lines come at first, whole ones."""
    path.write_text("".join(f"line {number}\n" for number in range(10_000)))
    tail = FileTail(path, backlog=100)
    found = lines(tail.look(MOST))
    tail.close()

    assert "line 9999" == found[-1]
    assert all(one.startswith("line ") for one in found)
    assert 20 > len(found)


def test_unfinished_line_waits_for_its_end(tail: FileTail, path: Path) -> None:
    """A line comes once it is whole, with all its bytes."""
    with path.open("a") as file:
        file.write("half ö"[:5])
    assert ["one", "two"] == lines(tail.look(MOST))
    with path.open("ab") as raw:
        raw.write("ö of it\n".encode()[:1])
    assert [] == lines(tail.look(MOST))
    with path.open("ab") as raw:
        raw.write("ö of it\n".encode()[1:])

    assert ["half ö of it"] == lines(tail.look(MOST))


def test_rename_loses_nothing(tail: FileTail, path: Path) -> None:
    """Lines written before and after a rotation by name all come, in order, and those that the old writer adds late."""
    tail.look(MOST)
    add(path, "three")
    path.rename(path.with_name("kern.log.1"))
    add(path.with_name("kern.log.1"), "four")
    add(path, "five")

    assert ["three", "four", "five"] == lines(tail.look(MOST))


def test_compressed_and_removed_file_is_read_to_its_end(tail: FileTail, path: Path) -> None:
    """A file that was rotated, compressed and removed at once is still read, since it is open."""
    tail.look(MOST)
    add(path, "three")
    old = path.with_name("kern.log.1")
    path.rename(old)
    old.with_name("kern.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    add(path, "four")

    assert ["three", "four"] == lines(tail.look(MOST))


def test_files_that_came_and_went_between_two_looks_are_read(tail: FileTail, path: Path) -> None:
    """Several rotations between two looks lose nothing: what lies between is read by age."""
    tail.look(MOST)
    add(path, "three")
    for number in range(3):
        for older in (2, 1):
            one = path.with_name(f"kern.log.{older}")
            if one.exists():
                one.rename(path.with_name(f"kern.log.{older + 1}"))
        path.rename(path.with_name("kern.log.1"))
        add(path, f"after rotation {number}")
        os.utime(path, ns=(1, path.stat().st_mtime_ns + (number + 1) * 1_000_000))

    assert ["three", *(f"after rotation {number}" for number in range(3))] == lines(tail.look(MOST))


def test_old_rotated_files_are_left_alone(path: Path) -> None:
    """What was rotated before the first look is no news after a rotation."""
    add(path.with_name("kern.log.1"), "years ago")
    os.utime(path.with_name("kern.log.1"), (1, 1))
    tail = FileTail(path)
    tail.look(MOST)
    path.with_name("kern.log.1").rename(path.with_name("kern.log.2"))
    path.rename(path.with_name("kern.log.1"))
    add(path, "new")
    found = lines(tail.look(MOST))
    tail.close()

    assert ["new"] == found


def test_emptying_in_place_is_seen_and_its_copy_read(tail: FileTail, path: Path) -> None:
    """With `copytruncate` what was not read yet comes from the copy, then the emptied file from its start."""
    tail.look(MOST)
    add(path, "three")
    shutil.copy2(path, path.with_name("kern.log.1"))
    os.truncate(path, 0)
    add(path, "four")
    look = tail.look(MOST)

    assert (["three", "four"], "") == (lines(look), look.lost)


def test_emptied_file_that_has_grown_again_is_seen(tail: FileTail, path: Path) -> None:
    """A file that is longer than before by the next look is still known as another content."""
    tail.look(MOST)
    shutil.copy2(path, path.with_name("kern.log.1"))
    os.truncate(path, 0)
    add(path, "a much longer line than there was", "and another")

    assert ["a much longer line than there was", "and another"] == lines(tail.look(MOST))


def test_emptying_without_a_copy_is_told(tail: FileTail, path: Path) -> None:
    """Where nobody kept a copy, the look says that lines may be lost."""
    tail.look(MOST)
    path.write_text("new\n")
    look = tail.look(MOST)

    assert ["new"] == lines(look)
    assert "was emptied" in look.lost


def test_log_that_is_away_for_a_moment_is_followed(tail: FileTail, path: Path) -> None:
    """Between the renaming and the new file there is none, and nothing is lost by that."""
    tail.look(MOST)
    path.rename(path.with_name("kern.log.1"))
    add(path.with_name("kern.log.1"), "three")
    assert ["three"] == lines(tail.look(MOST))
    add(path, "four")

    assert ["four"] == lines(tail.look(MOST))


def test_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    """A missing log, a folder and a FIFO are errors for a person; the log is read from its start once it is there."""
    path = tmp_path / "kern.log"
    tail = FileTail(path)
    with pytest.raises(LogError, match=r"is not there; see settings: log\.path"):
        tail.look(MOST)
    add(path, "first")
    assert ["first"] == lines(tail.look(MOST))
    tail.close()
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(LogError, match="is no file"):
            FileTail(place).look(MOST)


def test_look_is_bounded_and_the_rest_comes_next(tail: FileTail, path: Path) -> None:
    """A storm comes in bounded looks, in order and whole."""
    add(path, *(f"line {number:06d}" for number in range(5_000)))
    found: list[str] = []
    looks = 0
    while True:
        look = tail.look(10_000)
        if not look.lines:
            break
        assert 10_000 >= look.size_bytes
        found += look.lines
        looks += 1

    assert ["one", "two", *(f"line {number:06d}" for number in range(5_000))] == found
    assert 6 <= looks


def test_endless_line_is_cut() -> None:
    """A line without an end does not fill the memory, and a progress bar's returns end lines."""
    cutter = Cutter()
    found = cutter.cut(b"x" * (3 * MOST_LINE + 5))

    assert [MOST_LINE] * 3 == [len(one) for one in found]
    assert 5 == cutter.waiting
    assert ["10%", "20%"] == Cutter().cut(b"10%\r20%\r\n30%")


Rotation = Callable[[Path], None]
KEPT = 50
"""Rotated files that are kept: what a rotation removes before it was looked at, nobody can read."""


def by_name(path: Path) -> None:
    """As logrotate does by default: shift, rename, and a new file by the writer."""
    for number in range(KEPT, 0, -1):
        one = path.with_name(f"{path.name}.{number}")
        if one.exists():
            one.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))
    path.touch()


def in_place(path: Path) -> None:
    """As logrotate's `copytruncate` does, at a moment when nobody writes."""
    for number in range(KEPT, 0, -1):
        one = path.with_name(f"{path.name}.{number}")
        if one.exists():
            one.rename(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copy2(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(("write", "write", "look", "rotate")), max_size=30),
    st.sampled_from((by_name, in_place)),
    st.integers(60, 400),
)
def test_any_order_of_writing_and_rotating_gives_every_line_once(
    steps: list[str], rotation: Rotation, most: int
) -> None:
    """Whatever happens between two looks, all lines come, once and in order."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        add(path, "begin")
        tail = FileTail(path)
        written, found = ["begin"], list(tail.look(MOST).lines)
        was_emptied = False
        for at, step in enumerate([*steps, "look"]):
            if step == "write":
                written.append(f"line {at} {'x' * (at * 7 % 50)}")
                add(path, written[-1])
                os.utime(path, ns=(1, 1_000_000_000_000 + at * 1_000_000))
            elif step == "look":
                found += tail.look(most).lines
                was_emptied = False
            elif rotation is by_name or not was_emptied:  # emptied twice unseen: no reader can tell what is whose
                rotation(path)
                os.utime(path, ns=(1, 1_000_000_000_000 + at * 1_000_000))
                was_emptied = True
        while more := tail.look(MOST).lines:
            found += more
        tail.close()

    assert written == found


def test_writer_that_is_rotated_under_load_loses_nothing(tmp_path: Path) -> None:
    """A thread writes 20,000 lines while the log is rotated by name forty times: all come once, in order."""
    path = tmp_path / "busy.log"
    path.touch()
    tail = FileTail(path)
    tail.look(MOST)
    done = threading.Event()

    def write() -> None:
        for part in range(40):
            with path.open("a") as file:
                for number in range(500):
                    file.write(f"line {part * 500 + number}\n")
                    if number % 50 == 0:
                        file.flush()
            by_name(path)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    found: list[str] = []
    while not done.is_set():
        found += tail.look(MOST).lines
    writer.join()
    while more := tail.look(MOST).lines:
        found += more
    tail.close()

    assert [f"line {number}" for number in range(20_000)] == found
