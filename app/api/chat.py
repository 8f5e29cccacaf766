"""Routes of the agent: a question with its answer, as a whole or as it is made, and the caller's own conversations."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from app.api.hall import Hall
from app.api.params import path
from app.api.row import EVENTS, Call, Param, RefusedError, Reply, Row, json_reply
from app.domain.chat import Chip, ChipKind, Exchange
from app.services import queries_chat

if TYPE_CHECKING:
    from app.agent.events import Event
    from app.agent.session import Session

LONGEST_QUESTION = 20_000
_KINDS: tuple[ChipKind, ...] = ("gpu", "node", "job", "alert", "incident")


async def status(hall: Hall, call: Call) -> Reply:
    """Who will answer the next question: a model, or the offline analyst."""
    async with hall.chats.desk(call.caller) as desk:
        found = await desk.status()
    return json_reply({"schema": 1, "state": found.state, "model": found.model, "text": found.text})


async def ask(hall: Hall, call: Call) -> Reply:
    """Ask a question and wait for the whole answer: what `ask --json` prints. What is proposed is not done."""
    question, chips, at = _question(call)
    with hall.chats.answering(call.caller):
        async with hall.chats.desk(call.caller) as desk:
            conversation = await _conversation(desk, call)
            exchange: Exchange | None = None
            async for event in desk.ask(question, chips, conversation=conversation, at=at):
                exchange = getattr(event, "exchange", exchange)
            key = conversation or desk.begun()
    if exchange is None:
        raise RuntimeError("an answer that has no end")
    return json_reply(queries_chat.answer(exchange, key))


async def ask_stream(hall: Hall, call: Call) -> Reply:
    """Ask a question and follow the answer as server-sent events; leaving stops it, and what came is kept."""
    _question(call)
    async with hall.chats.desk(call.caller) as desk:
        await _conversation(desk, call)
    return Reply(media=EVENTS, events=_followed(hall, call))


async def headings(hall: Hall, call: Call) -> Reply:
    """The caller's own conversations, the newest first: what `chats --json` prints."""
    async with hall.chats.desk(call.caller) as desk:
        found = await desk.headings(call.text("words"), call.whole("limit", 200))
    return json_reply(queries_chat.headings_answer(found))


async def conversation(hall: Hall, call: Call) -> Reply:
    """One of the caller's own conversations, the oldest question first."""
    async with hall.chats.desk(call.caller) as desk:
        found = await desk.conversation(call.text("id"))
    if found is None:
        raise LookupError("there is no such conversation of yours")
    return json_reply(queries_chat.conversation_answer(found))


async def forget(hall: Hall, call: Call) -> Reply:
    """Delete one of the caller's own conversations."""
    async with hall.chats.desk(call.caller) as desk:
        if await desk.conversation(call.text("id")) is None:
            raise LookupError("there is no such conversation of yours")
        await desk.delete(call.text("id"))
    return json_reply({"deleted": call.text("id")})


async def _followed(hall: Hall, call: Call) -> AsyncIterator[bytes]:
    question, chips, at = _question(call)
    with hall.chats.answering(call.caller):
        async with hall.chats.desk(call.caller) as desk:
            asked = await _conversation(desk, call)
            events = desk.ask(question, chips, conversation=asked, at=at)
            async with contextlib.aclosing(events) as following:
                async for event in following:
                    name, told = _told(event, asked or desk.begun())
                    yield f"event: {name}\ndata: {json.dumps(told, separators=(',', ':'))}\n\n".encode()


def _told(event: Event, key: str) -> tuple[str, Mapping[str, Any]]:
    """An event of an answer as a client is told it."""
    from app.agent import events  # noqa: PLC0415 - late: the agent is loaded once somebody asks

    match event:
        case events.TextAdded(text):
            return "text", {"text": text}
        case events.TextWithdrawn():
            return "withdrawn", {}
        case events.ReasoningAdded(text):
            return "reasoning", {"text": text}
        case events.ToolBegan(use):
            return "tool", {"number": use.number, "tool": use.tool, "state": "began"}
        case events.ToolEnded(use):
            ended = {"summary": use.summary, "error": use.error or None}
            return "tool", {"number": use.number, "tool": use.tool, "state": "ended", **ended}
        case events.Proposed(proposal):
            return "proposal", {"id": proposal.id, "summary": proposal.plan.summary, "why": proposal.why}
        case events.Noted(text):
            return "note", {"text": text}
        case events.Ended(exchange):
            return "answer", queries_chat.answer(exchange, key)


def _question(call: Call) -> tuple[str, tuple[Chip, ...], float | None]:
    """The question, what it is about, and the moment. Raises RefusedError."""
    question = str(call.body["question"]).strip()
    if not question:
        raise RefusedError(400, "question must not be empty")
    chips = []
    for text in call.body.get("about", ()):
        word, _, key = str(text).partition(":")
        kind = next((one for one in _KINDS if one == word), None)
        if kind is None or not key:
            raise RefusedError(400, "about is gpu:NODE/INDEX, node:NAME, job:ID, alert:ID or incident:ID")
        chips.append(Chip(kind, key))
    at = call.body.get("at")
    return question, tuple(chips), None if at is None else float(at)


async def _conversation(desk: Session, call: Call) -> str:
    """The conversation to go on with; empty: a new one. Raises LookupError."""
    wanted = str(call.body.get("conversation", ""))
    if wanted and await desk.conversation(wanted) is None:
        raise LookupError("there is no such conversation of yours")
    return wanted


_ID = path("id", "Id of the conversation.")
_ASKED: tuple[Param, ...] = (
    Param("question", "text", "What to ask.", longest=LONGEST_QUESTION, is_needed=True),
    Param("conversation", "text", "Go on with this one of yours; else a new one is begun.", longest=100),
    Param("about", "texts", "What it is about: `gpu:gpu-01/3`, `node:N`, `job:ID`, `alert:ID`, `incident:i-3`."),
    Param("at", "time", "The past moment that is asked about, epoch seconds.", least=0, most=1e11),
)
ROWS: tuple[Row, ...] = (
    Row("GET", "/api/chat", "view", status, answer="api#/$defs/chat"),
    Row("POST", "/api/chat", "act", ask, body=_ASKED, answer="ask", fails=(404, 429)),
    Row("POST", "/api/chat/stream", "act", ask_stream, body=_ASKED, media=EVENTS, fails=(404, 429, 503)),
    Row(
        "GET",
        "/api/chats",
        "view",
        headings,
        (
            Param("words", "text", "Only those that hold all of these words."),
            Param("limit", "whole", "Most of them.", least=1, most=1000),
        ),
        answer="chats#/$defs/list",
    ),
    Row("GET", "/api/chats/{id}", "view", conversation, (_ID,), answer="chats#/$defs/conversation", fails=(404,)),
    Row("DELETE", "/api/chats/{id}", "view", forget, (_ID,), answer="api#/$defs/deleted", fails=(404,)),
)
