"""Long work begins in the pause behind a key, and at once where nobody types."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from app.domain.pieces import Pieces
from app.transport import turns


class Time:
    """Passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def nap(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Nobody has typed for long."""
    made = Time()
    monkeypatch.setattr(turns, "monotonic", lambda: made.now)
    monkeypatch.setattr(turns, "sleep", made.sleep)
    monkeypatch.setattr(turns, "asyncio", SimpleNamespace(sleep=made.nap, to_thread=asyncio.to_thread))
    monkeypatch.setattr(turns._Keys, "typed_at", 0.0)
    return made


async def test_work_begins_at_once_where_nobody_types(time: Time) -> None:
    """Without keys a thread is asked without a moment's wait."""
    assert 7 == await turns.in_thread(int, "111", base=2)
    assert 1000.0 == time.now


async def test_work_waits_for_the_pause_behind_a_key() -> None:
    """Just after a key, work begins when that has been answered."""
    turns.typed()

    await turns.in_thread(int)

    assert pytest.approx(turns.PAUSE_S) == turns.quiet_s()


async def test_a_fast_typist_holds_nobody_up_for_long(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key follows the other, work begins all the same."""
    monkeypatch.setattr(turns._Keys, "typed_at", time.now + 3600)

    await turns.pause()

    assert pytest.approx(1000.0 + turns.LONGEST_S) == time.now


async def test_work_in_pieces_stops_between_two_while_a_key_is_answered(time: Time) -> None:
    """A key that comes in the middle of it has the pause behind it to itself."""
    at: list[float] = []

    def work(number: int) -> Pieces[int]:
        at.append(time.now)
        turns.typed()
        yield
        at.append(time.now)
        yield
        at.append(time.now)
        return number

    assert 3 == await turns.in_pieces(work, 3)
    assert pytest.approx([0.0, turns.PAUSE_S, turns.PAUSE_S]) == [one - 1000.0 for one in at]


async def test_work_in_pieces_goes_on_under_a_fast_typist(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key follows the other, it stops once, and does a good part before it stops again."""
    monkeypatch.setattr(turns._Keys, "typed_at", time.now + 3600)

    def work() -> Pieces[int]:
        for _ in range(50):
            yield
        return 50

    assert 50 == await turns.in_pieces(work)
    assert pytest.approx(1000.0 + 2 * turns.LONGEST_S) == time.now


async def test_a_mistake_in_a_piece_is_the_callers() -> None:
    """What goes wrong is raised where it was asked for."""

    def work() -> Pieces[int]:
        yield
        raise ValueError("nothing")

    with pytest.raises(ValueError, match="nothing"):
        await turns.in_pieces(work)
