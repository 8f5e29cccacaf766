"""Writing a folder again and again: ours is renewed, the person's is left alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from app.services.stack.plan import File
from app.services.stack.writing import LIST, write_stack


def written(folder: Path, *files: File, force: bool = False) -> dict[str, str]:
    """Path → what became of it."""
    return {one.path: one.state for one in write_stack(folder, files, force=force)}


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """Not even the time of a file."""
    files = (File("a.yml", "1\n"), File("sub/b.json", "{}\n"))
    first = written(tmp_path / "s", *files)
    before = (tmp_path / "s" / "a.yml").stat().st_mtime_ns

    assert {"a.yml": "written", "sub/b.json": "written"} == first
    assert {"a.yml": "unchanged", "sub/b.json": "unchanged"} == written(tmp_path / "s", *files)
    assert before == (tmp_path / "s" / "a.yml").stat().st_mtime_ns


def test_what_nobody_touched_is_renewed(tmp_path: Path) -> None:
    """A newer text of ours takes the place of an older one."""
    written(tmp_path, File("a", "1"))

    assert {"a": "written"} == written(tmp_path, File("a", "2"))
    assert "2" == (tmp_path / "a").read_text()


def test_what_a_person_changed_is_kept_however_often(tmp_path: Path) -> None:
    """Until --force."""
    written(tmp_path, File("a", "1"))
    (tmp_path / "a").write_text("mine")

    assert ["kept", "kept"] == [written(tmp_path, File("a", text))["a"] for text in ("2", "3")]
    assert "mine" == (tmp_path / "a").read_text()
    assert {"a": "written"} == written(tmp_path, File("a", "3"), force=True)
    assert "3" == (tmp_path / "a").read_text()


@pytest.mark.parametrize("listed", [None, "", "[]", '{"files": 3}', "\x00"])
def test_a_file_that_we_did_not_write_is_the_persons(tmp_path: Path, listed: str | None) -> None:
    """Also where the list of what was written is gone or damaged."""
    (tmp_path / "a").write_text("mine")
    if listed is not None:
        (tmp_path / LIST).write_text(listed)

    assert {"a": "kept"} == written(tmp_path, File("a", "1"))


def test_a_file_that_is_not_needed_any_more_goes_unless_it_was_changed(tmp_path: Path) -> None:
    """It is taken back to what it was, not more."""
    written(tmp_path, File("a", "1"), File("b", "1"), File("c", "1"))
    (tmp_path / "b").write_text("mine")

    assert {"c": "unchanged", "a": "removed", "b": "kept"} == written(tmp_path, File("c", "1"))
    assert [False, True, True] == [(tmp_path / name).exists() for name in "abc"]
    assert {"c": "unchanged", "b": "kept"} == written(tmp_path, File("c", "1"))


def test_a_drawn_secret_is_drawn_once(tmp_path: Path) -> None:
    """Whoever put it into a database would be locked out by another one, --force or not."""
    written(tmp_path, File(".env", "one", 0o600, is_made_once=True))

    assert {".env": "unchanged"} == written(tmp_path, File(".env", "two", 0o600, is_made_once=True), force=True)
    assert ("one", 0o600) == ((tmp_path / ".env").read_text(), stat.S_IMODE((tmp_path / ".env").stat().st_mode))


def test_servers_of_other_users_can_read_what_was_written(tmp_path: Path) -> None:
    """Whatever the umask of who wrote it."""
    before = os.umask(0o077)
    try:
        written(tmp_path, File("deep/er/a", "1"))
    finally:
        os.umask(before)

    modes = [stat.S_IMODE((tmp_path / one).stat().st_mode) for one in ("deep", "deep/er", "deep/er/a")]
    assert [0o755, 0o755, 0o644] == modes


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    """A person who keeps a file elsewhere keeps it."""
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a").symlink_to(tmp_path / "theirs")

    assert {"a": "kept"} == written(tmp_path / "s", File("a", "1"), force=True)
    assert "mine" == (tmp_path / "theirs").read_text()


def test_a_list_that_names_files_elsewhere_removes_nothing(tmp_path: Path) -> None:
    """Nothing outside the folder is touched."""
    (tmp_path / "x").write_text("1")
    (tmp_path / "s").mkdir()
    known = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    (tmp_path / "s" / LIST).write_text(json.dumps({"files": {"../x": known, str(tmp_path / "x"): known}}))

    assert {} == written(tmp_path / "s")
    assert (tmp_path / "x").exists()
