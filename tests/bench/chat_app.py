"""The program that `chat` measures: the real screen on a frozen board, with an answer that comes token by token.

`python -m tests.bench.chat_app TOKENS PER_SECOND HOME|PAGE`; the question is asked when the first picture is there. All
but the model is the program's own: the session that redacts, keeps and checks the answer, and the search for garbage.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic, process_time, thread_time
from typing import Any

from rich.console import RenderableType
from textual.screen import Screen

import app.tui.app
from app.agent.brain import Asked, Looker
from app.agent.desk import ChatDesk
from app.agent.events import Event, TextAdded
from app.tui.app import Watchdog
from app.tui.run import _started
from tests.agent.session.desks import Scripted, desk
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.driving import options
from tests.tui.fake_feed import FakeFeed, connection
from widgets.chat_line import AskLine

FOLDER = Path(app.tui.app.__file__).parent
WORDS = ("rank", "stalls", "while", "its", "siblings", "wait", "in", "all-reduce", "at", "98", "W", "of", "gpu-01/3")
TOKEN_CHARS = 4
WATCHED = "CHAT_BENCH_WATCHED"
"""Variable that names the file for what the program saw of itself."""


@dataclass
class Watched:
    """What the program saw of itself while an answer came."""

    began_s: float = 0.0
    """When the first token was due, monotonic; each of the others is due at its time after it."""
    taken_s: list[float] = field(default_factory=list)
    """When each token was taken, monotonic; late where the screen was busy."""
    waited_s: list[float] = field(default_factory=list)
    """By then, for how long in all the screen's thread had been ready to run without being given a core."""
    sent_s: list[float] = field(default_factory=list)
    """When each frame was handed to the terminal, monotonic; the terminal's way to its reader comes behind that."""
    cpu_percent: float = 0.0
    """Of a core, from the first token until a second after the end."""
    longest_ms: float = 0.0
    """The longest step without a breath, in CPU time: what others do to the machine does not count."""


class Numbered:
    """Words by chance, each with its number: who looks at the screen sees which have come."""

    def __init__(self) -> None:
        self._chance = random.Random(5)
        self._count = 0

    def words(self, count: int) -> str:
        """The next ones."""
        return " ".join(f"{self._chance.choice(WORDS)}~{number}" for number in self._next(count))

    def _next(self, count: int) -> range:
        self._count += count
        return range(self._count - count, self._count)


@cache
def text_of(tokens: int) -> str:
    """An answer of about so many tokens: prose, items, tables and code, in turn."""
    say = Numbered().words
    parts: list[str] = []
    size = 0
    while size < tokens * TOKEN_CHARS:
        kind = len(parts) % 5
        if kind == 0:
            part = f"## Part {len(parts)}\n{say(20)} **bold {say(2)}** and `code`.\n\n"
        elif kind == 1:
            part = "".join(f"- {say(9)}\n" for _ in range(4)) + "\n"
        elif kind == 2:
            rows = "".join(f"| gpu-01/{n} | {n * 13 % 100} % | {say(3)} |\n" for n in range(8))
            part = f"| GPU | util | note |\n|---|--:|---|\n{rows}\n"
        elif kind == 3:
            part = "```sh\n" + "".join(f"scontrol show node {say(1)}\n" for _ in range(12)) + "```\n\n"
        else:
            part = f"{say(45)}\n\n"
        parts.append(part)
        size += len(part)
    return "".join(parts)[: tokens * TOKEN_CHARS]


class Paced:
    """A model that tells an answer token by token, each at its time; late ones at once."""

    def __init__(self, text: str, per_s: float) -> None:
        self._text, self._per_s = text, per_s
        self.watched = Watched()
        self.over = asyncio.Event()

    async def play(self, _asked: Asked, _looker: Looker) -> AsyncGenerator[Event, None]:
        """Answer whatever is asked."""
        self.watched.began_s = monotonic()
        waits = Waits()
        for number, at in enumerate(range(0, len(self._text), TOKEN_CHARS)):
            await asyncio.sleep(max(0.0, self.watched.began_s + number / self._per_s - monotonic()))
            self.watched.taken_s.append(monotonic())
            self.watched.waited_s.append(waits.so_far_s())
            yield TextAdded(self._text[at : at + TOKEN_CHARS])
        self.over.set()


class Waits:
    """For how long this thread was ready to run without being given a core; 0 where Linux does not say."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        except OSError:
            self._file = None

    def so_far_s(self) -> float:
        """In all."""
        return int(os.pread(self._file, 200, 0).split()[1]) / 1e9 if self._file is not None else 0.0


class AskingApp(Watchdog):
    """The screen, which opens the chat by itself and asks."""

    CSS_PATH = [str(FOLDER / one) for one in ("app.tcss", "screens/home.tcss")]
    paced: Paced | None = None
    place = "PAGE"
    has_begun = False

    def on_fresh(self) -> None:
        """With the first picture, begin."""
        super().on_fresh()
        if self.moment.origin and not self.has_begun:
            self.has_begun = True
            self.run_worker(self._ask(self.paced), description="ask")

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if self.paced is not None:
            self.paced.watched.sent_s.append(monotonic())

    async def _ask(self, paced: Paced | None) -> None:
        if self.place == "PAGE":
            self.open_page("chat")
        else:
            await self.action_ask()
        await asyncio.sleep(0.5)
        if paced is None:
            return
        clocked, used_s = Clocked(), process_time()
        self.screen.query_one(AskLine).post_message(AskLine.Sent("why?"))
        await paced.over.wait()
        await asyncio.sleep(1.0)
        watched = paced.watched
        watched.cpu_percent = 100 * (process_time() - used_s) / (monotonic() - watched.began_s)
        watched.longest_ms = 1000 * clocked.longest_s
        _keep(watched)


def _keep(watched: Watched) -> None:
    """Write down what the program saw of itself for who measures."""
    if WATCHED in os.environ:
        Path(os.environ[WATCHED]).write_text(json.dumps(asdict(watched)), "utf-8")


class Clocked:
    """How long the screen was busy without a breath, in CPU time."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began = thread_time()
            run(handle)
            self.longest_s = max(self.longest_s, thread_time() - began)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]  # there is no other place to measure every step


async def main(tokens: int, per_s: float, place: str) -> None:
    """Open the screen, ask once."""
    gc.disable()  # as `run` does
    paced = Paced(text_of(tokens), per_s)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with desk(folder, Scripted(paced.play)) as made, asyncio.TaskGroup() as group:

            def opens(_feed: object, _jobs: object) -> ChatDesk:
                return made.session

            screen = AskingApp(connection(FakeFeed(slurm_fleet())), options(folder, chat=opens))
            screen.paced, screen.place = paced if tokens else None, place
            owned = (group.create_task(screen.feeding()), group.create_task(_started(screen)))
            await screen.run_async()
            for one in owned:
                one.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
