"""Who answers: the configured model where it can be reached, else the offline analyst."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from app.agent.brain import Brain, BrainError
from app.agent.desk import BrainStatus
from app.agent.door import inside
from app.config.settings import Agent

AGAIN_S = 5.0
"""A server that did not answer is asked again with the next question, but not sooner than this."""
OFFLINE = "no model is configured, so the offline analyst answers; name one in agent.base_url"
log = logging.getLogger("gpu_watchdog.agent")


class Model(Protocol):
    """A configured model: its server can be asked how it is, and it answers."""

    async def probe(self) -> BrainStatus:
        """Who it is and what it can; never raises for a server that does not answer."""

    def brain(self, status: BrainStatus) -> Brain:
        """What answers with it, as the probe found it."""

    async def close(self) -> None:
        """Give back its connections."""


class Brains:
    """Chooses who answers the next question."""

    def __init__(
        self,
        settings: Agent,
        analyst: Callable[[], Brain],
        model: Callable[[], Awaitable[Model]],
        monotonic: Callable[[], float],
    ) -> None:
        """`analyst` and `model` make them when they are first needed."""
        self._settings = settings
        self._analyst = analyst
        self._make_model = model
        self._model: Model | None = None
        self._monotonic = monotonic
        self._status = BrainStatus("connecting") if settings.base_url else BrainStatus("offline", text=OFFLINE)
        self._asked_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def status(self, *, look_again: bool = False) -> BrainStatus:
        """Who will answer; asks the server once, or again."""
        if not self._settings.base_url:
            return self._status
        async with self._one_at_a_time:
            if self._asked_at is None or look_again:
                await self._ask()
            return self._status

    async def pick(self) -> tuple[Brain, BrainStatus]:
        """Who answers now; a server that did not answer is asked again."""
        asked = self._asked_at
        is_due = asked is not None and self._monotonic() - asked >= AGAIN_S
        status = await self.status(look_again=self._status.state == "unreachable" and is_due)
        if status.state == "ready" and self._model is not None:
            return self._model.brain(status), status
        return self._analyst(), status

    def analyst(self) -> Brain:
        """Who answers where the model turned out not to."""
        return self._analyst()

    def lost(self, why: str) -> None:
        """The model could not be reached in the middle of an answer."""
        self._status = replace(self._status, state="unreachable", text=why)
        self._asked_at = self._monotonic()

    async def close(self) -> None:
        """Give back the connections."""
        if self._model is not None:
            await self._model.close()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(self._settings.first_token_s):
                if self._model is None:
                    self._model = await self._make_model()
                self._status = await self._model.probe()
        except TimeoutError:
            text = f"{self._settings.base_url} said nothing within {self._settings.first_token_s:.0f} s"
            self._status = BrainStatus("unreachable", text=inside(text, 300))
        except (BrainError, OSError, ValueError) as error:
            self._status = BrainStatus("unreachable", text=inside(str(error), 300))
        except ImportError as error:
            log.warning("the model's client cannot be loaded", exc_info=error)
            self._status = BrainStatus("unreachable", text=inside(f"the model's client cannot be loaded: {error}", 300))
        self._asked_at = self._monotonic()
