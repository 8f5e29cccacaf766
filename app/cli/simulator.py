"""A feed on a simulated cluster: the simulator is a child process, read by the real collectors.

The history lies in a folder that goes with the feed. It begins with the hours before the start, which another child
writes (`app.cli.simulated_past`) while the screen already shows what is now.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import field, replace
from pathlib import Path

import app
from app.cli.simulated_past import Task
from app.config.load import parse
from app.config.settings import Settings
from app.domain.frozen import frozen
from app.domain.series import FLEET, Event
from app.runtime.collecting import Collecting, collecting
from app.runtime.options import RuntimeOptions
from app.services.feed import Feed
from app.services.recording import Keeper
from app.sim.process import spawn
from app.sim.slurm.tools import install
from app.sim.spec import SimSpec
from app.store.sqlite import open_store
from app.transport.clock import Clock
from app.transport.process import ProcessError, run
from app.transport.tasks import Tasks

INTERVAL_S = 2.0
"""Between two looks at the simulated pages; the kept past has a sample every five of these."""
PAST_S = 120.0
"""Seconds the writing of the past may take; a screen without history is better than none."""


@frozen
class Wish:
    """Which simulated cluster, and what the user has set besides."""

    spec: SimSpec = field(default_factory=SimSpec)
    settings: Settings = field(default_factory=Settings)
    folder: Path | None = None
    """Where Slurm's commands and the jobs' output are put; None: in a folder of the feed's own."""
    why: str = ""
    """Told as the first event: why there is nothing real to see."""
    settle: Callable[[Settings], None] = lambda _settings: None
    """Told the settings that the cluster is read with."""


@contextlib.asynccontextmanager
async def simulated_feed(wish: Wish, clock: Clock) -> AsyncIterator[Feed]:
    """A feed on a simulated cluster of its own. Raises OSError, for a person, when the simulator does not start."""
    origin = clock.now()
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-demo-", dir=wish.folder) as folder:
        base = wish.folder or Path(folder)
        home = base / "home"
        simulator = await spawn(wish.spec, origin=origin, home=home)
        try:
            config = install(commands_in(base), simulator.address).config_text()
            settings = settings_for(config, wish.settings)
            wish.settle(settings)
            path, interval_s = Path(folder) / "history.db", settings.cluster.interval_s
            task = Task(wish.spec, origin, config, interval_s, path, str(home))
            options = RuntimeOptions(state_dir=Path(folder), clock=clock)
            async with collecting(settings, options) as parts, Tasks() as tasks:
                if wish.why:
                    text = f"this is a simulated cluster, since {wish.why}"
                    parts.board.note(Event(clock.now(), "run.start", "info", FLEET, text))
                parts.feed.expect("the simulated past is still being made up: it takes some seconds")
                tasks.start(_keep(parts, task, clock), "history of the simulated cluster")
                yield parts.feed
        finally:
            await simulator.close()


def commands_in(folder: Path) -> Path:
    """Where below a simulator's folder Slurm's commands are."""
    return folder / "bin"


def settings_for(config: str, given: Settings) -> Settings:
    """The simulator's targets with what the user set besides; the store is opened once the past is in it.

    Rules and faults are judged as in life, but nobody is told: what is simulated wakes no one.
    """
    found = parse(config, "the simulated cluster")
    cluster = replace(
        found.cluster,
        name=given.cluster.name or found.cluster.name,
        interval_s=max(INTERVAL_S, found.cluster.interval_s),
    )
    prices = given.prices or found.prices
    return replace(
        given,
        cluster=cluster,
        target=found.target,
        slurm=found.slurm,
        store=replace(given.store, path="none"),
        alerts=replace(given.alerts, notify_file="", alertmanager=()),
        prices=prices,
    )


async def _keep(parts: Collecting, task: Task, clock: Clock) -> None:
    """Write the past, then keep what comes, until cancelled."""
    command = [sys.executable, "-P", "-m", "app.cli.simulated_past"]
    with contextlib.suppress(ProcessError):
        await run(command, PAST_S, env=child_environment(os.environ), stdin=task.to_json().encode())
    history = await open_store(task.path, clock.now, want_lease=True)
    try:
        parts.feed.keep(history)
        await Keeper(parts.board, history, clock, task.interval_s).run()
    finally:
        await history.close()


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a child finds the same code, whatever lies in the current folder."""
    ours = str(Path(app.__file__).parents[1])
    paths = [ours, *(entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry)]
    return {**environ, "PYTHONPATH": os.pathsep.join(paths)}
