"""Long work begins in the pause behind a key, and at once where nobody types."""

from __future__ import annotations

from time import monotonic

import pytest

from app.domain.pieces import Pieces
from app.transport import turns


@pytest.fixture(autouse=True)
def _nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns._Keys, "typed_at", 0.0)


async def test_work_begins_at_once_where_nobody_types() -> None:
    """Without keys a thread is asked without a moment's wait."""
    began = monotonic()

    assert 7 == await turns.in_thread(int, "111", base=2)
    assert monotonic() - began < turns.PAUSE_S


async def test_work_waits_for_the_pause_behind_a_key() -> None:
    """Just after a key, work begins when that has been answered."""
    turns.typed()

    await turns.in_thread(int)

    assert turns.quiet_s() >= turns.PAUSE_S


async def test_a_fast_typist_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key follows the other, work begins all the same."""
    monkeypatch.setattr(turns._Keys, "typed_at", monotonic() + 3600)
    began = monotonic()

    await turns.pause()

    assert turns.LONGEST_S <= monotonic() - began < 10 * turns.LONGEST_S


async def test_work_in_pieces_stops_between_two_while_a_key_is_answered() -> None:
    """A key that comes in the middle of it has the pause behind it to itself."""
    at: list[float] = []

    def work(number: int) -> Pieces[int]:
        at.append(monotonic())
        turns.typed()
        yield
        at.append(monotonic())
        yield
        at.append(monotonic())
        return number

    assert 3 == await turns.in_pieces(work, 3)
    assert at[1] - at[0] >= turns.PAUSE_S
    assert at[2] - at[1] < turns.PAUSE_S


async def test_work_in_pieces_goes_on_under_a_fast_typist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key follows the other, it stops once, and does a good part before it stops again."""
    monkeypatch.setattr(turns._Keys, "typed_at", monotonic() + 3600)

    def work() -> Pieces[int]:
        for _ in range(50):
            yield
        return 50

    began = monotonic()

    assert 50 == await turns.in_pieces(work)
    assert 2 * turns.LONGEST_S <= monotonic() - began < 10 * turns.LONGEST_S


async def test_a_mistake_in_a_piece_is_the_callers() -> None:
    """What goes wrong is raised where it was asked for."""

    def work() -> Pieces[int]:
        yield
        raise ValueError("nothing")

    with pytest.raises(ValueError, match="nothing"):
        await turns.in_pieces(work)
