"""How often an answer that grows is told: on time whatever held the screen up, and with its marks a part at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app.agent.events import Event, TextAdded, TextWithdrawn
from app.domain.chat import Exchange, Mark
from app.tui import chat_talk
from app.tui.chat_talk import LONGEST_PACE_S, PACE_S, SHARE, Talk
from app.tui.desk import Desk
from tests.present.fleets import NOW
from tests.tui.fake_chat import FakeChat, events_of, exchange
from tests.tui.test_chat import answered, ask, chatting, view_of

LONG = "".join(f"GPU gpu-01/{n} draws 98 W.\n\n" for n in range(300))


class Clock:
    """A wall clock and a processor's clock that tests move on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.used = 1000.0, 5.0
        monkeypatch.setattr(chat_talk, "monotonic", lambda: self.now)
        monkeypatch.setattr(chat_talk, "thread_time", lambda: self.used)

    def work(self, took_s: float, used_s: float) -> None:
        """Something took so long, and so much of the processor."""
        self.now += took_s
        self.used += used_s


def growing_talk() -> Talk:
    """A talk with an answer under way."""
    talk = Talk(cast("Desk", SimpleNamespace(bridge=SimpleNamespace(tasks=None))))
    talk.open = Exchange("~", NOW, "why?")
    return talk


def put_off(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> float:
    """For how many seconds the telling of a word that comes now is put off."""
    waits: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "call_later", lambda delay_s, *_: waits.append(delay_s))
        talk._take(TextAdded("word"))
    return waits[0]


@pytest.mark.parametrize(
    ("took_s", "used_s", "expected"),
    [
        (0.4, 0.002, PACE_S - 0.4),
        (0.002, 0.002, PACE_S - 0.002),
        (0.01, 0.01, SHARE * 0.01 - 0.01),
        (0.1, 0.1, LONGEST_PACE_S - 0.1),
    ],
    ids=["held up by others", "usual", "costly", "very costly"],
)
async def test_an_answer_is_told_as_often_as_its_own_work_allows(
    monkeypatch: pytest.MonkeyPatch, took_s: float, used_s: float, expected: float
) -> None:
    """From the beginning of one telling to the next; a core that was taken by others puts nothing off."""
    clock, talk = Clock(monkeypatch), growing_talk()
    talk.listen(lambda: clock.work(took_s, used_s))
    talk.tell()

    assert pytest.approx(max(0.0, expected)) == put_off(talk, monkeypatch)


async def test_the_first_words_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a pause, whatever comes waits for nothing."""
    clock, talk = Clock(monkeypatch), growing_talk()
    talk.tell()
    clock.work(10.0, 0.0)

    assert 0.0 == put_off(talk, monkeypatch)


async def test_no_picture_is_without_an_answer_that_is_told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken back is shown until what takes its place is there."""
    Clock(monkeypatch)
    talk = growing_talk()
    seen: list[str] = []
    talk.listen(lambda: seen.append(talk.open.answer if talk.open is not None else ""))
    events: list[Event] = [TextAdded("the key is hf_q7"), TextWithdrawn(), TextAdded("the key is ***")]
    for event in events:
        talk._take(event)
    talk.tell()

    assert ["the key is ***"] == seen


async def test_a_long_answer_gets_its_marks_after_its_end(tmp_path: Path) -> None:
    """The newest at once, all of them soon, and nobody has to press a key for it."""
    starts = [at for at in range(len(LONG)) if LONG.startswith("gpu-01/", at)]
    marks = tuple(Mark(at, LONG.index(" ", at), "gpu", LONG[at : LONG.index(" ", at)]) for at in starts)
    chat = FakeChat(events_of(exchange(answer=LONG, tools=(), marks=marks), size=400))
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await answered(drive)
        log = view_of(drive).log_lines
        assert "0/m299" in log.stops()
        await drive.until(lambda: not view_of(drive)._layout.is_behind)
        await drive.pilot.pause()
        marked = [one for one in log.stops() if one.startswith("0/m")]

    assert [f"0/m{number}" for number in range(300)] == marked
