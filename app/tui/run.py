"""Opens the screen: prepares the terminal, runs the app and the feed side by side, leaves the terminal as it was.

Textual is imported here and not before, since it reads the environment when it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from app.transport import turns
from app.tui import terminal

if TYPE_CHECKING:
    from app.tui.app import Watchdog
    from app.tui.options import Connect, ScreenOptions

USAGE, CRASHED = 64, 70
CLOSE_S = 3.0
"""The feed may take this long to close once the terminal is gone."""
HARD_END_S = 8.0
"""After a signal, the process ends by then, come what may."""
RUN_END_S = 60.0
"""The same while a deployment is worked on: Terraform ends what it is making first, or nobody would know of it."""
_LOG_MOST_BYTES = 1_000_000
_SWITCH_S = 0.0005
"""How long a thread at work keeps another waiting each time they take turns: a key needs some turns to be seen, and at
Python's own 5 ms it is late whenever a queue of thousands is read or judged. So would the first frame be, which a
thread of Textual's writes while the feed's code is loaded."""
_TIDY_S = 30.0
"""Between two searches for garbage; they wait until nobody has typed for a while and no answer comes, for walking over
ten thousand jobs holds a key or a frame up for 0.1 s. Python's own searches, which wait for nobody, stay off."""
_QUIET_S = 2.0
_LONGEST_S = 300.0
"""Who types or is answered without a pause is held up this often after all."""


def run(connect: Connect, options: ScreenOptions) -> int:
    """Show the screen until the user leaves; returns the exit code.

    64: there is no terminal to show it on. 70: the program made a mistake; one line says where it is written down.
    """
    is_browser = terminal.is_browser(os.environ)
    why_not = "" if is_browser else terminal.refusal((sys.__stdin__, sys.__stderr__), os.environ)
    if why_not:
        print(f"gpu-watchdog: {why_not}", file=sys.stderr)  # noqa: T201 - before the screen there is only stderr
        return USAGE
    terminal.ease_slow_link(os.environ)
    for stream in (sys.__stdin__, sys.__stderr__):
        if stream is not None and not is_browser:
            terminal.give_size(stream.fileno())
    gc.disable()  # nothing made while starting is garbage, and looking for it takes a twentieth of the start
    from app.tui.app import Watchdog  # noqa: PLC0415 - after the environment is set

    if not is_browser and not terminal.speaks_utf8(os.environ):
        options = replace(options, ascii=True)
    sys.setswitchinterval(_SWITCH_S)
    with _logging_to(options.log_file):
        app = Watchdog(connect, options)
        code = asyncio.run(_show(app))
    if app.crash is not None:
        said = f"{type(app.crash).__name__}: {app.crash}".splitlines()[0][:200]
        print(  # noqa: T201 - after the screen there is only stderr
            f"gpu-watchdog: the screen had to end by a mistake of this program ({said}); details: {options.log_file}",
            file=sys.stderr,
        )
        return CRASHED
    return code


async def _show(app: Watchdog) -> int:
    """The app and the feed side by side; the feed is closed when the app has given the terminal back."""
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(app.feeding(), name="feed")
        starting = group.create_task(_started(app), name="start")
        watching = group.create_task(_watch_terminal(app, feeding), name="terminal")
        with _signals(app, feeding):
            try:
                await app.run_async()
            finally:
                starting.cancel()
                watching.cancel()
                feeding.cancel()
    return app.return_code or 0


async def _started(app: Watchdog) -> None:
    """After the first frame, leave what the start made out of every later search for garbage.

    Such searches are made only while nobody types and no answer comes.
    """
    await app.painted.wait()
    gc.freeze()
    wait_s, waited_s = _TIDY_S, 0.0
    while True:
        await asyncio.sleep(wait_s)
        waited_s += wait_s
        is_quiet = turns.quiet_s() >= _QUIET_S and not _is_answering(app)
        if is_quiet or waited_s >= _LONGEST_S:
            gc.collect()
            wait_s, waited_s = _TIDY_S, 0.0
        else:
            wait_s = _QUIET_S


def _is_answering(app: Watchdog) -> bool:
    """Whether an answer is coming, whose frames a search would hold up."""
    return app.bridge.talk is not None and app.bridge.talk.is_answering


def _is_deploying(app: Watchdog) -> bool:
    """Whether a run on a deployment goes on in this program."""
    return app.bridge.infra is not None and bool(app.bridge.infra.runs)


async def _watch_terminal(app: Watchdog, feeding: asyncio.Task[None]) -> None:
    """End the process when the terminal is gone and nobody sent a signal: Textual would spin on its empty input."""
    fileno = sys.__stdin__.fileno() if sys.__stdin__ else 0
    while not terminal.is_browser(os.environ):  # whose driver sees itself when the browser's server is gone
        await asyncio.sleep(1)
        if terminal.is_gone(fileno):
            await _end_without_terminal(app, feeding)


async def _end_without_terminal(app: Watchdog, feeding: asyncio.Task[None]) -> None:
    """Close the feed, then end at once: restoring a terminal that is gone would block on its full queue."""
    close_s = RUN_END_S if _is_deploying(app) else CLOSE_S
    feeding.cancel()
    await asyncio.wait({feeding}, timeout=close_s)
    os._exit(128 + signal.SIGHUP)


@contextlib.contextmanager
def _signals(app: Watchdog, feeding: asyncio.Task[None]) -> Iterator[None]:
    """SIGTERM leaves as `q` does; SIGHUP closes the feed and goes."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        ends.add(loop.create_task(_end_without_terminal(app, feeding)))

    def received(number: int, _frame: object) -> None:
        # Not loop.add_signal_handler: a terminal that takes nothing more may be holding the loop itself.
        end_s = RUN_END_S if _is_deploying(app) else HARD_END_S
        last_resort = threading.Timer(end_s, os._exit, (128 + number,))
        last_resort.daemon = True
        last_resort.start()
        loop.call_soon_threadsafe(hang_up if number == signal.SIGHUP else lambda: app.exit(return_code=128 + number))

    before = {number: signal.signal(number, received) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Warnings and errors of the whole process go to a private file while the screen owns the terminal."""
    handler = _PrivateFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


class _PrivateFile(logging.FileHandler):
    """A log file that only its owner can read, opened when first needed, begun anew when it has grown large."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delay=True, encoding="utf-8")

    def _open(self) -> TextIO:  # type: ignore[override]  # the base says TextIOWrapper, which open() returns as TextIO
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_large = path.exists() and path.stat().st_size > _LOG_MOST_BYTES
        how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if is_large else os.O_APPEND)
        return os.fdopen(os.open(path, how, 0o600), "w", encoding="utf-8", errors="backslashreplace")
