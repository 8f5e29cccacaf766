"""Output of jobs as it grows: parts, whole lines, new files, files that are not there, and no escapes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.services.job_logs import CHUNK, FROM_END, Mark, log_text, read_chunk, read_on
from app.transport.runner import Runner
from tests.engine.slurm_builders import job, running
from tests.services.slurm_doors import ShellRunner, jobs_of
from tests.standins.slurm_commands import FakeSlurm, detail

DOORS = [pytest.param(None, id="here"), pytest.param(ShellRunner(), id="there")]


@pytest.mark.parametrize("runner", DOORS)
async def test_a_file_is_read_on_where_it_ended(tmp_path: Path, runner: Runner | None) -> None:
    """A part has whole lines; what is half written comes with the next one."""
    log = tmp_path / "out put's.txt"
    log.write_text("one\ntwo\nthr")
    first = await read_chunk(runner, str(log), 0, None)
    with log.open("a") as file:
        file.write("ee\n")
    second = await read_chunk(runner, str(log), first.offset, first.inode)

    assert ("one\ntwo\n", 8, 11) == (first.text, first.offset, first.size)
    assert ("three\n", 14, 14, False) == (second.text, second.offset, second.size, second.was_truncated)


@pytest.mark.parametrize("runner", DOORS)
async def test_the_end_of_a_large_file_begins_with_a_whole_line(tmp_path: Path, runner: Runner | None) -> None:
    """The last 256 KiB at most."""
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    chunk = await read_chunk(runner, str(log), FROM_END, None)

    assert chunk.text.startswith("line ")
    assert chunk.text.endswith("line 99999\n")
    assert CHUNK - 20 < len(chunk.text) <= CHUNK
    assert chunk.offset == chunk.size


@pytest.mark.parametrize("runner", DOORS)
async def test_a_file_that_was_truncated_begins_anew(tmp_path: Path, runner: Runner | None) -> None:
    """A requeued job opens its output anew: shorter, or another file."""
    log = tmp_path / "log"
    log.write_text("a long first run\n")
    first = await read_chunk(runner, str(log), 0, None)
    log.write_text("again\n")
    second = await read_chunk(runner, str(log), first.offset, first.inode)

    assert ("again\n", True) == (second.text, second.was_truncated)


@pytest.mark.parametrize("runner", DOORS)
async def test_another_file_under_the_name_begins_anew(tmp_path: Path, runner: Runner | None) -> None:
    """By its inode, also where it is longer than the old one."""
    log, other = tmp_path / "log", tmp_path / "other"
    log.write_text("first\n")
    first = await read_chunk(runner, str(log), 0, None)
    other.write_text("a longer second file\n")
    other.replace(log)
    second = await read_chunk(runner, str(log), first.offset, first.inode)

    assert ("a longer second file\n", True) == (second.text, second.was_truncated)


@pytest.mark.parametrize("runner", DOORS)
async def test_a_file_that_was_written_anew_is_known_by_what_it_holds(tmp_path: Path, runner: Runner | None) -> None:
    """Truncated and longer again between two looks, with the same inode: what stood before the mark tells."""
    log = tmp_path / "log"
    log.write_text("the first run\n")
    _, mark = await read_on(runner, str(log), Mark(0))
    log.write_text("another run that has written more\n")
    chunk, mark = await read_on(runner, str(log), mark)
    with log.open("a") as file:
        file.write("and more\n")
    more, _ = await read_on(runner, str(log), mark)

    assert ("another run that has written more\n", True) == (chunk.text, chunk.was_truncated)
    assert ("and more\n", False) == (more.text, more.was_truncated)


@pytest.mark.parametrize("runner", DOORS)
@pytest.mark.parametrize(
    ("kind", "said"), [("none", "is not there yet"), ("folder", "is a folder"), ("pipe", "a pipe")]
)
async def test_why_there_is_nothing(tmp_path: Path, kind: str, said: str, runner: Runner | None) -> None:
    """A note for a person in place of an error; a pipe does not hold us up."""
    path = tmp_path / "log"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    chunk = await read_chunk(runner, str(path), 0, None)

    assert said in chunk.note
    assert "" == chunk.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_of_somebody_else_is_said(tmp_path: Path) -> None:
    """Not allowed is not the same as not there."""
    log = tmp_path / "log"
    log.write_text("x")
    log.chmod(0)

    assert "not allowed" in (await read_chunk(None, str(log), 0, None)).note


@pytest.mark.parametrize("path", ["relative", "/tmp/a\nb", "/" + "x" * 5000])
async def test_paths_that_are_none(path: str) -> None:
    """Neither relative, nor of several lines, nor endless."""
    assert "no usable one" in (await read_chunk(None, path, 0, None)).note


async def test_the_last_line_of_an_ended_job_needs_no_end(tmp_path: Path) -> None:
    """Nobody will write the line break any more."""
    log = tmp_path / "log"
    log.write_text("done")

    assert ("", "done") == (
        (await read_chunk(None, str(log), 0, None)).text,
        (await read_chunk(None, str(log), 0, None, is_over=True)).text,
    )


async def test_a_progress_bar_is_shown_as_it_stands(tmp_path: Path) -> None:
    """A line that overwrites itself by carriage returns is shown in its last state, before it ends."""
    log = tmp_path / "log"
    log.write_bytes(b" 10%|#   |\r 50%|##  |\r")

    chunk = await read_chunk(None, str(log), 0, None)
    assert (" 50%|##  |", 22) == (chunk.text, chunk.offset)


async def test_an_endless_line_is_shown_before_it_ends(tmp_path: Path) -> None:
    """Megabytes without a line break come in parts."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000)
    chunk = await read_chunk(None, str(log), 0, None)

    assert CHUNK == chunk.offset
    assert len(chunk.text) <= 10_000


def test_logs_cannot_move_the_cursor() -> None:
    """Colours, titles, links, controls and right-to-left marks go; the words stay."""
    raw = b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ a\tb\x00\x08\xe2\x80\xae \xff\n"

    assert "red link a      b \ufffd\n" == log_text(raw)


async def test_the_path_is_asked_for_once(tmp_path: Path) -> None:
    """A job of the queue has no path: its details are read, and remembered."""
    folder = tmp_path / "bin"
    folder.mkdir()
    slurm = FakeSlurm(folder)
    slurm.says("scontrol -o -d show job 812", stdout=detail(812).replace("/home/ana", str(tmp_path)))
    (tmp_path / "slurm-812.out").write_text("hello\n")
    jobs = jobs_of(slurm, tmp_path / "state")
    one = running(812, "node-1")
    first = await jobs.read_log(one, "stdout")
    asked = len(slurm.argv)
    second = await jobs.read_log(one, "stdout", first.offset, first.inode)

    assert ("hello\n", "") == (first.text, second.text)
    assert asked == len(slurm.argv)


async def test_a_job_without_output_is_said(tmp_path: Path) -> None:
    """An interactive job has no file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    slurm = FakeSlurm(folder)
    slurm.says("scontrol -o -d show job", stderr="slurm_load_jobs error: Invalid job id specified\n", code=1)

    assert "no output file is known" in (await jobs_of(slurm, tmp_path).read_log(job(5), "stdout")).note
