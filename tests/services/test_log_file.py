"""The daemon's log file: private, rotated by size, harmless to a terminal, never a reason to end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.log_file import LogFile, open_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where it is to lie."""
    return tmp_path / "log" / "daemon.log"


@pytest.fixture
def log(path: Path) -> Iterator[logging.Logger]:
    """A logger with a log of about a kilobyte, of which two are kept."""
    handler = open_log(path, 1 / 1024, 2)
    logger = logging.getLogger("gpu_watchdog.test_log_file")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)
    handler.close()


def test_it_begins_anew_when_it_is_large_and_keeps_some(log: logging.Logger, path: Path) -> None:
    """Two logs are kept beside the newest, none much larger than was said, all for the owner alone."""
    for number in range(100):
        log.info("line %d %s", number, "x" * 60)

    found = sorted(path.parent.iterdir())
    assert ["daemon.log", "daemon.log.1", "daemon.log.2"] == [one.name for one in found]
    assert all(one.stat().st_size <= 1024 for one in found)
    assert {0o600} == {one.stat().st_mode & 0o777 for one in found}
    assert "line 99" in path.read_text()


def test_text_from_outside_cannot_make_lines_of_its_own(log: logging.Logger, path: Path) -> None:
    """Control characters are gone, and what follows a line break is told apart from a line of ours."""
    log.warning("said \x1b[31mred\n2026-01-01 INFO app: forged")

    first, second = path.read_text().splitlines()
    assert "\x1b" not in first
    assert second.startswith("  2026")


def test_a_log_that_cannot_be_written_is_told_at_the_start_and_costs_nothing_later(tmp_path: Path) -> None:
    """A link in its place is refused; one that breaks later is left out without a word."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"\S"):
        open_log(tmp_path / "link", 1, 1)

    broken = LogFile(tmp_path / "none" / "daemon.log", 1, 1)
    (tmp_path / "none").write_text("a file where the folder was to be")
    broken.handle(logging.makeLogRecord({"msg": "lost", "levelno": logging.INFO}))

    assert not (tmp_path / "elsewhere").exists()
