"""What conversations look like to scripts: one answer, one conversation, a list of them; JSON that stays stable.

Keys may be added, never renamed. Unknown is null: a figure the server did not give, a moment that there is none of.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.domain.chat import Conversation, Exchange, Heading, Proposal, ToolUse, Usage

SCHEMA = 1


def answer(exchange: Exchange, conversation: str) -> dict[str, Any]:
    """`ask --json`: one question with its answer, and the conversation it belongs to."""
    return {"schema": SCHEMA, "conversation": conversation, **exchange_status(exchange)}


def conversation_answer(conversation: Conversation) -> dict[str, Any]:
    """`chats show --json`: a conversation, the oldest question first."""
    return {
        "schema": SCHEMA,
        "id": conversation.id,
        "title": conversation.title,
        "began": conversation.began,
        "changed": conversation.changed,
        "user": conversation.user or None,
        "exchanges": [exchange_status(one) for one in conversation.exchanges],
    }


def headings_answer(headings: Sequence[Heading]) -> dict[str, Any]:
    """`chats --json`: conversations, the newest first."""
    return {
        "schema": SCHEMA,
        "chats": [
            {
                "id": one.id,
                "title": one.title,
                "changed": one.changed,
                "exchanges": one.exchanges,
                "model": one.model,
                "found": one.found or None,
            }
            for one in headings
        ],
    }


def exchange_status(exchange: Exchange) -> dict[str, Any]:
    """One question with its answer."""
    return {
        "question": exchange.question,
        "asked_at": exchange.asked_at,
        "about": [{"kind": one.kind, "key": one.key} for one in exchange.chips],
        "answer": exchange.answer,
        "model": exchange.model,
        "state": exchange.state,
        "problem": exchange.problem or None,
        "tools": [_tool(one) for one in exchange.tools],
        "citations": citations(exchange),
        "unsupported": unsupported(exchange),
        "blind": list(exchange.blind),
        "notes": list(exchange.notes),
        "proposals": [_proposal(one) for one in exchange.proposals],
        "usage": _usage(exchange.usage),
    }


def citations(exchange: Exchange) -> list[dict[str, Any]]:
    """Where the answer says what it rests on: offsets in its text, and the look."""
    tools = {str(one.number): one for one in exchange.tools}
    cited = [one for one in exchange.marks if one.kind == "citation" and one.target in tools]
    return [
        {
            "start": one.start,
            "end": one.end,
            "number": tools[one.target].number,
            "tool": tools[one.target].tool,
            "at": tools[one.target].at or None,
        }
        for one in cited
    ]


def unsupported(exchange: Exchange) -> list[dict[str, Any]]:
    """What the answer says and nothing that was looked at supports."""
    return [
        {"start": one.start, "end": one.end, "text": exchange.answer[one.start : one.end], "why": one.target}
        for one in exchange.marks
        if one.kind == "unsupported"
    ]


def _tool(use: ToolUse) -> dict[str, Any]:
    return {
        "number": use.number,
        "tool": use.tool,
        "arguments": dict(use.arguments),
        "at": use.at or None,
        "took_s": use.took_s,
        "result": _result(use.result),
        "summary": use.summary,
        "error": use.error or None,
    }


def _result(text: str) -> Any:  # noqa: ANN401 - JSON has no better name
    """What the model was given, as JSON; the text itself where it is none."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _proposal(one: Proposal) -> dict[str, Any]:
    plan = one.plan
    return {
        "id": one.id,
        "verb": plan.verb,
        "targets": list(plan.targets),
        "commands": [list(words) for words in plan.commands],
        "shown": list(plan.shown),
        "summary": plan.summary,
        "hits": list(plan.hits),
        "undo": plan.undo,
        "severe": plan.is_severe,
        "warnings": list(plan.warnings),
        "why": one.why,
        "state": one.state,
        "outcome": one.outcome or None,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "first_s": usage.first_s,
        "took_s": usage.took_s,
        "tokens_in": usage.tokens_in or None,
        "tokens_out": usage.tokens_out or None,
    }
