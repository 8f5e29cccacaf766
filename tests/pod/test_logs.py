"""Log pieces: by offset, across rotation, from allowed names only, without secrets."""

import os
from pathlib import Path

import pytest

from pod.logs import LogError, Logs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of three lines: 6, 5 and 6 bytes."""
    file = tmp_path / "app.log"
    file.write_text("first\nnext\nthird\n")
    return file


@pytest.fixture
def logs(path: Path) -> Logs:
    """That log as `app`."""
    return Logs({"app": path})


def test_offset_and_limit_choose_whole_lines(logs: Logs) -> None:
    """From byte 6, twelve bytes hold two lines; the next piece begins where this one ends."""
    piece = logs.read("app", offset=6, limit=8)

    assert ("next\n", 6, 11, 17) == (piece.text, piece.offset, piece.next_offset, piece.size)
    assert "third\n" == logs.read("app", offset=piece.next_offset).text


def test_without_offset_the_last_lines_come(logs: Logs) -> None:
    """The last eight bytes begin inside a line, so they are its successor only."""
    assert "third\n" == logs.read("app", limit=8).text
    assert "third\n" == logs.read("app", offset=-8).text
    assert "first\nnext\nthird\n" == logs.read("app").text


def test_unfinished_line_waits(logs: Logs, path: Path) -> None:
    """A line without its end is not served until it has one."""
    with path.open("a") as file:
        file.write("half of")
    piece = logs.read("app", offset=17)
    assert ("", 17) == (piece.text, piece.next_offset)
    with path.open("a") as file:
        file.write(" it\n")

    assert "half of it\n" == logs.read("app", offset=17).text


def test_line_longer_than_the_limit_comes_in_pieces(tmp_path: Path) -> None:
    """A line without an end does not stop the reader for ever."""
    path = tmp_path / "long"
    path.write_text("x" * 100)
    logs = Logs({"long": path})
    piece = logs.read("long", offset=0, limit=40)

    assert (40, 40) == (len(piece.text), piece.next_offset)


def test_rest_of_a_rotated_log_comes_before_the_new_one(logs: Logs, path: Path) -> None:
    """After `app.log` became `app.log.1`, its unread lines are served, then the new file from the start."""
    seen = logs.read("app", offset=0, limit=8)
    path.rename(path.with_name("app.log.1"))
    path.write_text("new\n")

    rest = logs.read("app", seen.next_offset, log_id=seen.id)
    assert ("next\nthird\n", seen.id, False) == (rest.text, rest.id, rest.is_rotated)
    fresh = logs.read("app", rest.next_offset, log_id=seen.id)
    assert ("new\n", 0, True) == (fresh.text, fresh.offset, fresh.is_rotated)
    assert fresh.id != seen.id
    again = logs.read("app", fresh.next_offset, log_id=fresh.id)
    assert ("", False) == (again.text, again.is_rotated)


def test_truncated_log_begins_anew(logs: Logs, path: Path) -> None:
    """An offset behind the end of a log that was emptied in place starts at 0 and says so."""
    path.write_text("new\n")
    piece = logs.read("app", offset=17)

    assert ("new\n", True) == (piece.text, piece.is_rotated)


@pytest.mark.parametrize("name", ["", "..", "../app", "app/../app", "/etc/passwd", "app.log", "app\0"])
def test_only_allowed_names_are_read(logs: Logs, name: str) -> None:
    """A name is looked up, not opened: what is not in the settings does not exist."""
    with pytest.raises(KeyError):
        logs.read(name)


def test_missing_file_is_an_error_with_the_name(tmp_path: Path) -> None:
    """A log that is not there yet says so without telling its path."""
    with pytest.raises(LogError, match=r"^log vllm cannot be read: No such file or directory$"):
        Logs({"vllm": tmp_path / "vllm.log"}).read("vllm")


def test_fifo_does_not_hang_the_reader(tmp_path: Path) -> None:
    """A pipe in the log's place gives nothing at once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(LogError):
        Logs({"pipe": path}).read("pipe")


def test_secrets_stay_and_offsets_count_the_file(logs: Logs, path: Path) -> None:
    """A token in the log is replaced, and the next offset is still that of the file's bytes."""
    path.write_text("HF_TOKEN=hf_abcdefghijklmnop ok\n")
    piece = logs.read("app", offset=0)

    assert "HF_TOKEN=[redacted] ok\n" == piece.text
    assert path.stat().st_size == piece.next_offset


def test_undecodable_bytes_are_shown_as_such(logs: Logs, path: Path) -> None:
    """Bytes that are no UTF-8 do not stop a log."""
    path.write_bytes(b"a\xff\n")

    assert "a\ufffd\n" == logs.read("app", offset=0).text
