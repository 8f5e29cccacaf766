"""Watching Slurm's jobs and their GPUs over time: spells of idleness and what they amount to, once an evaluation.

Belongs to whoever collects; front ends are given what it has seen (`Watched`). After a start the history says for how
long a GPU that is idle now had been so before. A finding that begins or ends is an event where nobody diagnoses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.series import FLEET, Event, Series, Subject
from app.domain.snapshot import BUSY_PERCENT, Snapshot
from app.domain.watched import IdleSpell, Watched
from app.services.board import Board
from app.store.history import History
from app.transport import turns
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.domain.finding import Finding, FindingSubject
    from app.engine.watch_slurm import SlurmWatch

RECALLED_S = 12 * 3600.0
"""How far back the history is asked for a GPU that is idle at the start."""
RECALL_STEP_S = 60.0
MOST_RECALLED = 128
"""GPUs it is asked for."""
LINGER_S = 60.0
"""A finding that is gone for longer than this has ended; one that comes back sooner never did."""


class Watch:
    """Steps the spells once an evaluation."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._spells: SlurmWatch | None = None
        self._told: dict[tuple[str, FindingSubject], tuple[Finding, float]] = {}
        """Findings whose beginning was told, and when they were last seen."""
        self.is_recalled = False
        """The history was asked."""
        self.known: Mapping[str, IdleSpell] = {}
        """Idle spells as somebody else has watched them; taken up with the next step, in place of the history."""
        self.history: History | None = None
        """Asked once for the time before the start, when it is there."""
        self.watched = Watched()
        self.is_diagnosed: Callable[[], bool] = lambda: False
        """Whether somebody makes incidents of the findings: then those are told, and findings are not told beside."""

    async def tick(self) -> None:
        """Watch once; a cluster without Slurm costs nothing."""
        snapshot = self._board.snapshot
        if snapshot.slurm is not None:
            await self.step(snapshot, self._clock.now())

    async def step(self, snapshot: Snapshot, now: float) -> None:
        """Take one snapshot into account."""
        from app.engine import watch_slurm  # noqa: PLC0415 - only a cluster with Slurm pays for it
        from app.engine.findings_slurm import finding_slurm  # noqa: PLC0415 - likewise

        # In threads: of thousands of GPUs and jobs each takes a tenth of a second, and a key must not wait for it.
        before = self._spells or watch_slurm.SlurmWatch()
        self._spells = await turns.in_thread(watch_slurm.step, before, snapshot, now)
        if self.known:
            known, self.known = self.known, {}
            self._spells = _gone_on(self._spells, known)
        elif self.history is not None and not self.is_recalled:
            self.is_recalled = True
            self._spells = await self._recalled(self.history, self._spells, snapshot, now)
        findings = await turns.in_pieces(finding_slurm, self._spells, snapshot, now)
        idle = {place: IdleSpell(spell.since, spell.seen_s) for place, spell in self._spells.idle.items()}
        self.watched = Watched(now, idle, findings)
        news = self._news(findings, now)
        for event in () if self.is_diagnosed() else news:
            self._board.note(event)

    def _news(self, findings: tuple[Finding, ...], now: float) -> list[Event]:
        """Events for what began, and for what has been gone for a while."""
        events = []
        for one in findings:
            if one.key not in self._told and one.severity != "info":
                events.append(Event(now, "finding.began", one.severity, subject_of(one.subject), one.title))
            self._told[one.key] = (one, now)
        for key, (one, seen_at) in list(self._told.items()):
            if now - seen_at > LINGER_S:
                del self._told[key]
                if one.severity != "info":
                    events.append(
                        Event(now, "finding.ended", "info", subject_of(one.subject), f"no longer so: {one.title}")
                    )
        return events

    async def _recalled(self, history: History, spells: SlurmWatch, snapshot: Snapshot, now: float) -> SlurmWatch:
        """The spells with the idle time that the history knows of, since the job began."""
        from app.engine.watch_slurm import lengthened  # noqa: PLC0415 - see `step`

        jobs = (snapshot.slurm.jobs if snapshot.slurm is not None else None) or {}
        for place, spell in list(spells.idle.items())[:MOST_RECALLED]:
            node, _, index = place.rpartition("/")
            begun = max((jobs[one].start_at or 0.0 for one in spell.about if one in jobs), default=0.0)
            try:
                series = await history.series(
                    Subject("gpu", node=node, index=int(index)),
                    "gpu.utilization",
                    max(begun, now - RECALLED_S),
                    now,
                    RECALL_STEP_S,
                )
            except LookupError:
                continue
            since, seen_s = idle_before(series)
            spells = lengthened(spells, place, since, seen_s)
        return spells


def _gone_on(spells: SlurmWatch, known: Mapping[str, IdleSpell]) -> SlurmWatch:
    """The spells with what is known of those that go on, in place of what was watched of them."""
    idle = {
        place: replace(one, since=known[place].since, seen_s=known[place].seen_s) if place in known else one
        for place, one in spells.idle.items()
    }
    return replace(spells, idle=idle)


def idle_before(series: Series) -> tuple[float, float]:
    """(since when, watched seconds) a GPU had been idle at the end of a series of its utilization. Pure."""
    since, seen_s = series.end, 0.0
    for point in reversed(series.points):
        top = point.high if point.high is not None else point.mean
        if top is None:
            continue
        if top >= BUSY_PERCENT:
            break
        since, seen_s = point.at, seen_s + series.step_s
    return since, min(seen_s, max(0.0, series.end - since))


def subject_of(about: FindingSubject) -> Subject:
    """Whom an event of a finding is about, as events name it."""
    if about.gpu is not None:
        return Subject("gpu", node=about.node, index=about.gpu)
    if about.job:
        return Subject("job", key=about.job)
    if about.service:
        return Subject("service", key=about.service)
    return Subject("node", node=about.node) if about.node else FLEET
