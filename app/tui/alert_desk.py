"""The desk for alerts: how pages reach the rules and wish something, here or at a daemon; the same either way."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.domain.alert import Rule
from app.domain.job_actions import Outcome
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask

if TYPE_CHECKING:
    from app.services.alert_desk import AlertDesk

FRESH_S = 10.0
"""Rules are asked for again after so long."""


def may_wish(desk: Desk) -> None:
    """Raises RefusedError where nothing may be changed: by the user's own wish, or because this is the past."""
    if desk.options.read_only:
        raise RefusedError("--read-only: alerts and rules are only looked at from here")
    if desk.bridge.replay is not None:
        raise RefusedError("this is the past; } goes back to now")


def alert_desk(desk: Desk) -> AlertDesk:
    """Where wishes go. Raises RefusedError while nobody evaluates."""
    found = desk.bridge.connected().desk()
    if found is None:
        raise RefusedError("alerts are not evaluated yet: try again in a moment")
    return found


async def wished(desk: Desk, wish: Callable[[AlertDesk], Awaitable[object]], done: str) -> Outcome:
    """What came of a wish. Raises RefusedError with the desk's own sentence."""
    may_wish(desk)
    await ask(wish(alert_desk(desk)))
    desk.bridge.tell()
    return Outcome(True, done)


def who() -> str:
    """Who is at the screen, for what is said of alerts."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or ""


class Rules:
    """The rules as the desk told them last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked_at = 0.0
        self.rules: tuple[Rule, ...] = ()
        self.problems: tuple[str, ...] = ()
        """What is wrong in files, by file and line."""
        self.units: Mapping[str, str] = {}
        """The unit of their alerts' values, by rule; only where there is one."""
        self.refusal = "asking for the rules"
        """Why there are none; empty: they were told."""

    def find(self, name: str) -> Rule | None:
        """The rule of a name."""
        return next((one for one in self.rules if one.name == name), None)

    @property
    def is_old(self) -> bool:
        """Whether it is time to ask again."""
        return not 0 <= self._desk.moment.now - self._asked_at < FRESH_S

    async def load(self) -> None:
        """Ask for them; where that fails they stay as they were, and `refusal` says why."""
        self._asked_at = self._desk.moment.now
        try:
            told = await ask(alert_desk(self._desk).rules())
            self.rules, self.problems = _rules(told), tuple(str(one) for one in told.get("problems", ()))
            self.units = _units(self.rules)
            self.refusal = ""
        except RefusedError as refusal:
            self.refusal = str(refusal)


def _rules(told: dict[str, Any]) -> tuple[Rule, ...]:
    from app.services.queries_alerts import rule_of  # noqa: PLC0415 - late: only who looks at rules needs it

    try:
        return tuple(rule_of(one) for one in told["rules"])
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError("the daemon tells its rules in another form: restart it, or upgrade this program") from error


def _units(rules: Sequence[Rule]) -> Mapping[str, str]:
    from app.engine.alerting.parse import ExpressionError  # noqa: PLC0415 - late: only who looks at rules needs it
    from app.services.rule_draft import value_unit  # noqa: PLC0415 - likewise

    found: dict[str, str] = {}
    for one in rules:
        try:
            found[one.name] = value_unit(one)
        except (ExpressionError, KeyError):  # a daemon of another version knows other metrics
            continue
    return {name: unit for name, unit in found.items() if unit}
