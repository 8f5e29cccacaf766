"""Tries the rule being written, after a pause in typing: of whom it is true now, and when it would have fired.

One trial at a time: a new one, or a stop, ends the one under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from time import monotonic
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.worker import Worker

from app.domain.alert import Labels, Rule
from app.domain.frozen import frozen
from app.domain.metrics import by_key
from app.present.cells import Cell, Line, cells, line
from app.tui.charting import Wish, metric_title
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask, sentence

if TYPE_CHECKING:
    from app.services.dry_run import DryRun

PAUSE_S = 0.6
"""After the last key, until a rule is tried."""
AGAIN_S = 5.0
"""After so long a trial that could not be made is made again."""
LONGEST_S = 120.0
"""A trial on the past may take this long."""


@frozen
class Trial:
    """How far it is."""

    rule: Rule | None = None
    is_known: bool = False
    """Whom it is true of now has been found out."""
    true: Mapping[Labels, float] | None = field(default=None)
    """Whom it is true of now; None where that cannot be said."""
    tried: DryRun | None = None
    """When it would have fired; None: not found out, see `note`."""
    note: str = ""
    """Why there is none."""
    read: int = 0
    of: int = 0
    began: float | None = None
    """By the monotonic clock; None: nothing is under way."""
    failed_at: float | None = None
    """When it failed by something that may pass, by the monotonic clock."""

    @property
    def seconds(self) -> float:
        """For how long it has been at work."""
        return 0.0 if self.began is None else monotonic() - self.began


class Trying:
    """The trials of one page."""

    def __init__(self, page: Widget, desk: Desk, changed: Callable[[], None]) -> None:
        self._page = page
        self._desk = desk
        self._changed = changed
        self._worker: Worker[None] | None = None
        self.trial = Trial()

    def want(self, rule: Rule | None) -> None:
        """Try this rule from now on; None: there is no rule to try. The same condition is not tried twice."""
        known = self.trial.rule
        if rule is not None and known is not None and _asks(rule) == _asks(known):
            return
        self._end()
        self.trial = Trial(rule, began=None if rule is None else monotonic())
        if rule is not None:
            self._worker = self._page.run_worker(
                self._try(rule), group="trial", exclusive=True, exit_on_error=False, description="trial"
            )

    def again(self) -> None:
        """Try once more what failed a while ago by something that may pass."""
        trial = self.trial
        if trial.rule is not None and trial.failed_at is not None and monotonic() - trial.failed_at > AGAIN_S:
            self.trial = Trial()
            self.want(trial.rule)

    def stop(self) -> bool:
        """End the trial under way; whether there was one."""
        if self.trial.began is None:
            return False
        self._end()
        self._set(
            Trial(self.trial.rule, self.trial.is_known, self.trial.true, note="stopped; any change tries it again")
        )
        return True

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    def _set(self, trial: Trial) -> None:
        self.trial = trial
        self._changed()

    async def _try(self, rule: Rule) -> None:
        from app.services import rule_trial  # noqa: PLC0415 - needed only once somebody writes a rule
        from app.services.dry_run import DryRunError  # noqa: PLC0415 - likewise

        await asyncio.sleep(PAUSE_S)
        began = monotonic()
        self._set(Trial(rule, began=began))
        known, true = False, None
        try:
            feed = self._desk.bridge.connected()
            true = await ask(rule_trial.true_now(rule, feed))
            known = True
            if not rule_trial.is_kept(rule):
                self._set(
                    Trial(rule, known, true, note="the history keeps no series of these states: it cannot be tried")
                )
                return
            self._set(Trial(rule, known, true, began=began))

            def on_read(read: int, of: int) -> None:
                self.trial = Trial(rule, known, true, read=read, of=of, began=began)

            async with asyncio.timeout(LONGEST_S):
                found = await rule_trial.last_day(rule, feed, on_read)
            self._set(Trial(rule, known, true, found))
        except TimeoutError:
            self._set(
                Trial(rule, known, true, note=f"not tried to its end within {LONGEST_S:.0f} s: narrow it to fewer")
            )
        except (RefusedError, DryRunError) as error:
            self._set(Trial(rule, known, true, note=sentence(error), failed_at=monotonic()))


def _asks(rule: Rule) -> tuple[str, float, float]:
    """What a trial depends on."""
    return rule.expr, rule.for_s, rule.keep_firing_for_s


def closest_wish(trial: Trial) -> tuple[Wish | None, Line]:
    """The chart of whoever came closest to the limit, and its title; None where there is none to draw."""
    if trial.rule is None or trial.tried is None or trial.tried.closest is None:
        return None, ()
    from app.services.dry_run import compared  # noqa: PLC0415 - it is there: the trial was made by it

    found = compared(trial.rule)
    if found is None:
        return None, ()
    tried, closest = trial.tried, trial.tried.closest
    wish = Wish(closest, found.metric, tried.end - tried.start, tried.end, is_live=False, limit=found.limit)
    named = str(closest).removeprefix(f"{closest.kind}:").partition("#")[0]
    metric = metric_title(by_key()[found.metric])
    title = line(
        cells(named, "strong"),
        cells(f"  {metric}"),
        Cell("  came closest to the limit, or went furthest beyond it", "quiet"),
    )
    return wish, title
