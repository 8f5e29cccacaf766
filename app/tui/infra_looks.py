"""What is known of every deployment: read from disk, asked of the provider now and then, joined with our own runs.

What another process does to a deployment, the command or the daemon, is followed in its record and its journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from app.domain.deployment import DeployEvent, Deployment, InfraPlan, State, Told
from app.domain.frozen import frozen
from app.present.infra_told import Need
from app.present.infra_view import DOING, Held, InfraRun, RunVerb
from app.transport import turns
from app.tui.feed import RefusedError, sentence
from app.tui.infra_disk import Read, needs_of, read_disk, read_helps
from app.tui.infra_handing import stop_carried
from app.tui.infra_runs import Run

if TYPE_CHECKING:
    from app.config.settings import Deploy
    from app.services.deploy.deploying import Deploys
    from app.services.deploy.plans import Standing
    from app.tui.desk import Desk

    OpenDeploys: TypeAlias = Callable[[], AbstractAsyncContextManager[Deploys]]

log = logging.getLogger("gpu_watchdog.screen")
FRESH_S = 1.0
"""The disk is read again after so long."""
ASK_S = 12.0
"""The provider is asked again after so long: it allows sixty questions a minute to a whole account."""
MOST_EVENTS = 4000
"""Events of one deployment that are kept to be looked at."""


@frozen
class InfraGround:
    """What deploying needs of the world around the screen."""

    open: OpenDeploys
    deploy: Deploy
    """The settings a new deployment begins with."""
    environ: Mapping[str, str]


@dataclass
class Known:
    """What is known of one deployment, beside its record."""

    offset: int = 0
    """Of its journal."""
    events: tuple[DeployEvent, ...] = ()
    standing: Standing | None = None
    refusal: str = ""
    """Why the provider could not be asked; empty: it was, or not yet."""
    plan: InfraPlan | None = None
    held_by: str = ""
    ssh_config: str = ""


@dataclass
class _Times:
    """When what was looked at last."""

    read_at: float = float("-inf")
    asked_at: dict[str, float] = field(default_factory=dict)


class InfraLooks:
    """Every deployment of this user, as it is known."""

    def __init__(self, desk: Desk, ground: InfraGround) -> None:
        self._desk = desk
        self.ground = ground
        self._opened: asyncio.Future[Deploys] | None = None
        self._runs: dict[str, Run] = {}
        """Those of this program that go on now, by the deployment's name."""
        self._known: dict[str, Known] = {}
        self._deployments: tuple[Deployment, ...] = ()
        self._times = _Times()
        self._is_reading = False
        self._just_ended: set[str] = set()
        """Runs that ended while the disk was being read: who held their lock then is no news."""
        self.needs: tuple[Need, ...] = ()
        """What deploying needs; empty: not looked yet."""
        self.unreadable: Mapping[str, str] = {}
        """Why records cannot be read, by name."""
        self.helps: Mapping[str, str] | None = None
        """What the Terraform module says of its variables; None: it was not read yet."""
        self.carrier = ""
        """The daemon that goes on with runs that are left; empty: there is none."""
        self.refusal = "reading the deployments"
        """Why none can be shown; empty: they were read."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of this program that go on now."""
        return tuple(self._runs.values())

    def run(self, name: str) -> Run | None:
        """The run on a deployment; None: this program does nothing to it now."""
        return self._runs.get(name)

    def is_carried(self, name: str) -> bool:
        """Whether the daemon works on a deployment, for somebody who has left."""
        return bool(self.carrier) and self._known.get(name, Known()).held_by.startswith(f"{self.carrier} ")

    def stop_carried(self, name: str) -> None:
        """Let the daemon stop what it goes on with."""
        stop_carried(self._desk.options.state_dir, name)

    def held(self) -> tuple[Held, ...]:
        """Every deployment as it is known now: those that live by age, the oldest first, then those that are gone."""
        ordered = sorted(self._deployments, key=lambda one: (one.state is State.DESTROYED, one.created_at, one.name))
        return tuple(self._held(one) for one in ordered)

    def _held(self, one: Deployment) -> Held:
        known = self._known.get(one.name, Known())
        standing, run = known.standing, self._runs.get(one.name)
        if standing is not None and standing.asked_at < (one.destroyed_at or 0.0):
            standing = None  # what was listed before the end is no news of what is left
        is_told = standing is not None and not standing.problem
        followed = _followed(one, known) if known.held_by else None
        return Held(
            one,
            known.events,
            run.shown if run is not None else followed,
            known.plan,
            pods=standing.pods if standing is not None and is_told else None,
            orphans=standing.orphans if standing is not None else (),
            drift={drift.node: drift.what for drift in standing.drift} if standing is not None else {},
            asked_at=standing.asked_at if standing is not None and is_told else None,
            refusal=known.refusal,
            ssh_config=known.ssh_config,
        )

    def is_old(self, now: float) -> bool:
        """Whether it is time to read the disk again."""
        return not 0 <= now - self._times.read_at < FRESH_S

    async def read(self, now: float) -> None:
        """Read records and journals, in a thread; where that fails `refusal` says why."""
        if self._is_reading:
            return
        self._is_reading, self._times.read_at = True, now
        self._just_ended.clear()
        offsets = {name: known.offset for name, known in self._known.items()}
        try:
            found = await turns.in_thread(read_disk, self._desk.options.state_dir, offsets)
            if not found.deployments:
                self.needs = await turns.in_thread(needs_of, self.ground.deploy, self.ground.environ)
        except OSError as error:
            self.refusal = f"the deployments cannot be read: {sentence(error)}"
            return
        finally:
            self._is_reading = False
        self.refusal = ""
        self._take(found)

    async def read_helps(self) -> None:
        """Read what the form says of Terraform's variables, once, in a thread."""
        self.helps = await turns.in_thread(read_helps)

    def _take(self, found: Read) -> None:
        self._deployments, self.unreadable, self.carrier = found.deployments, found.unreadable, found.carrier
        for name, told in found.journals.items():
            known = self._known.setdefault(name, Known())
            is_ours = name in self._runs or name in self._just_ended  # our own runs hold the lock, too
            known.held_by = "" if is_ours else told.held_by
            known.ssh_config = told.ssh_config
            if told.began_at == known.offset:  # else another reading, begun at the same time, has come first
                known.offset = told.ends_at
                if told.events or told.is_anew:
                    known.events = (*(() if told.is_anew else known.events), *told.events)[-MOST_EVENTS:]

    def is_due(self, name: str, now: float) -> bool:
        """Whether the provider is to be asked now, while that deployment is looked at."""
        return self._due(name, now) is not None

    async def ask(self, name: str, now: float) -> bool:
        """Ask the provider about the one that is looked at, else about the next that was not asked of lately."""
        due = self._due(name, now)
        if due is None:
            return False
        self._times.asked_at[due] = now
        known = self._known.setdefault(due, Known())
        try:
            known.standing = await (await self.deploys()).status(due)
            known.refusal = known.standing.problem
        except Exception as error:  # whatever it is, the page says that the provider was not asked
            log.warning("a deployment's pods cannot be asked for", exc_info=error)
            known.refusal = sentence(error)
        return True

    def _due(self, name: str, now: float) -> str | None:
        asked = self._times.asked_at
        live = [one.name for one in self._deployments if one.state not in {State.DESTROYED, State.NEW}]
        over = next((one for one in self._deployments if one.name == name and one.destroyed_at is not None), None)
        if over is not None and over.state is State.DESTROYED and name not in asked:
            return name  # once: to see with one's own eyes that nothing is left
        if name in live and now - asked.get(name, float("-inf")) >= ASK_S:
            return name
        latest = max(asked.values(), default=float("-inf"))
        if now - latest < ASK_S / 2:
            return None
        others = [one for one in live if now - asked.get(one, float("-inf")) >= 5 * ASK_S]
        return min(others, key=lambda one: asked.get(one, float("-inf")), default=None)

    def ask_anew(self, name: str) -> None:
        """Let the provider be asked about a deployment at the next look."""
        self._times.asked_at.pop(name, None)

    async def deploys(self) -> Deploys:
        """What does the work, opened when first needed. Raises RefusedError."""
        if self._opened is None or (self._opened.done() and self._opened.exception() is not None):
            self._opened = asyncio.get_running_loop().create_future()
            self._tasks().create_task(self._hold(self._opened), name="deployments")
        return await asyncio.shield(self._opened)

    async def _hold(self, opened: asyncio.Future[Deploys]) -> None:
        """Keep it open until the screen ends, which cancels this once the runs have ended."""
        try:
            async with self.ground.open() as found:
                opened.set_result(found)
                try:
                    await asyncio.Event().wait()
                finally:
                    await self.ended()
        except Exception as error:  # whatever it is, who asked is told in one line
            log.warning("deployments cannot be opened", exc_info=error)
            if not opened.done():
                opened.set_exception(RefusedError(f"deployments cannot be opened: {sentence(error)}"))
                opened.exception()  # it is told to whoever asks next; nobody may be asking now
        finally:
            if not opened.done():
                opened.cancel()

    async def ended(self) -> None:
        """Wait for the runs, which are being cancelled: what they work with may not be closed before."""
        tasks = [run.task for run in self.runs if run.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def _tasks(self) -> asyncio.TaskGroup:
        tasks = self._desk.bridge.tasks
        if tasks is None:
            raise RefusedError("not connected yet")
        return tasks


def _followed(one: Deployment, known: Known) -> InfraRun:
    """A run of another process, by who holds the lock and by its journal."""
    word = known.held_by.rpartition("(")[2].rstrip(")")
    usual: RunVerb = "destroy" if one.state is State.DESTROYING else "deploy"
    verb = next((verb for verb in DOING if verb == word), usual)
    ended = next((at for at, event in enumerate(reversed(known.events)) if event.told is Told.ENDED), len(known.events))
    ours = known.events[len(known.events) - ended :]
    return InfraRun(verb, ours[0].at if ours else one.created_at, is_here=False)
