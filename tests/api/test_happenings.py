"""Events as they happen, gone on with where a client left off: nothing twice, nothing left out, after a restart too."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from app.api.happenings import MOST_MARKS, Reader
from app.api.row import RefusedError
from app.domain.series import Event, Subject
from app.domain.snapshot import Snapshot
from app.store.history import Tick
from app.store.sqlite import open_store
from tests.api.house import house
from tests.services.test_alerting import NOW

AT = NOW + 600


def event(number: int, at: float = AT) -> Event:
    """One of many."""
    return Event(at, "gpu.lost", "warning", Subject("gpu", node="gpu-1", index=number), f"GPU {number} is lost")


def read(reader: Reader, history: Sequence[Event]) -> list[str]:
    """What a reader is told of a history, as it comes back."""
    told = [one.text for one in sorted(history, key=lambda one: one.at) if reader.takes(one)]
    reader.settle()
    return told


@pytest.mark.parametrize("apart_s", [0.0, 0.01, 1.0, 30.0])
def test_whoever_comes_back_has_everything_once(apart_s: float) -> None:
    """Wherever the connection broke, however close together things happened: also hundreds at one moment."""
    history = [event(number, AT + number * apart_s) for number in range(300)]
    for broken_after in (1, 2, MOST_MARKS, MOST_MARKS + 1, 150, 299):
        first = Reader(AT)
        told = [one.text for one in history[:broken_after] if first.takes(one)]
        back = Reader.of(first.key)

        assert [one.text for one in history] == told + read(back, history)
        assert [] == read(Reader.of(back.key), history)


def test_what_is_noted_late_is_made_up_for() -> None:
    """A line of a log is older than what was told before it."""
    first = Reader(AT)
    assert [True, True] == [first.takes(event(1, AT + 50)), first.takes(event(2, AT + 20))]
    history = [event(1, AT + 50), event(2, AT + 20), event(3, AT + 30)]

    assert ["GPU 3 is lost"] == read(Reader.of(first.key), history)


def test_an_id_stays_short() -> None:
    """Whatever happened."""
    reader = Reader(AT)
    for number in range(1000):
        reader.takes(event(number, AT + number / 10))

    assert len(reader.key) < 700


@pytest.mark.parametrize(
    "key", ["", "7", "~~", "0x1p+3~x~", "nan~1~", "0x1p+40~1~", "-0x1p+3~0~", "0x1p+3~-1~", "a" * 99999]
)
def test_an_id_of_somebody_else_is_refused(key: str) -> None:
    """With a sentence that says what to do."""
    with pytest.raises(RefusedError, match="Last-Event-ID"):
        Reader.of(key)


class Listener:
    """A client of the stream, as a browser is one."""

    def __init__(self) -> None:
        self.last_id = ""
        self.told: deque[str] = deque()

    async def follow(self, client: httpx.AsyncClient, count: int) -> None:
        """Take so many events, then break the connection."""
        shown = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with client.stream("GET", "/api/events/stream?since=1000000000&kind=gpu", headers=shown) as answer:
            assert "text/event-stream; charset=utf-8" == answer.headers["content-type"]
            key = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    key = line[4:]
                elif line.startswith("data: "):
                    self.last_id = key
                    self.told.append(json.loads(line[6:])["text"])
                    count -= 1
                    if not count:
                        return


async def test_a_client_goes_on_over_a_restart_of_the_daemon(tmp_path: Path) -> None:
    """What happened while it was away, and what happened while the daemon was, is told once and in order."""
    listener = Listener()
    history = await open_store(tmp_path / "h.db", lambda: AT)
    async with house(tmp_path / "run", history=history) as here, here.peer() as client:
        await history.write(Tick(AT, (), (event(1),)))
        await listener.follow(client, 1)
        here.happens("second", AT + 1)
        await listener.follow(client, 1)
        here.happens("third", AT + 2)
        changes, noted = here.board.drain()
        await history.write(Tick(AT + 2, changes, noted, Snapshot()))
    await history.close()
    history = await open_store(tmp_path / "h.db", lambda: AT)
    await history.write(Tick(AT + 4, (), (event(4, AT + 4),)))
    async with house(tmp_path / "run", history=history) as here, here.peer() as client:
        await listener.follow(client, 2)
        here.happens("fifth", AT + 5)
        await listener.follow(client, 1)
    await history.close()

    assert ["GPU 1 is lost", "second", "third", "GPU 4 is lost", "fifth"] == list(listener.told)


async def test_only_what_is_asked_for_is_told(tmp_path: Path) -> None:
    """By subject and by kind; without `since` only what happens from now on."""
    async with house(tmp_path / "run") as here, here.peer() as client:
        here.happens("before", AT - 10)
        path = "/api/events/stream?what=gpu:gpu-1/3&kind=gpu"
        async with client.stream("GET", path) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await asyncio.sleep(0)
            here.happens("elsewhere", AT, "source.down")
            here.happens("here", AT)
            data = [line async for line in _first(lines)]

    assert ["here"] == [json.loads(line[6:])["text"] for line in data]


async def _first(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data: "):
            yield line
            return
