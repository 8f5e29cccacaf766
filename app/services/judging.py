"""Who judges what was seen: the diagnosis, then the alert rules, which may ask for its findings; then people are told.

Imported once the first numbers are there: it brings the engine and the lists of faults and rules with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Literal

from app.config.settings import Settings
from app.engine.diagnosis.fault_table import fault_table
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.diagnosing import Diagnosing
from app.services.embedded import EmbeddedFeed
from app.services.notifier import Notifier, Told
from app.services.notify_file import NotifyFile
from app.services.rounds import Rounds
from app.services.rule_files import rule_book
from app.services.turn import Notes
from app.services.watch import Watch
from app.transport.clock import Clock
from app.transport.tasks import Tasks

Step = Callable[[], Awaitable[None]]
Stepped = Callable[[Literal["diagnose", "alert"], Step, Callable[[], float]], Step]
"""Gives a step to take in place of one, of its kind, with when it was taken last."""


def judges(
    board: Board,
    feed: EmbeddedFeed,
    watch: Watch,
    settings: Settings,
    clock: Clock,
    store: Callable[[], Notes | None],
    *,
    waits_for_store: bool,
    stepped: Stepped | None = None,
) -> tuple[list[Step], Callable[[], Coroutine[Any, Any, None]]]:
    """What to do at every interval after watching, and what runs beside it.

    That sends what is told, and judges at once what cannot wait for the next interval. The feed shows what comes of it.
    `stepped` is given each step of a judge, and gives the step that is taken: for whoever records them.
    """
    fault_table()  # read now, in the caller's thread, and not at the first step
    interval_s = settings.cluster.interval_s
    diagnosing = Diagnosing(board, clock, interval_s, lambda: watch.watched, waits_for_store=waits_for_store)
    alerting = Alerting(
        board,
        clock,
        interval_s,
        rule_book(settings),
        lambda: watch.watched,
        findings=lambda: diagnosing.now().findings,
        waits_for_store=waits_for_store,
    )
    watch.is_diagnosed = lambda: diagnosing.is_running
    feed.diagnose_by(diagnosing)
    feed.alert_by(alerting)
    told = Told(alerting.now, diagnosing.now)
    file, managers = NotifyFile(settings), settings.alerts.alertmanager
    notifier = Notifier(board, clock, interval_s, told, file, managers, waits_for_store=waits_for_store)
    diagnose: Step = partial(diagnosing.tick, store)
    alert: Step = partial(alerting.tick, store)
    if stepped is not None:
        diagnose = stepped("diagnose", diagnose, lambda: diagnosing.now().at)
        alert = stepped("alert", alert, lambda: alerting.now().at)
    ticks: list[Step] = [diagnose, alert, partial(notifier.tick, store)]
    rounds = Rounds(board, clock, ticks)

    async def beside() -> None:
        async with Tasks() as tasks:
            tasks.start(rounds.hasten(), "early rounds")
            await tasks.start(notifier.run(), "notifier")

    return [rounds.round], beside
