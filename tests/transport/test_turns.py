"""Long work begins in the pause behind a key, and at once where nobody types."""

from __future__ import annotations

from time import monotonic

import pytest

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
