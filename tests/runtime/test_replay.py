"""A recording made in one process replays in another, with a state folder of its own, to the same answers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli.status_table import status_lines
from app.config.settings import Cluster, Log, Settings, Slurm, Target
from app.present.cells import line_text
from app.runtime.collecting import collecting
from app.runtime.options import RuntimeOptions
from app.services import queries, queries_diagnosis
from app.services.recorder.container import blocks
from app.services.recorder.player import Player
from app.services.recorder.sinks import ring
from app.sim.server import serve
from app.sim.slurm.tools import install
from app.sim.spec import SimSpec

XID = "kernel: NVRM: Xid (PCI:0000:1b:00): 79, pid=1234, name=python, GPU has fallen off the bus."


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording, and what the process that made it answered."""

    file: Path
    now: float
    status: dict[str, Any]
    diagnosis: dict[str, Any]
    picture: str


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A simulated cluster of two nodes with trouble, its Slurm and a log."""
    spec = SimSpec(nodes=2, gpus=4, scenario="showcase", speed=20)
    running = await serve(spec, time.time, home=tmp_path / "home")
    address = install(tmp_path / "bin", running.address)
    targets = tuple(Target(url=url, node=node if kind != "vllm" else "") for url, node, kind in running.targets())
    log = tmp_path / "kern.log"
    log.write_text("", "utf-8")
    yield Settings(
        cluster=Cluster(name="lab", interval_s=0.3),
        target=(*targets, Target(url="http://127.0.0.1:9/metrics", name="nobody")),
        slurm=Slurm(via="local", bin_dir=str(address.bin_dir)),
        log=(Log(kind="kernel", node="gpu-01", path=str(log)),),
    )
    await running.close()


async def recorded(settings: Settings, folder: Path) -> Recorded:
    """Collect for a while with the flight recorder on, and keep what was answered last."""
    options = RuntimeOptions(state_dir=folder / "state", environ=dict(os.environ))
    async with collecting(settings, options) as parts:
        recorder = parts.recorder
        assert recorder is not None
        await asyncio.sleep(1.5)
        await asyncio.to_thread(Path(settings.log[0].path).write_text, f"{XID}\n", "utf-8")
        async with asyncio.timeout(20):
            while not any(one.fault for one in parts.feed.diagnosis().findings):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)
        for _ in range(4):  # it writes by itself every five seconds
            await recorder.flush(parts.history)
            await asyncio.sleep(0.4)
        while recorder.clock.is_held:  # noqa: ASYNC110 - a step under way is over at no moment of a recording
            await asyncio.sleep(0.005)
        with recorder.clock.held() as now:
            snapshot, feed = parts.feed.latest(), parts.feed
            status = queries.status(snapshot, now, feed.watched(), feed.alerts())
            diagnosis = queries_diagnosis.answer(feed.diagnosis(), feed.diagnosis().at - 1800.0)
            lines = status_lines(snapshot, now, 120, replay_at=now, ascii_only=True)
        await asyncio.sleep(0.7)  # something is seen after that moment too: a recording ends with the last it saw
        await recorder.flush(parts.history)
    (file,) = [one.path for one in ring(folder / "state" / "flight")]
    return Recorded(file, now, status, diagnosis, "\n".join(line_text(one).rstrip() for one in lines))


async def answered(folder: Path, *words: str) -> str:
    """What a command prints in a process and a state folder of its own."""

    def run() -> str:
        environ = {**os.environ, "GPU_WATCHDOG_STATE_DIR": str(folder / "other"), "COLUMNS": "120"}
        words_all = [sys.executable, "-m", "app", *words]
        return subprocess.run(words_all, env=environ, capture_output=True, text=True, check=False).stdout

    return await asyncio.to_thread(run)


async def test_another_process_answers_the_same(settings: Settings, tmp_path: Path) -> None:
    """status, diagnose and the picture of a moment are those of the process that saw it, but for the word `replay`."""
    made = await recorded(settings, tmp_path)
    at = ("--replay", str(made.file), "--at", f"{made.now:.6f}")

    status, diagnosis, table = await asyncio.gather(
        answered(tmp_path, "status", "--json", *at),
        answered(tmp_path, "diagnose", "--json", *at),
        answered(tmp_path, "status", "--screen-ascii", *at),
    )

    assert {**made.status, "mode": "replay"} == json.loads(status)
    assert made.diagnosis == json.loads(diagnosis)
    assert made.diagnosis["findings"]
    assert made.picture.splitlines() == [one.rstrip() for one in table.splitlines()]


async def test_a_kill_costs_the_end_and_nothing_before(settings: Settings, tmp_path: Path) -> None:
    """A recording that was cut off anywhere replays to its last whole block."""
    made = await recorded(settings, tmp_path)
    with made.file.open("rb") as file:
        whole = list(blocks(file))
    cut = tmp_path / "cut.rec"
    cut.write_bytes(made.file.read_bytes()[: whole[-3].end + 20])

    player = Player(cut)
    await player.seek(player.end)

    assert whole[-3].at == player.end < whole[-1].at
    assert 8 == sum(1 for _ in player.feed.latest().gpus())
    assert not player.damage
    await player.close()


async def test_a_recording_plays_on_and_back_and_has_a_past(settings: Settings, tmp_path: Path) -> None:
    """Going back and on again comes to the same picture; its past is a history of its own."""
    made = await recorded(settings, tmp_path)
    player = Player(made.file)
    middle = (player.start + made.now) / 2
    await player.seek(middle, keep=True)
    first = queries.status(player.feed.latest(), middle)
    await player.seek(player.end)
    moments = await player.feed.moments(player.start, player.end)

    await player.seek(middle)

    assert first == queries.status(player.feed.latest(), middle)
    assert len(moments) > 3
    assert moments[-1] > middle
    await player.close()
