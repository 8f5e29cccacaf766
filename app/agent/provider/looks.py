"""Looks that are made for a model: the calls of one reply, or those that fit a question, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from app.agent.brain import Asked, Looker
from app.agent.provider import evidence
from app.agent.provider.delta import ToolCall
from app.agent.provider.talk import Looked
from app.domain.chat import ToolUse
from app.domain.frozen import frozen

MOST_CALLS = 8
"""Looks that one reply may ask for."""
_TOO_MANY = f"error: more than {MOST_CALLS} calls in one reply; this one was not made. Ask again if it is needed"


@frozen
class Made:
    """What the calls of one reply came to."""

    looks: tuple[Looked, ...]
    """One a call, in order."""
    has_news: bool
    """One of them brought something."""
    unread: tuple[ToolCall, ...]
    """Calls that nobody can read; the model is told."""


async def make(looker: Looker, calls: Sequence[ToolCall]) -> Made:
    """Make the looks that a reply asks for."""
    calls = calls[: 2 * MOST_CALLS]
    readable = [number for number, call in enumerate(calls) if call.arguments is not None][:MOST_CALLS]
    uses = await _at_once(looker, {number: (calls[number].name, calls[number].arguments or {}) for number in readable})
    looks = tuple(_looked(call, uses.get(number)) for number, call in enumerate(calls))
    has_news = any(not use.error for use in uses.values())
    return Made(looks, has_news, tuple(call for call in calls if call.arguments is None))


async def ahead(looker: Looker, asked: Asked) -> tuple[Looked, ...]:
    """For a model that calls no tools: what fits the question."""
    known = frozenset(one["function"]["name"] for one in looker.schemas())
    uses = await _at_once(looker, dict(enumerate(evidence.looks(asked, known))))
    in_order = sorted(uses.values(), key=lambda use: use.number)
    return tuple(_looked(ToolCall(use.tool, use.arguments), use) for use in in_order)


async def _at_once(looker: Looker, wanted: Mapping[int, tuple[str, Mapping[str, Any]]]) -> dict[int, ToolUse]:
    uses: dict[int, ToolUse] = {}

    async def look(number: int, tool: str, arguments: Mapping[str, Any]) -> None:
        uses[number] = await looker.look(tool, arguments)

    async with asyncio.TaskGroup() as group:
        for number, (tool, arguments) in wanted.items():
            group.create_task(look(number, tool, arguments))
    return uses


def _looked(call: ToolCall, use: ToolUse | None) -> Looked:
    """A call with what the model is told of it; only a look that was made has a number."""
    if use is None:
        text = f"error: {call.problem}" if call.problem else _TOO_MANY
        return Looked(call, text, text)
    if use.error:
        text = f"[{use.number}] error: {use.error}"
        return Looked(call, text, text)
    return Looked(call, f"[{use.number}] {use.result}", f"[{use.number}] (in short) {use.tool}: {use.summary}")
