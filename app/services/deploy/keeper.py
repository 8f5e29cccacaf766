"""Ends deployments whose time to live or idle time is over, and warns before: the provider ends nothing by itself.

Runs in the daemon, and in a screen without one. Several of them do no harm: whoever ends a deployment holds its lock,
and the others find it ended; all of them go by what the last look of any of them left on disk. What the keeper does and
what it warns of stands in the deployment's journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.config.settings import Settings
from app.domain.deployment import Decision, DeployEvent, Deployment, State, Told
from app.engine.lifetime import IDLE_SAID, NEVER_SEEN, Idle, decide
from app.services.deploy.building import deploying
from app.services.deploy.deploying import Deploys
from app.services.deploy.memory import MOST_SAID, Memory, recall
from app.services.deploy.memory import keep as keep_memory
from app.services.deploy.plans import Question, Standing
from app.services.deploy.ports import DeployError
from app.transport.clock import Clock

LOOK_S = 60.0
"""Between two looks; within what `lifetime` still counts as one stretch of time."""
_KEPT = frozenset({State.DEPLOYING, State.READY, State.FAILED, State.DESTROYING})


async def keep(settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock) -> None:
    """Look at all deployments again and again until cancelled."""
    async with deploying(settings, state_dir, environ, clock) as deploys:
        keeper = Keeper(deploys, clock)
        while True:
            await keeper.look()
            await clock.sleep(LOOK_S)


class Keeper:
    """Looks at deployments; for how long each was idle, and what was said of it, is kept in its folder."""

    def __init__(self, deploys: Deploys, clock: Clock) -> None:
        self._deploys = deploys
        self._clock = clock
        self._unkept: dict[str, Memory] = {}
        """By id: what could not be written down, so that a full disk costs nobody a deadline."""
        self._looked_at: dict[str, float] = {}
        """By id: when this keeper asked last whether anybody uses it."""

    async def look(self) -> None:
        """Look at every deployment that has a limit once, and do what is due."""
        for deployment in self._deploys.listed():
            if deployment.state not in _KEPT or not _has_limit(deployment):
                continue
            try:
                await self._look_at(deployment)
            except (DeployError, OSError) as error:  # its files are in the way; the next look may find them whole
                self._say(deployment, f"it could not be looked after: {error}")

    async def _look_at(self, deployment: Deployment) -> None:
        standing = await self._deploys.status(deployment.name)
        if standing.held_by:  # whoever works on it decides; it is no idle time either
            self._keep(deployment, _begun_anew(self._recall(deployment), NEVER_SEEN))
            return
        await self._judge(deployment, standing)

    async def _judge(self, deployment: Deployment, standing: Standing) -> None:
        idle = await self._seen(deployment)
        # One that was being destroyed when that failed is still due for the reason that it was destroyed for.
        due = replace(deployment, state=State.READY) if deployment.state is State.DESTROYING else deployment
        for decision in decide(due, self._clock.now(), idle, standing.per_hour):
            if decision.verb == "destroy":
                await self._destroy(deployment, decision)
                return
            self._say(deployment, decision.reason)

    async def _seen(self, deployment: Deployment) -> Idle:
        if deployment.wish.idle_s is None or deployment.state is not State.READY:
            return self._recall(deployment).idle
        is_busy = await self._deploys.is_busy(deployment.name)
        memory, now = self._recall(deployment), self._clock.now()  # after the question: others look meanwhile
        looked_at = self._looked_at.get(deployment.id)
        self._looked_at[deployment.id] = now
        if is_busy is None and _is_later(memory.idle.seen_at, looked_at):
            return memory.idle  # another keeper could tell since then; that this one cannot takes nothing from it
        idle = memory.idle.seen(is_busy, now)
        self._keep(deployment, _begun_anew(memory, idle) if is_busy else replace(memory, idle=idle))
        return idle

    async def _destroy(self, deployment: Deployment, decision: Decision) -> None:
        self._say(deployment, f"{decision.reason}: it is destroyed now")
        try:
            await self._deploys.destroy(deployment.name, tell=_unheard, confirm=_yes)
        except DeployError as error:  # in the journal already; tried again at the next look
            self._say(deployment, f"it could not be destroyed: {error.trouble.what} {error.trouble.next}")

    def _say(self, deployment: Deployment, text: str) -> None:
        """Write something into the deployment's journal, once, whoever is restarted."""
        memory = self._recall(deployment)
        if text not in memory.said:
            self._keep(deployment, replace(memory, said=(*memory.said, text)[-MOST_SAID:]))
            self._deploys.note(deployment, text, Told.WARNING)

    def _recall(self, deployment: Deployment) -> Memory:
        unkept = self._unkept.get(deployment.id)
        return unkept or recall(self._deploys.folder(deployment.name), deployment, self._clock.now())

    def _keep(self, deployment: Deployment, memory: Memory) -> None:
        """Write down what is news."""
        if memory == self._recall(deployment) and deployment.id not in self._unkept:
            return
        try:
            keep_memory(self._deploys.folder(deployment.name), deployment, memory)
        except OSError:
            self._unkept[deployment.id] = memory
        else:
            self._unkept.pop(deployment.id, None)


def _is_later(seen_at: float | None, looked_at: float | None) -> bool:
    return seen_at is not None and looked_at is not None and seen_at > looked_at


def _begun_anew(memory: Memory, idle: Idle) -> Memory:
    """Somebody uses it: should it be idle again, that is said again."""
    return Memory(idle, tuple(one for one in memory.said if not one.startswith(IDLE_SAID)))


def _has_limit(deployment: Deployment) -> bool:
    wish = deployment.wish
    limits = (deployment.deadline_at, wish.idle_s, wish.max_cost_per_hour)
    return any(limit is not None for limit in limits)


def _unheard(_event: DeployEvent) -> None:
    """The journal hears it; nobody else is there."""


async def _yes(_question: Question) -> bool:
    return True
