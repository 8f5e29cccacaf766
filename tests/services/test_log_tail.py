"""A model server's log, followed for a front end: bounded, harmless, without secrets, whatever the way to it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from app.config.settings import Log
from app.domain.job_actions import LogChunk
from app.domain.log_text import level_of
from app.services.log_tail import JobOutputWay, LogTail, SaveError, harmless, open_model_logs, save
from app.sources.logs.look import LogError, LogLook
from tests.present.fleets import NOW
from tests.tui.model_logs import StoppedClock, ready, starting


class Way:
    """Gives what it is told to, look after look."""

    target = "here"

    def __init__(self, *looks: LogLook | LogError) -> None:
        self._looks = list(looks)

    async def look(self, timeout_s: float) -> LogLook:
        one = self._looks.pop(0) if self._looks else LogLook()
        if isinstance(one, LogError):
            raise one
        return one

    async def close(self) -> None:
        """Nothing is held."""


def tail(*looks: LogLook | LogError, most: int = 20_000) -> LogTail:
    return LogTail("log", Way(*looks), StoppedClock(), UTC, most)


async def test_a_bounded_number_of_lines_is_kept() -> None:
    """The newest stay, and keep their numbers."""
    one = tail(LogLook(tuple(f"line {at}" for at in range(50))), most=20)
    await one.poll()

    assert [("line 30", 30), ("line 49", 49)] == [(line.text, line.number) for line in (one.lines[0], one.lines[-1])]
    assert 20 == len(one.lines)


async def test_a_log_that_cannot_be_read_says_why_and_keeps_its_lines() -> None:
    """A look that fails changes the note alone; the next that succeeds takes it away."""
    one = tail(LogLook(("first",)), LogError("x.log is not there"), LogLook(("second",)))
    notes = []
    for _ in range(3):
        assert await one.poll()
        notes.append(one.note)

    assert ["", "x.log is not there", ""] == notes
    assert ["first", "second"] == [line.text for line in one.lines]


async def test_a_look_without_news_changes_nothing() -> None:
    """Nothing came: nothing is to be painted."""
    one = tail(LogLook(("first",)), LogLook())
    await one.poll()

    assert not await one.poll()


async def test_the_start_is_followed_from_look_to_look() -> None:
    """What stood there and what came since make one start."""
    early, late = starting().splitlines(), ready().splitlines()
    one = tail(LogLook(tuple(early), is_history=True), LogLook(tuple(late[len(early) :])))
    await one.poll()
    assert ("starting", "graphs") == (one.start.standing, one.start.phases[-1].name)
    await one.poll()

    assert "ready" == one.start.standing


def test_lines_are_harmless_and_hold_no_secret() -> None:
    """Escapes, controls and right-to-left marks are gone; a token is masked; a line is cut."""
    assert "red HF_TOKEN=***" == harmless("\x1b[31mred\x1b[0m\x07\u202e HF_TOKEN=hf_abcdefghijklmnopqrst")
    assert 4000 >= len(harmless("x" * 1_000_000))


@pytest.mark.parametrize(
    ("text", "told", "before", "expected"),
    [
        ("x", 3, "info", "error"),
        ("x", 4, "info", "warning"),
        ("x", 6, "error", "info"),
        ("x", 7, "info", "debug"),
        ("Traceback (most recent call last):", None, "info", "error"),
        ('  File "a.py", line 1, in f', None, "error", "error"),
        ("torch.OutOfMemoryError: CUDA out of memory", None, "error", "error"),
        ("Loading shards", None, "error", "info"),
        ("/a/b.py:24: DeprecationWarning: old", None, "info", "warning"),
    ],
)
def test_levels(text: str, told: int | None, before: str, expected: str) -> None:
    """As a line says itself, else by its form; a traceback is an error to its end."""
    assert expected == level_of(text, told, before)  # type: ignore[arg-type]  # a Level


async def test_a_jobs_output_is_a_log_too() -> None:
    """The job's output is read on from where it was; what is wrong with it is said."""
    asked: list[tuple[int, int | None]] = []

    async def read(offset: int, inode: int | None) -> LogChunk:
        asked.append((offset, inode))
        if len(asked) == 3:
            return LogChunk("/x.out", "", 0, 0, note="not allowed")
        return LogChunk("/x.out", f"line {len(asked)}\n", len(asked) * 7, 99, 5)

    one = LogTail("job 7", JobOutputWay(read, "7"), StoppedClock(), UTC)
    for _ in range(3):
        await one.poll()

    assert [(-1, None), (7, 5), (14, 5)] == asked
    assert (["line 1", "line 2"], "not allowed") == ([line.text for line in one.lines], one.note)


async def test_logs_are_named_as_their_sources_and_followed_by_file(tmp_path: Path) -> None:
    """Only logs of model servers are offered; a file grows, and a setting that leads nowhere says so."""
    path = tmp_path / "vllm.log"
    path.write_text("INFO 11-24 15:59:00 [a.py:1] one\n")
    logs = (
        Log(kind="kernel", path="/dev/kmsg"),
        Log(kind="vllm", path=str(path), node="gpu-02"),
        Log(kind="vllm", path="x", ssh="not an address", name="odd"),
    )
    async with open_model_logs(logs, tmp_path, StoppedClock(), {}, UTC) as found:
        assert ("vllm log gpu-02 vllm.log", "odd") == found.names
        assert "gpu-02" == found.node_of("vllm log gpu-02 vllm.log")
        one = found.tail("vllm log gpu-02 vllm.log")
        await one.poll()
        with path.open("a") as file:
            file.write("WARNING 11-24 15:59:01 [a.py:1] two\n")
        await one.poll()

        assert [("info", NOW - 60), ("warning", NOW - 59)] == [(line.level, line.at) for line in one.lines]
        odd = found.tail("odd")
        await odd.poll()
        assert odd.note


async def test_saving_never_overwrites(tmp_path: Path) -> None:
    """A new file for its owner only; one that is there stays as it is."""
    one = tail(LogLook(("first", "second")))
    await one.poll()
    path = tmp_path / "kept" / "a.log"

    assert 2 == save(one.lines, path)
    assert "first\nsecond\n" == path.read_text()
    with pytest.raises(SaveError, match=r"a\.log"):
        save(one.lines, path)
