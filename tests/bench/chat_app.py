"""The program that `chat` measures: the real screen on a frozen board, with an answer that comes token by token.

`python -m tests.bench.chat_app TOKENS PER_SECOND HOME|PAGE`; the question is asked when the first picture is there.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, thread_time

import app.tui.app
from app.agent.events import Ended, Event, TextAdded
from app.domain.chat import Exchange
from app.tui.app import Watchdog
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.driving import options
from tests.tui.fake_chat import FakeChat, opening
from tests.tui.fake_feed import FakeFeed, connection
from widgets.chat_line import AskLine

FOLDER = Path(app.tui.app.__file__).parent
WORDS = ("rank", "stalls", "while", "its", "siblings", "wait", "in", "all-reduce", "at", "98", "W", "of", "gpu-01/3")
TOKEN_CHARS = 4
BUSY = "CHAT_BENCH_BUSY"
"""Variable that names the file for the longest step, milliseconds."""


def text_of(tokens: int) -> str:
    """An answer of about so many tokens: prose, items, tables and code, in turn."""
    chance = random.Random(5)
    parts: list[str] = []
    size = 0
    while size < tokens * TOKEN_CHARS:
        kind = len(parts) % 5
        words = " ".join(chance.choice(WORDS) for _ in range(80))
        if kind == 0:
            part = f"## Part {len(parts)}\n{words[:200]} **bold {words[:20]}** and `code`.\n\n"
        elif kind == 1:
            part = "".join(f"- {words[at : at + 90]}\n" for at in range(0, 360, 90)) + "\n"
        elif kind == 2:
            rows = "".join(f"| gpu-01/{n} | {chance.randrange(100)} % | {words[n : n + 30]} |\n" for n in range(8))
            part = f"| GPU | util | note |\n|---|--:|---|\n{rows}\n"
        elif kind == 3:
            part = "```sh\n" + "".join(f"scontrol show node gpu-{n:02}\n" for n in range(12)) + "```\n\n"
        else:
            part = f"{words}\n\n"
        parts.append(part)
        size += len(part)
    return "".join(parts)[: tokens * TOKEN_CHARS]


class PacedChat(FakeChat):
    """Tells an answer token by token, each at its time; late ones at once."""

    def __init__(self, text: str, per_s: float) -> None:
        super().__init__()
        self._text, self._per_s = text, per_s

    async def ask(self, question: str, chips: object = (), **_: object) -> AsyncIterator[Event]:
        began = monotonic()
        self._begun = "c1"
        for number, at in enumerate(range(0, len(self._text), TOKEN_CHARS)):
            await asyncio.sleep(max(0.0, began + number / self._per_s - monotonic()))
            yield TextAdded(self._text[at : at + TOKEN_CHARS])
        ended = Exchange("e1", NOW, question, answer=self._text, state="done")
        yield Ended(replace(ended, usage=replace(ended.usage, took_s=monotonic() - began)))


class AskingApp(Watchdog):
    """The screen, which opens the chat by itself and asks."""

    CSS_PATH = [str(FOLDER / one) for one in ("app.tcss", "screens/home.tcss")]
    asks: bool | None = True
    place = "PAGE"

    def on_fresh(self) -> None:
        """With the first picture, begin."""
        super().on_fresh()
        if self.moment.origin and self.asks is not None:
            self.run_worker(self._ask(asks=self.asks), description="ask")
            self.asks = None

    async def _ask(self, *, asks: bool) -> None:
        if self.place == "PAGE":
            self.open_page("chat")
        else:
            await self.action_ask()
        await asyncio.sleep(0.5)
        if asks:
            clocked = Clocked()
            self.screen.query_one(AskLine).post_message(AskLine.Sent("why?"))
            while True:
                await asyncio.sleep(1.0)
                clocked.note()


class Clocked:
    """How long the screen was busy without a breath, in CPU time: what others do to the machine does not count."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began = thread_time()
            run(handle)
            self.longest_s = max(self.longest_s, thread_time() - began)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]  # there is no other place to measure every step

    def note(self) -> None:
        """Write it down for who measures."""
        if BUSY in os.environ:
            Path(os.environ[BUSY]).write_text(f"{1000 * self.longest_s:.1f}", "utf-8")


async def main(tokens: int, per_s: float, place: str) -> None:
    """Open the screen, ask once."""
    chat = PacedChat(text_of(tokens), per_s)
    with tempfile.TemporaryDirectory() as folder:
        screen = AskingApp(connection(FakeFeed(slurm_fleet())), options(Path(folder), chat=opening(chat)))
        screen.asks, screen.place = tokens > 0, place
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(screen.feeding())
            await screen.run_async()
            feeding.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
