"""A run on a deployment that goes on in this program: what it asks, what it told last, how it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from app.domain.deployment import DeployEvent, Told
from app.present.infra_view import DOING, InfraRun, RunVerb

if TYPE_CHECKING:
    from app.services.deploy.agreement import Agreement
    from app.services.deploy.deploying import Deploys
    from app.services.deploy.plans import Confirm, Listen, Question

    Work: TypeAlias = Callable[[Deploys, Listen, Confirm], Awaitable[str]]
    """Does a verb with who hears of it and who is asked; returns what came of it, in one sentence."""


@dataclass(eq=False)
class Run:
    """One run. It belongs to the screen's program, not to a page: pages come and go while it works."""

    name: str
    """The deployment's."""
    verb: RunVerb
    began_at: float
    heard: Callable[[], None] = lambda: None
    """Called whenever there is something new to be seen."""
    task: asyncio.Task[None] | None = None
    question: Question | None = None
    """What a person is asked; None: nothing now."""
    was_agreed: bool = False
    """Somebody said yes to what it asked."""
    was_shown: bool = False
    """The question was put before a person once; it is not put there again by itself."""
    is_stopping: bool = False
    is_left: bool = False
    """It is stopped here so that the daemon can go on with it."""
    agreement: Agreement | None = None
    """How far others may go on with it; None: it is not past its questions."""
    command: str = ""
    """What does the same without a screen."""
    last: str = ""
    """The sentence that the run ended with, or told last."""
    _answer: asyncio.Future[bool] | None = field(default=None, repr=False)

    @property
    def doing(self) -> str:
        """`deploying`, `destroying`."""
        return DOING[self.verb]

    @property
    def shown(self) -> InfraRun:
        """As pages see it."""
        asks = self.question is not None
        return InfraRun(self.verb, self.began_at, is_here=True, is_stopping=self.is_stopping, asks=asks)

    def tell(self, event: DeployEvent) -> None:
        """Hear of an event; the journal keeps them, so here is only the last sentence."""
        if event.told in {Told.ENDED, Told.FAILED, Told.WARNING} or not self.last:
            self.last = event.text
        self.heard()

    async def confirm(self, question: Question) -> bool:
        """Put a question; the run waits until somebody answers or it is stopped."""
        self.question, self.was_shown = question, False
        self._answer = asyncio.get_running_loop().create_future()
        self.heard()
        try:
            return await self._answer
        finally:
            self.question, self._answer = None, None
            self.heard()

    def answer(self, *, yes: bool) -> None:
        """Answer what is asked; nothing where nothing is."""
        if self._answer is not None and not self._answer.done():
            self.was_agreed = self.was_agreed or yes
            self._answer.set_result(yes)

    def stop(self) -> None:
        """Cancel it once: it ends what may not be left half done, and writes down what is billed on."""
        if not self.is_stopping and self.task is not None:
            self.is_stopping = True
            self.task.cancel()
            self.heard()
