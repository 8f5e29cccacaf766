"""Alerting: evaluates the rules on the evaluation clock, keeps what must survive a kill, and takes people's wishes.

Only who holds the store's lease evaluates, so that a cluster is judged once. Whatever changes is written down before
anybody is told: after a kill at any moment the clocks go on where they stood, and what had fired is not new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain.alert import Ack, Alert, Labels, Matcher, Rule, Silence, Transition, label, labels_of
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.finding import Finding
from app.domain.naming import clean
from app.domain.series import FLEET, Event, Severity, Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting.muting import muted
from app.engine.alerting.restore import Outage, restored
from app.engine.alerting.round import AlertingState, evaluate_all, evaluating_all
from app.engine.alerting.rule_table import RuleError, rule_from
from app.engine.alerting.rulebook import BUILT_IN, RuleBook
from app.engine.alerting.signals import View
from app.engine.alerting.signals_slurm import maintained
from app.engine.alerting.windows import Windows
from app.services import alert_notes
from app.services.board import Board
from app.services.shards import WHOLE, Share
from app.services.turn import Notes, Turn, is_large
from app.transport import turns
from app.transport.clock import Clock

TELL_INTERVALS = 2
"""Of three without a word others take it that nobody evaluates (`AlertsNow.is_current`)."""
REFRESH_S = 60.0
"""Values of alerts are written down this often even where no state changed."""
LONGEST_SILENCE_S = 365 * 86400.0
MOST_SILENCES = 1000


class AlertingError(Exception):
    """A wish that cannot be met; the message is for a person."""


class UnknownError(AlertingError):
    """There is no such rule, alert or silence."""


class Alerting:
    """The rules, their alerts, silences and acknowledgements of one process that collects, or of its `share`."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        interval_s: float,
        book: RuleBook,
        watched: Callable[[], Watched] = Watched,
        *,
        findings: Callable[[], tuple[Finding, ...]] = tuple,
        waits_for_store: bool = False,
        share: Share = WHOLE,
    ) -> None:
        self._board = board
        self._clock = clock
        self._interval_s = interval_s
        self._files = book
        self._watched = watched
        self._findings = findings
        self._turn = Turn(clock, interval_s, self._take_up, self._give_up, waits_for_store=waits_for_store)
        self._windows = Windows()
        self._share = share
        self._state = AlertingState()
        self._own: dict[str, Mapping[str, Any]] = {}
        self._silences: dict[str, Silence] = {}
        self._acks: dict[str, Ack] = {}
        self._muted: Mapping[str, tuple[str, ...]] = {}
        self._written_at = self._told_at = 0.0
        self.listeners: list[Callable[[Sequence[Transition], AlertsNow], None]] = []
        """Told of transitions once they are written down; for whoever notifies."""

    @property
    def book(self) -> RuleBook:
        """Every rule: ours, those of files, and those made here."""
        return alert_notes.with_own(self._files, self._own)

    def now(self) -> AlertsNow:
        """What the last evaluation left."""
        if not self._state.at:
            return NO_ALERTS
        return AlertsNow(
            self._state.at,
            self._interval_s,
            self._state.all(),
            self._muted,
            tuple(self._acks.values()),
            tuple(self._silences.values()),
            {**self._state.troubles, **{f"{one.file}:{one.line}": one.text for one in self.book.problems}},
        )

    async def keep(self, notes: Notes) -> None:
        """Take the store, once it is open, and go on from what it holds."""
        await self._turn.keep(notes)

    async def _take_up(self, notes: Notes) -> None:
        kept = alert_notes.read(await notes.notes(alert_notes.PREFIX))
        self._own, self._silences = dict(kept.rules), {one.id: one for one in kept.silences}
        self._acks = {one.alert: one for one in kept.acks}
        by_rule: dict[str, dict[Labels, Alert]] = {}
        for alert in kept.alerts:
            by_rule.setdefault(alert.rule, {})[alert.labels] = alert
        now = self._clock.now()
        rules = {rule.name: rule for rule in self.book.enabled()}
        self._state = AlertingState(alerts=restored(rules, by_rule, min(kept.at, now), now, Outage()))

    def _give_up(self) -> None:
        self._state = AlertingState()

    async def tick(self, store: Callable[[], Notes | None] = lambda: None) -> None:
        """Evaluate once, if it is this process's turn; `store` is taken up once it is there."""
        if self._turn.notes is None and (notes := store()) is not None:
            await self.keep(notes)
        if await self._turn.is_ours(self._board.snapshot):
            await self.step(self._board.snapshot, self._clock.now())

    async def step(self, snapshot: Snapshot, now: float) -> None:
        """Evaluate all rules over a snapshot; write down what changed, then tell."""
        before = self._state
        view = View(snapshot, now, self._watched(), self._findings())
        asked = (self.book.enabled(), before, view, self._windows)
        # In a thread where it takes long: a key must not wait for the rules of a large fleet.
        state, transitions = (
            await turns.in_pieces(evaluating_all, *asked) if is_large(snapshot) else evaluate_all(*asked)
        )
        if not self._share.is_whole:
            state, transitions = _of_share(self._share, snapshot, state, transitions)
        self._state = state
        self._silences = {key: one for key, one in self._silences.items() if one.ends_at > now}
        active = {alert.id for alert in state.all() if alert.state != "resolved"}
        self._acks = {key: one for key, one in self._acks.items() if key in active}
        silences = tuple(self._silences.values())
        self._muted = muted(state.all(), silences, self._files.inhibitions, maintained(snapshot, now), now)
        await self._write(before, now)
        for event in filter(None, map(_event, transitions)):
            self._board.note(event)
        if transitions:
            for tell in self.listeners:
                tell(transitions, self.now())

    async def _write(self, before: AlertingState, now: float) -> None:
        """The alerts where a clock moved, and the moment: a kill after this costs nothing.

        The moment says how long clocks stood still. Where none runs it only shows that somebody evaluates, and need
        not be written at every evaluation.
        """
        if self._turn.notes is None:
            return
        notes: dict[str, str | None] = {alert_notes.AT: repr(now)}
        if now - self._written_at >= REFRESH_S or alert_notes.clocks(before) != alert_notes.clocks(self._state):
            notes |= alert_notes.pack(self.now())
            self._written_at = now
        elif not alert_notes.is_timed(self._state) and 0 <= now - self._told_at < TELL_INTERVALS * self._interval_s:
            return
        if await self._turn.notes.put_notes(notes):
            self._told_at = now

    async def _write_wishes(self) -> None:
        if self._turn.notes is not None:
            wishes = alert_notes.pack(self.now()) if self._state.at else {}
            wishes |= alert_notes.pack_wishes(self._own, self._silences.values(), self._acks.values())
            await self._turn.notes.put_notes(wishes)

    def take_rules(self, book: RuleBook) -> None:
        """Evaluate by other files from now on; clocks and what was made here go on."""
        self._files = book

    def rule(self, name: str) -> Rule:
        """The rule of a name. Raises UnknownError."""
        found = self.book.rules.get(name)
        if found is None:
            raise UnknownError(f"there is no rule {clean(name, 100)!r}")
        return found

    async def add_rule(self, table: Mapping[str, Any]) -> Rule:
        """Make a new rule. Raises AlertingError where it cannot be used, or its name is taken."""
        name = str(table.get("name", ""))
        if name in self.book.rules:
            raise AlertingError(f"there is a rule {clean(name, 100)!r} already: change it, or take another name")
        return await self._set_rule(name, dict(table))

    async def change_rule(self, name: str, changes: Mapping[str, Any]) -> Rule:
        """Change a rule, ours included. Raises AlertingError."""
        self.rule(name)
        if changes.get("name", name) != name:
            raise AlertingError("a rule's name is what it is known by: make a new one instead")
        return await self._set_rule(name, alert_notes.merged(self._own.get(name, {}), changes))

    async def _set_rule(self, name: str, table: Mapping[str, Any]) -> Rule:
        try:
            rule = rule_from(name, table, self._files.rules.get(name), alert_notes.MADE_HERE)
        except RuleError as error:
            raise AlertingError(str(error)) from error
        self._own[name] = table
        await self._write_wishes()
        return rule

    async def drop_rule(self, name: str) -> None:
        """Take back what was made or changed here. Raises AlertingError for rules of files and our own."""
        origin = self.rule(name).origin
        if name not in self._own:
            where = "it is built in" if origin == BUILT_IN else f"it is in {origin}"
            raise AlertingError(f"rule {name!r} cannot be deleted: {where}; turn it off with enabled = false")
        del self._own[name]
        await self._write_wishes()

    async def ack(self, alert_id: str, by: str = "", note: str = "") -> Ack:
        """Take an alert on. Raises UnknownError."""
        alert = self.now().find(alert_id)
        if alert is None or alert.state == "resolved":
            raise UnknownError(f"there is no alert {clean(alert_id, 100)!r} now")
        ack = Ack(alert.id, self._clock.now(), clean(by, 64), clean(note, 500))
        self._acks[alert.id] = ack
        await self._write_wishes()
        return ack

    async def silence(self, matchers: tuple[Matcher, ...], lasts_s: float, by: str = "", comment: str = "") -> Silence:
        """Keep alerts from being told for a while. Raises AlertingError."""
        if not 0 < lasts_s <= LONGEST_SILENCE_S:
            raise AlertingError("a silence lasts more than 0 s and at most a year")
        if not matchers or all(one.matches("") for one in matchers):
            raise AlertingError("a silence needs a label that it asks for; this one would match everything")
        if len(self._silences) >= MOST_SILENCES:
            raise AlertingError(f"there are {MOST_SILENCES:,} silences already: end some")
        now = self._clock.now()
        key = alert_notes.silence_id(matchers, now)
        self._silences[key] = Silence(key, matchers, now, now + lasts_s, clean(by, 64), clean(comment, 500))
        await self._write_wishes()
        return self._silences[key]

    async def end_silence(self, key: str) -> None:
        """Let alerts be told again. Raises UnknownError."""
        if self._silences.pop(key, None) is None:
            raise UnknownError(f"there is no silence {clean(key, 100)!r}")
        await self._write_wishes()


def _of_share(
    share: Share, snapshot: Snapshot, state: AlertingState, transitions: tuple[Transition, ...]
) -> tuple[AlertingState, tuple[Transition, ...]]:
    """What of an evaluation is a daemon's own: what Slurm shows to all is told by one."""
    alerts = {
        rule: {labels: one for labels, one in some.items() if share.alerts(labels, snapshot)}
        for rule, some in state.alerts.items()
    }
    return replace(state, alerts=alerts), tuple(one for one in transitions if share.alerts(one.alert.labels, snapshot))


def subject_of(labels: Labels) -> Subject:
    """Whom an alert is about, as events name it."""
    node, gpu = label(labels, "node"), label(labels, "gpu")
    if node and gpu.isdigit():
        return Subject("gpu", node=node, index=int(gpu))
    if node:
        return Subject("node", node=node)
    if job := label(labels, "job"):
        return Subject("job", key=job)
    service = label(labels, "service") or label(labels, "source")
    return Subject("service", key=service) if service else FLEET


def _event(one: Transition) -> Event | None:
    """What is told of a transition; nothing of waiting ones."""
    alert, severity = one.alert, one.alert.severity
    words: Mapping[str, tuple[str, Severity]] = {
        "firing": ("", severity),
        "resolved": ("over: ", "info"),
        "no_data": ("no data any more: ", "warning"),
    }
    if alert.state not in words or (one.before == "no_data" and alert.state == "firing"):
        return None
    begins, told = words[alert.state]
    return Event(one.at, f"alert.{alert.state}", told, subject_of(alert.labels), f"{begins}{alert.text}")


def matchers_of(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """Matchers for exact labels."""
    return tuple(Matcher(name, "=", value) for name, value in labels_of(labels))
