"""How a signal ends the screen: soon, and later where money is at stake."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import SimpleNamespace

import pytest

from app.tui import run


@pytest.mark.parametrize(
    ("infra", "end_s"),
    [
        (None, run.HARD_END_S),
        (SimpleNamespace(runs=()), run.HARD_END_S),
        (SimpleNamespace(runs=("a run",)), run.RUN_END_S),
    ],
    ids=["never opened", "idle", "deploying"],
)
async def test_signal_gives_a_run_of_infra_its_time(
    monkeypatch: pytest.MonkeyPatch, infra: SimpleNamespace | None, end_s: float
) -> None:
    """Terraform may take a minute to end what it is making; the process ends by then, come what may."""
    waits: list[float] = []
    left: list[int] = []

    def timer(wait_s: float, *_rest: object) -> SimpleNamespace:
        waits.append(wait_s)
        return SimpleNamespace(start=lambda: None)

    def leave(*, return_code: int) -> None:
        left.append(return_code)

    monkeypatch.setattr(threading, "Timer", timer)
    app = SimpleNamespace(bridge=SimpleNamespace(infra=infra), exit=leave)
    feeding = asyncio.create_task(asyncio.Event().wait())
    with run._signals(app, feeding):  # type: ignore[arg-type]  # what it asks of an app
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    feeding.cancel()

    assert ([end_s], [128 + signal.SIGTERM]) == (waits, left)


async def test_terminal_that_went_away_waits_for_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed holds the runs: it is waited for until they have written down what is billed."""
    codes: list[int] = []
    written: list[str] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(run, "CLOSE_S", 0.0)

    async def feed() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            written.append("what is billed")

    feeding = asyncio.create_task(feed())
    await asyncio.sleep(0)
    app = SimpleNamespace(bridge=SimpleNamespace(infra=SimpleNamespace(runs=("a run",))))
    await run._end_without_terminal(app, feeding)  # type: ignore[arg-type]  # what it asks of an app

    assert (["what is billed"], [128 + signal.SIGHUP]) == (written, codes)
