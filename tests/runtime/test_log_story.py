"""From a line in a log to what people see: the whole program, on real files and the real clock."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from app.config.load import parse
from app.domain.series import Event
from app.runtime.collecting import Collecting, collecting
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions

INTERVAL_S = 0.2
LINE = "[{:.3f}] NVRM: Xid (PCI:0000:19:00): {}, pid=77, name=train.py, GPU has fallen off the bus.\n"


def config(log: Path) -> str:
    """A configuration with one log and nothing else."""
    return (
        f"[cluster]\ninterval_s = {INTERVAL_S}\n[discover]\nlocal = false\n"
        "[slurm]\nvia = 'off'\n[store]\npath = 'none'\n"
        f"[[log]]\nkind = 'kernel'\nnode = 'node-1'\npath = '{log}'\n"
    )


async def event_of(parts: Collecting, kind: str) -> Event:
    """The first event of a kind; gives up after ten seconds."""
    async with asyncio.timeout(60):
        async for _ in parts.board.changes():
            found = next((one for one in parts.board.recent if one.kind == kind), None)
            if found is not None:
                return found
    raise AssertionError(kind)


def append(path: Path, text: str) -> float:
    """Write to a log; when that was."""
    with path.open("a") as file:
        file.write(text)
    return time.time()


async def test_line_is_an_event_within_an_interval(tmp_path: Path) -> None:
    """A line becomes an event within one interval and a second, with the time it was said at, across a rotation too."""
    log = tmp_path / "kern.log"
    append(log, LINE.format(100.0, 31))
    options = RuntimeOptions(tmp_path / "state", write=False)
    async with collecting(parse(config(log), "lab.toml"), options) as parts:
        async for snapshot in parts.board.changes():
            if snapshot.logs:
                break
        written = append(log, LINE.format(160.0, 79))
        told = await event_of(parts, "log.xid")
        seen = time.time()
        rotate(log)
        append(log, "[161.0] nfs: server 10.0.0.1 not responding, timed out\n")
        stalled = await event_of(parts, "log.fs.nfs_down")

    assert ("critical", "node:node-1") == (told.severity, str(told.subject))
    assert "node-1 Xid 79 (0000:19:00): pid=77, name=train.py, GPU has fallen off the bus." == told.text
    assert INTERVAL_S + 1.0 > seen - written
    assert 2.0 > abs(told.at - written)
    assert "critical" == stalled.severity


async def test_line_is_an_incident_within_two_intervals(tmp_path: Path) -> None:
    """What the log says is diagnosed at the next evaluation, and the alert rules see the finding at the same one."""
    log = tmp_path / "kern.log"
    append(log, LINE.format(100.0, 31))
    async with collecting(parse(config(log), "lab.toml"), RuntimeOptions(tmp_path / "state")) as parts:
        async with asyncio.timeout(60):
            while not parts.feed.diagnosis().at:  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.02)
        written = append(log, LINE.format(160.0, 79))
        told = await event_of(parts, "incident.began")
        found = next(one for one in parts.feed.diagnosis().findings if one.severity == "critical")

    assert ("B1", "node-1") == (found.code, found.subject.node)
    assert 2 * INTERVAL_S + 1.0 > told.at - written


async def test_one_look_brings_what_stands_there(tmp_path: Path) -> None:
    """A command that looks once has the log's evidence as history, and says nothing of news."""
    log = tmp_path / "kern.log"
    append(log, LINE.format(100.0, 79))
    snapshot = await look_once(parse(config(log), "lab.toml"), RuntimeOptions(tmp_path / "state", write=False))

    assert [(79, True, "node-1")] == [(one.code, one.is_history, one.node) for one in snapshot.logs]


def rotate(path: Path) -> None:
    """Rename a log, as its rotation does."""
    path.rename(path.with_name(f"{path.name}.1"))
