"""What many screens ask at the same moment: answered once."""

from __future__ import annotations

import asyncio

import pytest

from app.api import packed as packed_module
from app.api.packed import ALIKE_S, Packed
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0


class Store:
    """Answers from what is kept, and counts how often."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_broken = False

    async def answer(self) -> str:
        """The next answer."""
        await asyncio.sleep(0)
        self.asked += 1
        if self.is_broken:
            raise LookupError("nothing is kept")
        return f"answer {self.asked}"


async def test_who_asks_the_same_together_is_answered_once() -> None:
    """Also who asks while the answer is being made; another question has an answer of its own."""
    store, packed = Store(), Packed()

    told = await asyncio.gather(*(packed.past("gpu 0", store.answer) for _ in range(50)))
    other = await packed.past("gpu 1", store.answer)

    assert (["answer 1"] * 50, "answer 2", 2) == (told, other, store.asked)


async def test_an_answer_is_given_again_for_a_moment_only() -> None:
    """What is kept grows: two seconds later the same question is answered anew."""
    store, clock = Store(), FakeClock(NOW)
    packed = Packed(clock.monotonic)
    told = []
    for passes in (0.0, 0.9 * ALIKE_S, 0.2 * ALIKE_S):
        await clock.advance(passes)
        told.append(await packed.past("gpu 0", store.answer))

    assert ["answer 1", "answer 1", "answer 2"] == told


async def test_what_could_not_be_answered_is_asked_again() -> None:
    """A failure is told to who asked, and not kept."""
    store, packed = Store(), Packed()
    store.is_broken = True
    with pytest.raises(LookupError):
        await packed.past("gpu 0", store.answer)
    store.is_broken = False

    assert "answer 2" == await packed.past("gpu 0", store.answer)


async def test_few_and_short_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for years, or for something else each time, does not fill the memory."""
    monkeypatch.setattr(packed_module, "_LONGEST_KEPT", len("answer 1"))
    monkeypatch.setattr(packed_module, "_MOST_KEPT", 2)
    store, packed = Store(), Packed()
    for question in ("first", "second", "third", "first"):
        await packed.past(question, store.answer)
    store.asked = 9
    long = [await packed.past("long", store.answer) for _ in range(2)]

    assert (["answer 10", "answer 11"], 2) == (long, len(packed._past))
