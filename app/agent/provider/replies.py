"""Replies of a model server, one at a time: the deadlines they are held to, and what the server takes no part in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from app.agent.provider import request
from app.agent.provider.delta import Delta
from app.agent.provider.pieces import Piece, Served
from app.agent.provider.reading import Reading
from app.agent.provider.trouble import ProviderError, broken_off, late, silent, stalled
from app.agent.provider.wire import Wire
from app.config.settings import Agent
from app.transport.clock import Clock

HEALTH_S = 2.0
"""Seconds a server may take to say that it is there, when its engine says nothing."""
LINGER_S = 2.0
"""Seconds the count of tokens may take after the end of a reply."""
_LEAST_TOKENS = 64
_GIVEN_UP = ("abort", "error")
"""Why a server ends a reply that it does not finish: it goes down, or to sleep."""


@dataclass(slots=True)
class Opened:
    """A reply whose first word is there."""

    pieces: AsyncGenerator[Piece, None]
    first: Piece | None


class Replies:
    """Asks one model; what it learns of the server, it keeps to."""

    def __init__(self, settings: Agent, wire: Wire, clock: Clock) -> None:
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._without: set[request.Optional] = set()
        self._opens_in_thought = False
        self.is_vllm = False
        """It takes what only vLLM and SGLang do."""
        self.model: str | None = settings.model or None
        self.context_tokens: int | None = None
        """None where the server does not say; a refusal may tell it later."""

    @property
    def where(self) -> str:
        """The server, for a sentence."""
        return self._wire.where

    def take(self, chosen: Served | None) -> None:
        """Ask this one from now on; None: the one that the settings name, of which nothing is known."""
        self.model = chosen.name if chosen else self._settings.model
        self.context_tokens = chosen.context_tokens if chosen else None
        self.is_vllm = chosen is not None and chosen.is_vllm

    async def open(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        until: float | None,
        max_tokens: int,
        *,
        patience_s: float | None = None,
    ) -> Opened:
        """Ask, and wait for the first word; what the server objects to is left out ever after. Raises ProviderError.

        `patience_s`: until the first word of a question of ours, which wants no long thought; else as settings say.
        """
        while True:
            most = max_tokens if self.context_tokens is None else min(max_tokens, self.context_tokens // 4)
            body = request.body(
                self.model or "",
                messages,
                tools,
                max(_LEAST_TOKENS, most),
                self._without,
                is_brief=self.is_vllm and patience_s is not None,
            )
            try:
                return await self._begun(body, until, patience_s or self._settings.first_token_s)
            except ProviderError as error:
                unknown = request.objection(error.said, body) if error.kind == "refused" else None
                if error.limit_tokens is not None and error.limit_tokens != self.context_tokens:
                    self.context_tokens = error.limit_tokens  # a shorter reply may be all it takes
                elif unknown is not None:
                    self._without.add(unknown)
                else:
                    raise

    async def _begun(self, body: Mapping[str, Any], until: float | None, patience_s: float) -> Opened:
        """A reply with its first word. Raises ProviderError."""
        pieces = self._wire.pieces(body)
        try:
            async with asyncio.timeout(self._bounded(patience_s, until)):
                async for piece in pieces:
                    if piece.says_something or piece.finish:
                        return Opened(pieces, piece)
        except TimeoutError:
            await pieces.aclose()
            if self._is_over(until):
                raise late(self._settings.answer_s) from None
            raise silent(self.where, patience_s, is_up=await self._is_up()) from None
        except BaseException:
            await pieces.aclose()
            raise
        raise broken_off(self.where, "it ended before its first word")

    async def read(self, opened: Opened, until: float | None) -> AsyncGenerator[Delta, None]:
        """A reply that was opened, to its end. Raises ProviderError, after all that came."""
        reading = Reading(opens_in_thought=self._opens_in_thought)
        piece = opened.first
        async with aclosing(opened.pieces) as pieces:
            try:
                while piece is not None:
                    for delta in reading.take(piece):
                        yield delta
                    if reading.is_endless:
                        raise broken_off(self.where, "it does not come to an end")
                    piece = await self._next(pieces, reading, until)
                if reading.finish in ("", *_GIVEN_UP):
                    raise broken_off(self.where, f"it says `{reading.finish}`" if reading.finish else "it ended early")
            except ProviderError:
                for delta in reading.rest():
                    yield delta
                raise
        self._opens_in_thought = self._opens_in_thought or reading.is_dangling
        for delta in reading.end():
            yield delta

    async def _next(self, pieces: AsyncGenerator[Piece, None], reading: Reading, until: float | None) -> Piece | None:
        """The next chunk; None at the end. Raises ProviderError."""
        patience_s = LINGER_S if reading.finish else self._settings.first_token_s
        try:
            async with asyncio.timeout(self._bounded(patience_s, until)):
                return await anext(pieces, None)
        except TimeoutError:
            if reading.finish:
                return None  # all is there but the count
            raise (late(self._settings.answer_s) if self._is_over(until) else stalled(self.where, patience_s)) from None

    async def _is_up(self) -> bool:
        """Whether the server answers a question that takes no engine."""
        try:
            async with asyncio.timeout(HEALTH_S):
                await self._wire.models()
        except (ProviderError, TimeoutError):
            return False
        return True

    async def pause(self, seconds: float, until: float | None) -> None:
        """Wait before another try. Raises ProviderError where that is too long."""
        left = self._bounded(seconds, until)
        await self._clock.sleep(left)
        if self._is_over(until):
            raise late(self._settings.answer_s)

    def _bounded(self, seconds: float, until: float | None) -> float:
        return seconds if until is None else max(0.0, min(seconds, until - self._clock.monotonic()))

    def _is_over(self, until: float | None) -> bool:
        return until is not None and self._clock.monotonic() >= until
