"""A shell on a node, by the system's ssh: the screen steps aside, and is back when the shell ends."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.domain.clusters import cluster_of
from app.services.deploy.ssh_files import config_with
from app.transport.process import handed_on
from app.tui.desk import Desk
from app.tui.feed import RefusedError

if TYPE_CHECKING:
    from textual.app import App

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}", re.ASCII)
"""A name or an address; never anything that ssh could take for an option."""


def open_shell(desk: Desk, text: str) -> None:
    """Open a shell on the node named, else on the chosen one."""
    if not desk.options.shell:
        raise RefusedError("no shell from here: this login is for the screen alone (GPU_WATCHDOG_NO_SHELL)")
    if desk.moment.snapshot.mode == "simulated":
        raise RefusedError("these nodes are made up: there is nobody to log in to")
    if desk.bridge.replay is not None:
        raise RefusedError("this is the past; } goes back to now")
    name = text.strip() or next(iter(desk.page.chosen_nodes() if desk.page is not None else ()), "")
    if not name:
        raise RefusedError("on which node? Choose one, or write its name, as in :ssh gpu-01")
    if cluster_of(name):
        raise RefusedError(
            f"{name[:60]} is a node of one of several clusters in view: log in to its cluster for a shell"
        )
    config = config_with(desk.options.state_dir, name)
    host = name if config is not None else host_of(desk, name)
    if _HOST.fullmatch(host) is None:
        raise RefusedError(f"{host[:60]!r} is no name that ssh can be given")
    desk.journey(_step_aside(desk, ssh_words(host, "" if config is not None else desk.options.jump, config)))


def host_of(desk: Desk, name: str) -> str:
    """Where a node is reached: by the address that Slurm knows, else by its name."""
    join = desk.moment.join
    told = join.node(name) if join is not None else None
    return (told.host or told.address or told.name) if told is not None else name


def ssh_words(host: str, jump: str, config: Path | None = None) -> tuple[str, ...]:
    """The command; through a login host where the nodes are reached only from there.

    `config` is ssh's configuration where the host is known from a deployment.
    """
    how = ("-F", str(config)) if config is not None else ()
    return ("ssh", *how, "-t", *(("-J", jump) if jump else ()), "--", host)


async def _step_aside(desk: Desk, words: tuple[str, ...]) -> None:
    app = cast("App[None]", desk)
    # Without the batch, timers would paint into a queue that nobody empties, and after thirty frames wait for good.
    with app.batch_update(), app.suspend(), _interrupts_are_the_shells():
        try:
            process = await asyncio.create_subprocess_exec(*words, env=handed_on())
        except OSError as error:
            raise RefusedError(f"ssh cannot be started: {error.strerror}") from error
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
    desk.redraw()
    if code == 255:
        raise RefusedError(f"`{' '.join(words)}` ended with an error of ssh itself; it was told on the terminal")


@contextmanager
def _interrupts_are_the_shells() -> Iterator[None]:
    """Ctrl-C in the shell must not end the screen behind it. A handler, not SIG_IGN: the shell would inherit that."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
