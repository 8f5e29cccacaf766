"""An answer as it grows: what an event makes of it. Pure."""

from __future__ import annotations

from dataclasses import replace

from app.agent.events import (
    Ended,
    Event,
    Noted,
    Proposed,
    ReasoningAdded,
    TextAdded,
    TextWithdrawn,
    ToolBegan,
    ToolEnded,
)
from app.domain.chat import Exchange, Proposal, ToolUse


def told(exchange: Exchange, event: Event) -> Exchange:
    """The exchange after an event."""
    match event:
        case TextAdded(text):
            return replace(exchange, answer=exchange.answer + text)
        case TextWithdrawn():
            return replace(exchange, answer="")
        case ReasoningAdded(text):
            return replace(exchange, reasoning=exchange.reasoning + text)
        case ToolBegan(use) | ToolEnded(use):
            return replace(exchange, tools=_with(exchange.tools, use))
        case Proposed(proposal):
            others = tuple(one for one in exchange.proposals if one.id != proposal.id)
            return replace(exchange, proposals=(*others, proposal))
        case Noted(text):
            return replace(exchange, notes=(*exchange.notes, text))
        case Ended(ended):
            return replace(ended, proposals=tuple(_latest(one, exchange.proposals) for one in ended.proposals))


def _latest(proposal: Proposal, known: tuple[Proposal, ...]) -> Proposal:
    """A proposal as it ended, unless it was settled here while the answer went on."""
    here = next((one for one in known if one.id == proposal.id), proposal)
    return here if proposal.state == "proposed" else proposal


def _with(tools: tuple[ToolUse, ...], use: ToolUse) -> tuple[ToolUse, ...]:
    """The looks with one more, or with one as it is now, by number."""
    others = [one for one in tools if one.number != use.number]
    return tuple(sorted((*others, use), key=lambda one: one.number))
