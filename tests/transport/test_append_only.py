"""Logs of facts: whole lines, private, put aside when large, never removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.transport.append_only import append_line, newest_first


def test_a_large_log_is_put_aside_and_nothing_is_lost(tmp_path: Path) -> None:
    """Each file ends once it has grown large, and all of them together hold every line in order."""
    path = tmp_path / "audit.jsonl"
    lines = [b"%04d\n" % number for number in range(25)]
    for line in lines:
        append_line(path, line, most_bytes=50)

    assert [path, tmp_path / "audit.2.jsonl", tmp_path / "audit.1.jsonl"] == list(newest_first(path))
    assert b"".join(lines) == b"".join(one.read_bytes() for one in reversed(newest_first(path)))
    assert {0o600} == {one.stat().st_mode & 0o777 for one in newest_first(path)}


def test_many_writers_put_it_aside_once(tmp_path: Path) -> None:
    """Of writers at the same moment none loses a line, and none puts an empty log aside."""
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: append_line(path, b"%05d\n" % number, most_bytes=600), range(500)))

    found = b"".join(one.read_bytes() for one in newest_first(path)).split()
    assert sorted(b"%05d" % number for number in range(500)) == sorted(found)
    assert all(one.stat().st_size >= 600 for one in newest_first(path)[1:])


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    """After a line that a full disk left half written, the next one begins on its own."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"half')

    append_line(path, b"whole\n")

    assert b'{"half\nwhole\n' == path.read_bytes()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A link in its place, or a folder, is not written through."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(OSError, match=r"\S"):
            append_line(tmp_path / name, b"x\n")
    assert not (tmp_path / "elsewhere").exists()
