"""A model server as the agent uses it: asked what it can do, then for replies, again where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.agent.desk import BrainStatus
from app.agent.provider.delta import Delta, Dialect, Waiting
from app.agent.provider.probe import MAX_TOKENS, Check, Probed, examine
from app.agent.provider.replies import Opened, Replies
from app.agent.provider.trouble import ProviderError, names_of, silent, slow
from app.agent.provider.wire import Wire
from app.config.settings import Agent
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.transport.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState

    from app.transport.ssh import SshForwards

TRIES = 3
"""Times a reply is asked for before its first word; after that it is not asked for again."""
PROBE_S = 45.0
"""Seconds that the whole start-up probe may take; where the first word of an answer must come sooner, so must it."""
PROBE_SHARE = 0.9
MODELS_S = 10.0
"""Seconds the list of models may take."""
WORD_SHARE = 0.6
"""Of the time of the probe: the first word of a reply must come within it."""


_FORCED: Mapping[str, Dialect] = {"native": "native", "content": "content", "none": "none"}
"""What `[agent] tools` may say beside `auto`."""


def connect(
    settings: Agent, *, base_url: str = "", forwards: SshForwards | None = None, clock: Clock | None = None
) -> Provider:
    """The server of `[agent]`; nothing is sent yet, and the package for it is not loaded.

    `base_url`: instead of the settings'; `forwards`: the way through ssh where the settings name a host, which stays
    its owner's. Raises ProviderError when the settings cannot be used.
    """
    return Provider(settings, Wire(settings, base_url or settings.base_url, forwards), clock or SystemClock())


class Provider:
    """One model on one server, for one event loop."""

    def __init__(self, settings: Agent, wire: Wire, clock: Clock) -> None:
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._replies = Replies(settings, wire, clock)
        self._lock = asyncio.Lock()
        self._status: BrainStatus | None = None
        self._trouble: ProviderError | None = None
        self.dialect: Dialect = "native"
        self.takes_tools = True
        """The server takes `tools`, so that the model is told of them in its own words, whoever reads its calls."""
        self.checks: tuple[Check, ...] = ()
        """What the last probe found out."""

    @property
    def where(self) -> str:
        """The server, for a sentence."""
        return self._wire.where

    @property
    def model(self) -> str | None:
        """The model's name, cleaned; None: the server was not asked yet."""
        return clean(self._replies.model, 120) if self._replies.model else None

    @property
    def context_tokens(self) -> int | None:
        """The model's context; None where nobody says it."""
        return self._replies.context_tokens

    @property
    def takes_thoughts(self) -> bool:
        """Its model is shown what it thought before the looks it made, where it is known that the server takes that."""
        return self._replies.is_vllm

    async def probe(self) -> BrainStatus:
        """Find out what is there and what it can; bounded, and never raises for what it finds."""
        async with self._lock:
            self._status = await self._probed()
            return self._status

    async def ready(self) -> None:
        """See that the server was asked what it can. Raises ProviderError when it cannot answer."""
        if self._status is None or self._status.state != "ready":
            await self.probe()
        if self._trouble is not None:
            raise self._trouble

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        until: float | None = None,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """A reply as it comes; closing the generator, or cancelling who reads it, ends the connection at once.

        `until`: by the clock's `monotonic`, when the answer must be there. Asks again by itself where that is safe:
        before the first word. Raises ProviderError; what was told until then stays true.
        """
        opened: Opened | None = None
        pauses: list[_Pause] = []
        async for attempt in _retrying(pauses):
            if pauses:
                yield Waiting(f"{pauses[-1].why}; {pauses[-1].when}")
                await self._replies.pause(pauses[-1].seconds, until)
            with attempt:
                opened = await self._replies.open(messages, tools, until, max_tokens or self._settings.max_tokens)
        assert opened is not None, "the last try either opened it or raised"  # noqa: S101 - for the type checker
        async with aclosing(self._replies.read(opened, until)) as deltas:
            async for delta in deltas:
                yield delta

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _probed(self) -> BrainStatus:
        self._trouble = None
        await self._wire.load()
        whole_s = min(PROBE_S, PROBE_SHARE * self._settings.first_token_s)
        until = self._clock.monotonic() + whole_s

        async def ask(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> Sequence[Delta]:
            opened = await self._replies.open(messages, tools, until, MAX_TOKENS, patience_s=WORD_SHARE * whole_s)
            async with aclosing(self._replies.read(opened, until)) as deltas:
                return [delta async for delta in deltas]

        try:
            async with asyncio.timeout(min(MODELS_S, whole_s)):
                names = await self._named()
            found = await examine(ask)
        except TimeoutError:
            self._trouble = silent(self.where, min(MODELS_S, whole_s), is_up=False)
        except ProviderError as error:
            self._trouble = slow(self.where, whole_s) if error.kind == "late" else error
        else:
            forced = _FORCED.get(self._settings.tools)
            self.dialect, self.takes_tools = forced or found.dialect, found.takes_tools and forced != "content"
            context = f"context {self.context_tokens:,} tokens" if self.context_tokens else "its context is not told"
            self.checks = (*names, Check("context", self.context_tokens is not None, context), *found.checks)
            return BrainStatus("ready", self.model, f"{self._how(found)}; {context}", self.context_tokens)
        self.checks = (Check("server", False, str(self._trouble)),)
        return BrainStatus("unreachable", self.model, str(self._trouble), self.context_tokens)

    def _how(self, found: Probed) -> str:
        """How it will be asked, for a person."""
        return replace(found, dialect=self.dialect).sentence

    async def _named(self) -> tuple[Check, ...]:
        """Take the model and its context from the server's list. Raises ProviderError."""
        try:
            served = await self._wire.models()
        except ProviderError as error:
            if not self._settings.model or error.kind in ("offline", "denied"):
                raise
            return (Check("models", False, str(error)),)
        chosen = next((one for one in served if one.name == self._settings.model), None)
        if chosen is None and not self._settings.model:
            if not served:
                raise ProviderError("model", f"the model server at {self.where} has no model: is it still loading?")
            chosen = served[0]
        self._replies.take(chosen)
        return (Check("models", chosen is not None, names_of(one.name for one in served) or "none listed"),)


@frozen
class _Pause:
    """A wait before another try."""

    why: str
    seconds: float

    @property
    def when(self) -> str:
        """For a sentence."""
        return "asking again" if self.seconds < 1 else f"asking again in {self.seconds:.0f} s"


def _retrying(pauses: list[_Pause]) -> AsyncRetrying:
    """Tries of one reply; it waits for nothing itself but puts into `pauses` what to wait for: that is told first."""
    from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415 - late: as below

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        pauses.append(_Pause(str(error), state.upcoming_sleep))

    async def at_once(_seconds: float) -> None:
        """The one who asks waits."""

    return AsyncRetrying(
        stop=stop_after_attempt(TRIES),
        wait=_wait_s,
        retry=retry_if_exception(lambda error: isinstance(error, ProviderError) and error.may_pass),
        before_sleep=note,
        sleep=at_once,
        reraise=True,
    )


def _wait_s(state: RetryCallState) -> float:
    """What the server asks for, else a little, and more each time."""
    from tenacity import wait_random_exponential  # noqa: PLC0415 - late: only who asks a model needs it

    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, ProviderError) and error.retry_after_s is not None:
        return error.retry_after_s
    return float(wait_random_exponential(multiplier=0.5, max=8.0)(state))
