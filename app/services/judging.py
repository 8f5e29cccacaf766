"""Who judges what was seen: the diagnosis, then the alert rules, which may ask for its findings; then people are told.

Imported once the first numbers are there: it brings the engine and the lists of faults and rules with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Literal, NamedTuple

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
from app.services.shards import share_in
from app.services.turn import Notes
from app.services.watch import Watch
from app.transport.clock import Clock
from app.transport.tasks import Tasks

Step = Callable[[], Awaitable[None]]
Stepped = Callable[[Literal["diagnose", "alert"], Step, Callable[[], float]], Step]
"""Gives a step to take in place of one, of its kind, with when it was taken last."""


class Judges(NamedTuple):
    """What a process that judges does."""

    steps: list[Step]
    """To be taken at every interval after watching."""
    beside: Callable[[], Coroutine[Any, Any, None]]
    """Runs beside them: sends what is told, and judges at once what cannot wait for the next interval."""
    follow: Callable[[Settings], None]
    """To be called when there is another configuration: rules and who is told are by that one from then on."""


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
) -> Judges:
    """Who judges what a board shows. The feed shows what comes of it.

    `stepped` is given each step of a judge, and gives the step that is taken: for whoever records them.
    """
    fault_table()  # read now, in the caller's thread, and not at the first step
    interval_s, share, waits = settings.cluster.interval_s, share_in(settings.shard), waits_for_store
    diagnosing = Diagnosing(board, clock, interval_s, lambda: watch.watched, waits_for_store=waits, share=share)
    alerting = Alerting(
        board,
        clock,
        interval_s,
        rule_book(settings),
        lambda: watch.watched,
        findings=lambda: diagnosing.now().findings,
        waits_for_store=waits,
        share=share,
    )
    watch.is_diagnosed = lambda: diagnosing.is_running
    feed.diagnose_by(diagnosing)
    feed.alert_by(alerting)
    told = Told(alerting.now, diagnosing.now)
    file, managers = NotifyFile(settings), settings.alerts.alertmanager
    notifier = Notifier(board, clock, interval_s, told, file, managers, waits_for_store=waits_for_store)

    def follow(anew: Settings) -> None:
        alerting.take_rules(rule_book(anew))
        file.follow(anew)
        notifier.managers.follow(anew.alerts.alertmanager)

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

    return Judges([rounds.round], beside, follow)
