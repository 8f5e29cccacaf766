"""Logs from elsewhere: a pod's exporter, a script on a host, a journal; each line once, and errors for a person."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.config.settings import Log
from app.sources.logs.by_file import FileWay
from app.sources.logs.by_journal import JournalWay
from app.sources.logs.by_ssh import SshWay
from app.sources.logs.by_url import UrlWay
from app.sources.logs.look import LogError, LogWay
from app.transport.clock import SystemClock
from app.transport.runner import LocalRunner
from app.transport.scrape import ScrapeClient
from pod.logs import Logs
from pod.nvml import NvmlUnavailableError, Reader
from pod.routes import Routes
from pod.sampler import Sampler
from pod.server import Server
from pod.xid import Ledger

RUNNER = LocalRunner({"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with two lines, its name no friend of shells."""
    file = tmp_path / "it's a $(log).log"
    file.write_text("one\ntwo\n")
    return file


def add(path: Path, *lines: str) -> None:
    """Write lines at the end."""
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def write(path: Path, text: str) -> None:
    """Write a file anew, in place."""
    path.write_text(text)


def rotate(path: Path) -> None:
    """Rename a log, as its rotation does."""
    path.rename(path.with_name(f"{path.name}.1"))


def no_reader() -> Reader:
    """There is no driver here."""
    raise NvmlUnavailableError(9, "not opened here")


@asynccontextmanager
async def pod_of(path: Path, token: str | None = None) -> AsyncIterator[str]:
    """The pod exporter's own server, serving a log; gives its address."""
    sampler, logs = Sampler(no_reader, 1.0), Logs({"kernel": path})
    routes = Routes(sampler, Ledger(), logs, version="0.1", hostname="n", interval_s=1.0)
    server = Server(routes, token)
    try:
        yield f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}/logs/kernel"
    finally:
        await server.close()


@asynccontextmanager
async def way_of(kind: str, path: Path) -> AsyncIterator[LogWay]:
    """A way of each kind to one log."""
    if kind == "file":
        yield FileWay(str(path))
    elif kind == "ssh":
        yield SshWay(RUNNER, str(path), SystemClock())
    else:
        async with pod_of(path) as url, ScrapeClient() as client:
            yield UrlWay(Log(url=url), client, SystemClock())


async def lines(way: LogWay) -> list[str]:
    """What one look brings."""
    return list((await way.look(10.0)).lines)


@pytest.mark.parametrize("kind", ["file", "ssh", "url"])
async def test_each_way_gives_every_line_once(kind: str, path: Path) -> None:
    """What stood there is history; then what is new, unfinished lines when they are whole."""
    async with way_of(kind, path) as way:
        first = await way.look(10.0)
        add(path, "three")
        with path.open("a") as file:
            file.write("fo")
        second = await way.look(10.0)
        add(path, "ur")
        third = await lines(way)
        fourth = await lines(way)
        await way.close()

    assert (["one", "two"], True) == (list(first.lines), first.is_history)
    assert (["three"], False) == (list(second.lines), second.is_history)
    assert (["four"], []) == (third, fourth)


@pytest.mark.parametrize("kind", ["file", "ssh", "url"])
async def test_each_way_follows_a_rotation(kind: str, path: Path) -> None:
    """The rest of the rotated file comes before the new one, which may be rotated again."""
    async with way_of(kind, path) as way:
        await way.look(10.0)
        found: list[str] = []
        for number in range(3):
            add(path, f"before {number}")
            rotate(path)
            add(path, f"after {number}")
            look = await way.look(10.0)
            found += look.lines
            assert "" == look.lost
        await way.close()

    assert [f"{when} {number}" for number in range(3) for when in ("before", "after")] == found


@pytest.mark.parametrize("kind", ["ssh", "url"])
async def test_emptied_log_begins_anew_and_says_so(kind: str, path: Path) -> None:
    """A log emptied in place is read from its start, and the look tells that something may be lost."""
    async with way_of(kind, path) as way:
        await way.look(10.0)
        write(path, "new\n")
        look = await way.look(10.0)
        await way.close()

    assert ["new"] == list(look.lines)
    assert "may be lost" in look.lost


@pytest.mark.parametrize("kind", ["ssh", "url"])
async def test_clock_and_boot_are_told(kind: str, path: Path) -> None:
    """The other machine's clock and boot come along: here they are this machine's own."""
    async with way_of(kind, path) as way:
        look = await way.look(10.0)
        await way.close()

    assert 1.0 > abs(look.offset_s or 99.0)
    assert 1e9 < (look.boot_at or 0.0)


@pytest.mark.parametrize("kind", ["ssh", "url"])
async def test_large_log_is_read_from_near_its_end(kind: str, path: Path) -> None:
    """Of a log of many megabytes whole lines of its end come at first, and all later ones."""
    write(path, "".join(f"line {number:07d}\n" for number in range(300_000)))
    async with way_of(kind, path) as way:
        first = await lines(way)
        add(path, *(f"more {number:07d}" for number in range(100_000)))
        found: list[str] = []
        while more := await lines(way):
            found += more
        await way.close()

    assert "line 0299999" == first[-1]
    assert {12} == {len(one) for one in first}
    assert [f"more {number:07d}" for number in range(100_000)] == found


async def test_missing_log_is_a_sentence(tmp_path: Path) -> None:
    """Each way says what is not there."""
    gone = tmp_path / "gone"
    async with pod_of(gone) as url, ScrapeClient() as client:
        for way, expected in (
            (FileWay(str(gone)), r"gone is not there; see settings: log\.path"),
            (SshWay(RUNNER, str(gone), SystemClock()), "gone on this machine cannot be read"),
            (UrlWay(Log(url=url), client, SystemClock()), "503"),
            (UrlWay(Log(url=url.replace("kernel", "other")), client, SystemClock()), "404"),
        ):
            with pytest.raises(LogError, match=expected):
                await way.look(10.0)


async def test_pod_asks_for_its_token(path: Path, tmp_path: Path) -> None:
    """Without the token the log is refused; with it, read."""
    secret = tmp_path / "token"
    secret.write_text("a-token-of-some-length\n")
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)
    async with pod_of(path, "a-token-of-some-length") as url, ScrapeClient() as client:
        with pytest.raises(LogError, match="401"):
            await UrlWay(Log(url=url), client, SystemClock()).look(10.0)
        good = UrlWay(Log(url=url, token_file=str(secret)), client, SystemClock())

        assert ["one", "two"] == await lines(good)


async def test_page_that_is_no_log_is_refused(path: Path) -> None:
    """An address of the exporter that is no log says what to give instead."""
    async with pod_of(path) as url, ScrapeClient() as client:
        with pytest.raises(LogError, match="give the address of one, as in /logs/kernel"):
            await UrlWay(Log(url=url.replace("/kernel", "")), client, SystemClock()).look(10.0)


JOURNALCTL = """#!/usr/bin/env python3
import json, pathlib, sys
entries = [json.loads(one) for one in pathlib.Path({entries!r}).read_text().splitlines()]
after = [one.split("=", 1)[1] for one in sys.argv if one.startswith("--after-cursor=")]
since = [float(one.split("@", 1)[1]) for one in sys.argv if one.startswith("--since=@")]
if after:
    known = [one["__CURSOR"] for one in entries]
    if after[0] not in known:
        sys.exit("Failed to seek to cursor: Invalid argument")
    entries = entries[known.index(after[0]) + 1:]
if since:
    entries = [one for one in entries if int(one["__REALTIME_TIMESTAMP"]) / 1e6 >= since[0]]
print(*(json.dumps(one) for one in entries), sep="\\n")
"""
"""What journalctl 252 … 257 does with a cursor, as seen of the real one: it fails for one that it does not know."""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Entries of a journal that a stand-in for journalctl serves."""
    entries = tmp_path / "entries"
    entries.touch()
    command = tmp_path / "bin" / "journalctl"
    command.parent.mkdir()
    command.write_text(JOURNALCTL.format(entries=str(entries)))
    command.chmod(0o755)
    return entries


def enter(journal: Path, number: int, text: str) -> None:
    """Add an entry of the kernel's."""
    entry = {"__CURSOR": f"c{number}", "__REALTIME_TIMESTAMP": str((1_764_000_000 + number) * 1_000_000)}
    entry |= {"MESSAGE": text, "_TRANSPORT": "kernel", "_BOOT_ID": "b"}
    with journal.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def vacuum(journal: Path, number: int) -> None:
    """Make the journal forget an entry's cursor."""
    journal.write_text(journal.read_text().replace(f'"c{number}"', '"gone"'))


async def test_journal_goes_on_behind_its_cursor(journal: Path) -> None:
    """Each entry comes once; a cursor that the journal no longer knows is told, and nothing comes twice."""
    runner = LocalRunner({"PATH": f"{journal.parent / 'bin'}:{os.environ['PATH']}"})
    way = JournalWay(runner, "", SystemClock(), is_kernel=True)
    enter(journal, 1, "one")
    first = await way.look(10.0)
    idle = await way.look(10.0)
    enter(journal, 2, "two")
    second = await way.look(10.0)
    vacuum(journal, 2)
    enter(journal, 3, "three")
    third = await way.look(10.0)

    assert ([("one", True)], True) == ([(one.text, one.is_kernel) for one in first.parsed], first.is_history)
    assert () == idle.parsed
    assert ["two"] == [one.text for one in second.parsed]
    assert ["three"] == [one.text for one in third.parsed]
    assert "no longer knows where we were" in third.lost


async def test_journal_that_hides_the_kernel_is_an_error(journal: Path) -> None:
    """A journal without any kernel message is none that this user may read, and not a healthy machine."""
    runner = LocalRunner({"PATH": f"{journal.parent / 'bin'}:{os.environ['PATH']}"})
    way = JournalWay(runner, "", SystemClock(), is_kernel=True)
    with pytest.raises(LogError, match="no kernel messages that this user may read: add it to the group"):
        await way.look(10.0)
    enter(journal, 1, "one")

    assert ["one"] == [one.text for one in (await way.look(10.0)).parsed]


async def test_machine_without_a_journal_says_so() -> None:
    """Where there is no journalctl the error names it."""
    with pytest.raises(LogError, match="journalctl: no such command"):
        await JournalWay(LocalRunner({"PATH": "/nonexistent"}), "", SystemClock(), is_kernel=True).look(5.0)
