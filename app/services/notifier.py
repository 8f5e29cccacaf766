"""The notifier: decides on the evaluation clock who is told what, and sends it beside that, until it has arrived.

Only who holds the store's lease tells. A mistake here costs a message its attempt, never the evaluation: nothing that
happens in this file ends the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Diagnosis
from app.domain.frozen import frozen
from app.domain.notice import Delivery, Outcome
from app.domain.series import FLEET, Event, Severity
from app.domain.snapshot import Snapshot
from app.engine.alerting.signals_slurm import maintained
from app.engine.notifying import outbox as queue
from app.engine.notifying.decide import decide
from app.engine.notifying.policy import Facts, Policy
from app.engine.notifying.policy_file import PolicyFile
from app.engine.notifying.topics import Whose, World
from app.services import outbox
from app.services.alertmanagers import Alertmanagers
from app.services.board import Board
from app.services.channels import Channels
from app.services.notify_file import NotifyFile
from app.services.outbox import Outbox
from app.services.turn import Notes, Turn
from app.transport import posting, turns
from app.transport.clock import Clock

LONGEST_WAIT_S = 60.0
_AFTER_A_MISTAKE_S = 5.0
_HEARTBEAT, _HEARTBEAT_TIMEOUT_S = "dead-man's switch", 10.0
_LARGE = 500
"""Alerts; deciding over more takes long enough to be done in a thread."""
Work = Callable[[], Coroutine[Any, Any, object]]
_log = logging.getLogger(__name__)


@frozen
class Told:
    """Where what is told of comes from."""

    alerts: Callable[[], AlertsNow]
    diagnosis: Callable[[], Diagnosis]


class Notifier:
    """Tells people and machines, for one process that collects."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        interval_s: float,
        told: Told,
        file: NotifyFile,
        alertmanagers: Sequence[str] = (),
        *,
        waits_for_store: bool = False,
    ) -> None:
        self._board = board
        self._clock = clock
        self._interval_s = interval_s
        self._told = told
        self._file = file
        self._turn = Turn(clock, interval_s, self._take_up, self._give_up, waits_for_store=waits_for_store)
        self.outbox = Outbox()
        self.managers = Alertmanagers(alertmanagers)
        self._channels = Channels()
        self._busy: set[str] = set()
        self._woken = asyncio.Event()
        self._beat_at: float | None = None
        self._beat_due = False
        self._problems: tuple[str, ...] = ()
        self._warmed: Policy | None = None

    @property
    def policy_file(self) -> PolicyFile:
        """Who is told, as the file says now."""
        return self._file.current()

    async def _take_up(self, notes: Notes) -> None:
        self.outbox.take_up(outbox.read(await notes.notes(outbox.PREFIX)), notes)
        self._woken.set()

    def _give_up(self) -> None:
        self.outbox.give_up()

    async def tick(self, store: Callable[[], Notes | None] = lambda: None) -> None:
        """Decide once, if it is this process's turn; `store` is taken up once it is there."""
        try:
            if self._turn.notes is None and (notes := store()) is not None:
                await self._turn.keep(notes)
            if await self._turn.is_ours(self._board.snapshot):
                await self.step(self._clock.now())
        except Exception:  # noqa: BLE001 - a notifier that fails must not end the evaluation, which others see
            _log.exception("deciding who is told failed")

    async def step(self, now: float) -> None:
        """Decide, write it down, and let it be sent."""
        found = self.policy_file
        self._tell_problems(found, now)
        if not found.policy.channels and not self.managers.names and found.policy.heartbeat is None:
            return
        world = self.world(now)
        asked = (self.outbox.state, world, found.policy, now)
        is_large = world.alerts is not None and len(world.alerts.alerts) > _LARGE
        decision = await turns.in_thread(decide, *asked) if is_large else decide(*asked)
        timing = found.policy.timing
        needless = queue.forgotten(self.outbox.queue, found.policy.channels, now, timing.give_up_s)
        await self.outbox.decided(decision.state, decision.deliveries, needless)
        self.managers.show(world, now)
        beat = found.policy.heartbeat
        if beat is not None and world.alerts is not None and now - (self._beat_at or 0.0) >= beat.every_s:
            self._beat_at, self._beat_due = now, True
        self._woken.set()

    def world(self, now: float) -> World:
        """What is known now; what was not evaluated lately is not known."""
        snapshot = self._board.snapshot
        alerts, diagnosis = self._told.alerts(), self._told.diagnosis()
        lately_s = 3 * max(self._interval_s, 1.0) + 1.0
        return World(
            alerts if alerts.is_current(now) else None,
            diagnosis if diagnosis.at > 0 and now - diagnosis.at <= lately_s else None,
            f"SIMULATED {snapshot.cluster}".strip() if snapshot.mode == "simulated" else snapshot.cluster,
            maintained(snapshot, now),
            whose(snapshot),
        )

    def _tell_problems(self, found: PolicyFile, now: float) -> None:
        for problem in found.problems:
            if problem not in self._problems:
                self._note(now, "notify.failed", "warning", problem)
        self._problems = found.problems

    def _note(self, now: float, kind: str, severity: Severity, text: str) -> None:
        self._board.note(Event(now, kind, severity, FLEET, text))

    async def run(self) -> None:
        """Send what is due until cancelled: each channel by itself, so that a slow one keeps no other waiting."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    try:
                        await self._send_round(group)
                    except Exception:  # noqa: BLE001 - likewise: the process goes on, and so do its other parts
                        _log.exception("sending failed")
                        await self._clock.sleep(_AFTER_A_MISTAKE_S)
        finally:
            self._channels.close()

    async def _send_round(self, group: asyncio.TaskGroup) -> None:
        """Begin what is due, then wait until something else may be."""
        self._woken.clear()
        if (policy := self.policy_file.policy) is not self._warmed:
            self._warmed = policy
            await self._alone("warming", partial(self._channels.warm, policy))
        for name, work in self._due(self._clock.now()):
            self._busy.add(name)
            group.create_task(self._alone(name, work), name=f"notify {name}")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s()):
                await self._woken.wait()

    def _due(self, now: float) -> list[tuple[str, Work]]:
        """Who has something to do, and is not at it."""
        found: list[tuple[str, Work]] = [
            (name, partial(self.send_next, name))
            for name in self.policy_file.policy.channels
            if queue.due(self.outbox.queue, name, now) is not None
        ]
        found += [(name, partial(self._send_manager, name)) for name in self.managers.waiting(now)]
        if self._beat_due:
            found.append((_HEARTBEAT, self.beat))
        return [(name, work) for name, work in found if name not in self._busy]

    def _pause_s(self) -> float:
        """Seconds until something is due by itself."""
        now = self._clock.now()
        times = [
            at
            for name in self.policy_file.policy.channels
            if name not in self._busy and (at := queue.next_at(self.outbox.queue, name)) is not None
        ]
        return min(LONGEST_WAIT_S, max(0.05, min(times, default=now + LONGEST_WAIT_S) - now))

    async def _alone(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 - likewise, and the other channels go on
            _log.exception("telling %s failed", name)
        finally:
            self._busy.discard(name)
            self._woken.set()

    async def send_next(self, name: str) -> bool:
        """Make one attempt at a channel's next message; says whether there was one."""
        policy = self.policy_file.policy
        channel, now = policy.channels.get(name), self._clock.now()
        one = queue.due(self.outbox.queue, name, now)
        if channel is None or one is None or not await self._is_ours():
            return False
        is_repeat = queue.is_in_doubt(one)
        begun = await self.outbox.begun(one)
        try:
            outcome = await self._channels.send(channel, begun, policy, is_repeat=is_repeat)
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs this attempt, and is told
            outcome = Outcome(ok=False, error=f"a mistake of this program: {type(error).__name__}")
        await self._ended(begun, outcome, policy.timing.give_up_s)
        return True

    async def _is_ours(self) -> bool:
        notes = self._turn.notes
        return notes is None or await notes.try_lease() or (await notes.health()).state == "failed"

    async def _ended(self, begun: Delivery, outcome: Outcome, give_up_s: float) -> None:
        now = self._clock.now()
        before = self.outbox.health.get(begun.channel)
        after = await self.outbox.ended(begun, outcome, now, give_up_s)
        was_failing = before is not None and before.is_failing
        if not outcome.ok and not was_failing:
            self._note(now, "notify.failed", "warning", f"{begun.channel} was not told: {outcome.error}")
        elif outcome.ok and was_failing:
            self._note(now, "notify.sent", "info", f"{begun.channel} is told again")
        if after is not None and after.state == "failed":
            text = f"given up: {begun.channel} was not told of {begun.notice.title}: {outcome.error}"
            self._note(now, "notify.failed", "critical" if begun.notice.severity == "critical" else "warning", text)

    async def _send_manager(self, name: str) -> None:
        now, before = self._clock.now(), self.managers.health.get(name)
        outcome = await self.managers.send(name, now)
        was_failing = before is not None and before.is_failing
        if not outcome.ok and not was_failing:
            self._note(now, "notify.failed", "warning", f"{name} was not told: {outcome.error}")
        elif outcome.ok and was_failing:
            self._note(now, "notify.sent", "info", f"{name} is told again")

    async def beat(self) -> None:
        """Say that we live. Whoever waits for it in vain knows that we do not."""
        self._beat_due = False
        heartbeat = self.policy_file.policy.heartbeat
        if heartbeat is not None:
            outcome = await posting.get(heartbeat.address, _HEARTBEAT_TIMEOUT_S)
            if not outcome.ok:
                _log.warning("the dead-man's switch was not reached: %s", outcome.error)


def whose(snapshot: Snapshot) -> Whose:
    """Looks up whose nodes and jobs are, as Slurm said last."""
    picture = snapshot.slurm
    jobs = (picture.jobs or {}) if picture is not None else {}

    def look(nodes: Sequence[str], wanted: Sequence[str]) -> Facts:
        found: Mapping[str, set[str]] = {"user": set(), "account": set(), "partition": set()}
        for name in nodes:
            node = picture.nodes.get(name) if picture is not None else None
            found["partition"].update(node.partitions if node is not None else ())
        for key in wanted:
            if (job := jobs.get(key)) is not None:
                found["user"].add(job.user)
                found["account"].add(job.account)
                found["partition"].update(job.partition.split(","))
        return {name: frozenset(values - {""}) for name, values in found.items() if values - {""}}

    return look
