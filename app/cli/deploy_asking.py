"""Who decides about a run of `deploy`: the answer to its questions, and Ctrl-C.

A run that has begun is not torn off: the first Ctrl-C (or SIGTERM, or the end of the terminal) lets what is under way
come to its end. A second one, which cannot be the same one heard twice, leaves at once; the next run then looks for
what was being made.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from collections.abc import Iterator

from app.cli.command import Context
from app.cli.deploy_told import Teller
from app.cli.errors import USAGE, CliError
from app.services.deploy.plans import Question, Removal

STOPPING = "stopping: what is being made is finished first, which may take a minute; Ctrl-C again leaves at once"
AT_ONCE = "leaving at once: the next run, or --destroy, looks for what was being made"
STILL = "still stopping"
TWICE_S = 1.0
"""Signals closer than this are one: a terminal and a shell may both send it."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asker:
    """Shows what is to be decided and waits for a typed word; with `--yes` it is only shown."""

    def __init__(self, args: argparse.Namespace, context: Context, teller: Teller, notes: tuple[str, ...] = ()) -> None:
        """`notes`: what else there is to know before one says yes."""
        self._is_yes: bool = args.yes
        self._context = context
        self._teller = teller
        self._notes = notes

    async def confirm(self, question: Question) -> bool:
        """Whether it is to be done."""
        self._teller.question(question)
        for text in self._notes:
            self._context.output.note(f" {text}")
        is_destroy = isinstance(question, Removal) and question.why == "destroy"
        word = question.name if isinstance(question, Removal) and is_destroy else "yes"
        agreed = self._is_yes
        if not agreed:
            self._context.output.note(f" type {word} to do it; anything else does nothing:")
            agreed = (await typed_line()).strip() == word
        self._teller.resume()
        return agreed


def needs_somebody(args: argparse.Namespace) -> None:
    """Refuse a run that will have to ask where nobody can answer, before it begins. Raises CliError."""
    if not args.yes and not sys.stdin.isatty():
        raise CliError("nothing was done: there is no terminal to ask on; --yes does it without asking", USAGE)


async def typed_line() -> str:
    """A line from the terminal, while everything else, Ctrl-C too, goes on; empty at its end."""
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):  # no file of the system's: a line is there already
        return sys.stdin.readline()
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a plain file: never waited for
        return sys.stdin.readline()
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(descriptor)


class Stop:
    """Whether the run was told to stop from outside."""

    def __init__(self, task: asyncio.Task[object] | None) -> None:
        self.task = task
        """What is cancelled; None: its work is over."""
        self.count = 0
        self.heard_at = -math.inf
        """When the last signal came, by the loop's clock."""

    @property
    def is_asked(self) -> bool:
        """It was."""
        return self.count > 0

    def hear(self, now: float) -> bool:
        """Count a signal; False: it is the one before, heard twice."""
        is_new = now - self.heard_at >= TWICE_S
        self.count += is_new
        self.heard_at = now
        return is_new

    def met(self) -> None:
        """The run has come to its end: what follows is no longer cancelled."""
        while self.task is not None and self.task.cancelling():
            self.task.uncancel()
        self.task = None


@contextlib.contextmanager
def stopping(teller: Teller, told: str) -> Iterator[Stop]:
    """While this lasts, the first two signals cancel the task that is in it, the first telling `told`."""
    stop, loop = Stop(asyncio.current_task()), asyncio.get_running_loop()

    def heard() -> None:
        if not stop.hear(loop.time()):
            return
        teller.note({1: told, 2: AT_ONCE}.get(stop.count, STILL))
        if stop.count <= 2 and stop.task is not None:
            stop.task.cancel()

    # What whoever started us had ignored stays so: `nohup` lets a run go on when its terminal ends.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
