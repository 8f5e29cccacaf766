"""Ends deployments whose time to live or idle time is over, and warns before: the provider ends nothing by itself.

Runs in the daemon, and in a screen without one. Several of them do no harm: whoever ends a deployment holds its lock,
and the others find it ended. What the keeper does and what it warns of stands in the deployment's journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.config.settings import Settings
from app.domain.deployment import Decision, DeployEvent, Deployment, State, Told
from app.engine.lifetime import NEVER_SEEN, Idle, decide
from app.services.deploy.building import deploying
from app.services.deploy.deploying import Deploys
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
    """Remembers since when each deployment is idle, and what was said of it."""

    def __init__(self, deploys: Deploys, clock: Clock) -> None:
        self._deploys = deploys
        self._clock = clock
        self._idle: dict[str, Idle] = {}
        self._said: set[tuple[str, str]] = set()

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
            self._idle.pop(deployment.id, None)
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
        known = self._idle.get(deployment.id, NEVER_SEEN)
        if deployment.wish.idle_s is None or deployment.state is not State.READY:
            return known
        is_busy = await self._deploys.is_busy(deployment.name)
        self._idle[deployment.id] = known.seen(is_busy, self._clock.now())
        return self._idle[deployment.id]

    async def _destroy(self, deployment: Deployment, decision: Decision) -> None:
        self._say(deployment, f"{decision.reason}: it is destroyed now")
        try:
            await self._deploys.destroy(deployment.name, tell=_unheard, confirm=_yes)
        except DeployError as error:  # in the journal already; tried again at the next look
            self._say(deployment, f"it could not be destroyed: {error.trouble.what} {error.trouble.next}")

    def _say(self, deployment: Deployment, text: str) -> None:
        """Write something into the deployment's journal, once."""
        if (deployment.id, text) not in self._said:
            self._said.add((deployment.id, text))
            self._deploys.note(deployment, text, Told.WARNING)


def _has_limit(deployment: Deployment) -> bool:
    wish = deployment.wish
    limits = (deployment.deadline_at, wish.idle_s, wish.max_cost_per_hour)
    return any(limit is not None for limit in limits)


def _unheard(_event: DeployEvent) -> None:
    """The journal hears it; nobody else is there."""


async def _yes(_question: Question) -> bool:
    return True
