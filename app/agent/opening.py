"""Builds a person's `ChatDesk` from settings, a feed and Slurm; files and servers are opened when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.agent.audit import AgentAudit
from app.agent.brain import Brain, BrainError, Looker
from app.agent.brains import Brains
from app.agent.consent import Consent
from app.agent.desk import BrainStatus
from app.agent.events import Event
from app.agent.ground import Ground
from app.agent.looking import ToolLooker
from app.agent.runbooks import Runbooks
from app.agent.session import Parts, Session
from app.config.settings import Agent, Settings
from app.store.chats import FILE, Chats
from app.transport.clock import Clock
from app.transport.runner import invoking_user

if TYPE_CHECKING:  # who has no model does not pay for its client
    from app.agent.provider import Provider
    from app.agent.provider.probe import Check
    from app.services.feed import Feed
    from app.services.jobs import Jobs
    from app.transport.ssh import SshForwards


def open_desk(
    settings: Settings, state_dir: Path, feed: Feed, jobs: Jobs | None, clock: Clock, *, user: str = ""
) -> Session:
    """The desk of a person, by default of who runs this program; the conversations lie in `state_dir`."""
    user = user or invoking_user()
    ground = Ground(feed, settings, jobs, user)
    audit = AgentAudit(state_dir, user)
    chats = Chats(state_dir / FILE, clock.now)

    def looker(asked: Ground, tell: Callable[[Event], None], context_tokens: int | None) -> Looker:
        return ToolLooker(asked, tell, context_tokens=context_tokens, audit=audit)

    async def model() -> Server:
        return Server(settings.agent, state_dir, clock)

    brains = Brains(settings.agent, _analyst, model, clock.monotonic)
    consent = Consent(ground, chats, audit)
    return Session(Parts(ground=ground, kept=chats, brains=brains, looker=looker, consent=consent, clock=clock))


def _analyst() -> Brain:
    from app.agent.analyst import Analyst  # noqa: PLC0415 - late: who asks a model does not pay for it

    return Analyst()


class Server:
    """The configured model's server, with the way through ssh where it needs one."""

    def __init__(self, settings: Agent, state_dir: Path, clock: Clock) -> None:
        """Raises BrainError for settings that cannot be used."""
        from app.agent.provider import connect  # noqa: PLC0415 - late: only who has a model pays for its client
        from app.agent.provider.trouble import ProviderError  # noqa: PLC0415 - as above

        self._settings = settings
        self._clock = clock
        self._runbooks = Runbooks(settings.runbooks)
        self._forwards: SshForwards | None = None
        if settings.ssh:
            from app.transport.ssh import open_forwards  # noqa: PLC0415 - late: for those who reach it through ssh

            self._forwards = open_forwards(state_dir, clock)
        try:
            self._provider: Provider = connect(settings, forwards=self._forwards, clock=clock)
        except ProviderError as error:
            raise BrainError(str(error), is_offline=True) from error

    async def probe(self) -> BrainStatus:
        """Who it is and what it can."""
        return await self._provider.probe()

    @property
    def checks(self) -> tuple[Check, ...]:
        """What the last probe found out, one thing each."""
        return self._provider.checks

    def brain(self, _status: BrainStatus) -> Brain:
        """What answers with it."""
        from app.agent.model_brain import ModelBrain  # noqa: PLC0415 - late: as in `__init__`

        return ModelBrain(self._provider, self._settings, self._runbooks, self._clock)

    async def close(self) -> None:
        """Close the connections."""
        await self._provider.close()
        if self._forwards is not None:
            await self._forwards.close()
