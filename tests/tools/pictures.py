"""Writes the pictures under docs/pictures anew: `python -m tests.tools.pictures [--png FOLDER] [NAME…]`.

Each is the real screen on a frozen board, so pictures change only when the screen does. `--png` writes PNGs into
another folder as well (needs rsvg-convert), to be looked at before anything is committed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from app.domain.series import Event, Subject

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("dark", "light")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what to type, and on which board."""

    name: str
    typed: tuple[str, ...] = ()
    nodes: int = 0
    """0: the small board with every kind of trouble; else a fleet of so many nodes."""
    has_slurm: bool = False
    """The board with Slurm's jobs instead."""
    has_incidents: bool = False
    """Something is wrong, and was explained."""
    deployment: str = ""
    """The phase of a rented cluster (`tests.tui.infra_phases`) that is on disk; empty: none."""
    has_alerts: bool = False
    """Rules are evaluated, and some fire."""
    keys: tuple[str, ...] = ()
    """Pressed after what was typed."""
    question: str = ""
    """Asked in the chat that those keys opened; empty: none."""
    then: tuple[str, ...] = ()
    """Pressed when it is answered."""


PICTURES = (
    Picture("home", has_slurm=True),
    Picture("trouble"),
    Picture("queue", (":queue",), has_slurm=True),
    Picture("job", (":job 812",), has_slurm=True),
    Picture("waiting", (":job 831",), has_slurm=True),
    Picture("incidents", (":incidents",), has_slurm=True, has_incidents=True, keys=("e",)),
    Picture(
        "consequences",
        (":incidents",),
        has_slurm=True,
        has_incidents=True,
        keys=("space", "enter", "end"),
    ),
    Picture("no-incident", (":incidents",), has_slurm=True),
    Picture("home-incident", has_incidents=True),
    Picture("gpu-incident", (":gpu gpu-01/5",), has_incidents=True),
    Picture("alerts", (":alerts",), has_alerts=True),
    Picture("silence", (":alerts",), has_alerts=True, keys=("z",)),
    Picture("rules", (":rules",), has_alerts=True),
    Picture("rule", (":rule GpuWarm",), has_alerts=True),
    Picture("rule-mistake", (":rule GpuWarm",), has_alerts=True, keys=("end", "backspace", "x")),
    Picture("infra", (":infra",), deployment="ready"),
    Picture("infra-empty", (":infra",), deployment="empty"),
    Picture("infra-new", (":infra",), deployment="form"),
    Picture("infra-plan", (":infra",), deployment="plan"),
    Picture("infra-question", (":infra",), deployment="question"),
    Picture("infra-under-way", (":infra",), deployment="under-way"),
    Picture("infra-failed", (":infra",), deployment="failed"),
    Picture("infra-destroy", (":infra",), deployment="destroy"),
    Picture("infra-destroying", (":infra",), deployment="destroying"),
    Picture("infra-destroyed", (":infra",), deployment="destroyed"),
    Picture("partitions", (":partitions",), has_slurm=True),
    Picture("submit", (":submit",), has_slurm=True),
    Picture("cancel", (":queue", ":cancel 815"), has_slurm=True),
    Picture("by-job", (":color job",), has_slurm=True),
    Picture("slurm-node", (":node gpu-03",), has_slurm=True),
    Picture("gpu", (":gpu gpu-01/0",)),
    Picture("node", (":node gpu-01",)),
    Picture("gpus", (":gpus",)),
    Picture("sources", (":sources",)),
    Picture("services", (":services",)),
    Picture("heat", (":heat",), nodes=128),
    Picture("ask", has_slurm=True, keys=("a",), question="why is job 812 slow?"),
    Picture("chat", has_slurm=True, keys=("5",), question="why is job 812 slow?", then=("tab",)),
    Picture("chats", has_slurm=True, keys=("5", "ctrl+r")),
    Picture("help", (":help",)),
    Picture("replay", (":at 15:30",)),
)


_AT = 1_764_000_000.0
OF_JOBS = (
    Event(_AT - 2460, "job.started", "info", Subject("job", key="815"), "job 815 (bo, eval) started on gpu-03"),
    Event(
        _AT - 300,
        "finding.began",
        "warning",
        Subject("gpu", node="gpu-01", index=3),
        "job 812 (ana, llama-ft): 1 of its 12 GPUs idle for 41 min; 0.7 GPU-hours, $1.70 lost",
    ),
)
"""What happened lately on the board with Slurm's jobs."""


async def paint(picture: Picture, size: tuple[int, int], theme: str) -> str:
    """The SVG of one picture."""
    from tests.present.fleets import troubled
    from tests.present.slurm_fleet import slurm_fleet
    from tests.tui.alarms import alarmed, evaluator
    from tests.tui.boards import EVENTS, full, healthy
    from tests.tui.diagnoses import calm, troubles
    from tests.tui.driving import driving
    from tests.tui.fake_chat import answering, ask
    from tests.tui.fake_chat import opening as opening_chat
    from tests.tui.fake_jobs import FakeJobs, opening
    from tests.tui.infra_phases import come_to, in_phase

    board = slurm_fleet() if picture.has_slurm else troubled(picture.nodes) if picture.nodes else full()
    with tempfile.TemporaryDirectory() as folder, in_phase(picture.deployment, Path(folder)) as (infra, phase):
        events = OF_JOBS if picture.has_slurm else EVENTS
        jobs = opening(FakeJobs())
        chat = opening_chat(answering())
        async with driving(
            Path(folder), board, size, events=events, theme=theme, jobs=jobs, chat=chat, infra=infra
        ) as drive:
            drive.feed.past = {drive.feed.now() - 1800: healthy()}
            drive.feed.diagnosed = troubles() if picture.has_incidents else calm()
            if picture.has_alerts:
                drive.feed.alerted, drive.feed.alerting = alarmed(), evaluator(board)
            drive.app.on_fresh()
            for line in picture.typed:
                await drive.type(line)
            await drive.press(*picture.keys)
            if picture.deployment:
                await come_to(drive, phase)
            if picture.question:
                await ask(drive, picture.question)
            await drive.press(*picture.then)
            await drive.app.workers.wait_for_complete()
            await drive.pilot.pause()
            return drive.app.export_screenshot(title="gpu-watchdog")


def to_png(svg: str, path: Path) -> None:
    """Convert for looking at; the font is replaced by one that is there."""
    from tests.widgets.harness import _redrawn

    source = path.with_suffix(".svg")
    source.write_text(_redrawn(svg), "utf-8")
    subprocess.run(["rsvg-convert", "-o", str(path), str(source)], check=True)
    source.unlink()


def main(words: Sequence[str]) -> int:
    """Paint what is asked for; everything where nothing is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--png", type=Path, help="write PNGs into this folder as well")
    parser.add_argument("--only", action="store_true", help="write no SVG under docs")
    parser.add_argument("names", nargs="*", help="names such as home or home-80x24-dark")
    asked = parser.parse_args(words)
    os.environ.update(TZ="UTC", LC_ALL="C.UTF-8")
    time.tzset()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture, size, theme in product(PICTURES, SIZES, THEMES):
        name = f"{picture.name}-{size[0]}x{size[1]}-{theme}"
        if asked.names and not any(name.startswith(wanted) for wanted in asked.names):
            continue
        svg = asyncio.run(paint(picture, size, theme))
        if not asked.only:
            (FOLDER / f"{name}.svg").write_text(svg, "utf-8")
        if asked.png:
            asked.png.mkdir(parents=True, exist_ok=True)
            to_png(svg, asked.png / f"{name}.png")
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
