"""A conversation as markdown for a file, a ticket or a colleague: each answer with what it rests on. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from app.domain.chat import Conversation, Exchange, Proposal, ToolUse

LONGEST_RESULT = 4000
_STATES: Mapping[str, str] = {
    "open": "It was still being written.", "stopped": "It was stopped before its end.", "failed": "It failed.",
}  # fmt: skip


def markdown(conversation: Conversation, zone: tzinfo | None = None) -> str:
    """The whole conversation; `zone` is that of its times, None for this machine's."""
    title = conversation.title or "Conversation"
    who = f" by {conversation.user}" if conversation.user else ""
    parts = [f"# {_line(title)}", f"Asked{who}, {_time(conversation.began, zone)}."]
    for exchange in conversation.exchanges:
        parts += _exchange(exchange, zone)
    return "\n\n".join(parts) + "\n"


def _exchange(one: Exchange, zone: tzinfo | None) -> Iterator[str]:
    yield f"## {_line(one.question) or 'A question'}"
    if "\n" in one.question.strip():
        yield _quote(one.question)
    about = ", ".join(f"{chip.kind} {chip.key}" for chip in one.chips)
    who = one.model or "the offline analyst"
    yield f"*{_time(one.asked_at, zone)}; answered by {who}{f'; about {about}' if about else ''}.*"
    if one.answer.strip():
        yield one.answer.strip()
    if one.state != "done":
        yield f"**{' '.join((_STATES[one.state], one.problem)).strip()}**"
    yield from _doubts(one)
    if one.blind:
        yield "What could not be seen:\n\n" + "\n".join(f"- {_line(spot)}" for spot in one.blind)
    for note in one.notes:
        yield f"> {_line(note)}"
    yield from (_proposal(each) for each in one.proposals)
    if one.tools:
        yield "### What it rests on"
        yield from (_tool(use, zone) for use in one.tools)


def _doubts(one: Exchange) -> Iterator[str]:
    """What in the answer nothing supports."""
    doubted = [mark for mark in one.marks if mark.kind == "unsupported"]
    if doubted:
        told = "\n".join(f"- `{_line(one.answer[mark.start : mark.end])}`: {_line(mark.target)}" for mark in doubted)
        yield f"Not supported by what was looked at:\n\n{told}"


def _proposal(one: Proposal) -> str:
    lines = [f"Proposed: {_line(one.plan.summary)} ({one.state}{f': {_line(one.outcome)}' if one.outcome else ''})"]
    if one.plan.shown:
        lines.append(_fenced("\n".join(one.plan.shown), "sh"))
    lines += [f"- {_line(hit)}" for hit in one.plan.hits]
    if one.plan.undo:
        lines.append(f"- undo: {_line(one.plan.undo)}")
    return "\n".join(lines)


def _tool(use: ToolUse, zone: tzinfo | None) -> str:
    given = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in use.arguments.items())
    when = f", as of {_time(use.at, zone)}" if use.at else ""
    head = f"**[{use.number}] `{use.tool}({_line(given)})`**{when}: {_line(use.error or use.summary)}"
    if not use.result:
        return head
    text = use.result
    cut = text if len(text) <= LONGEST_RESULT else f"{text[:LONGEST_RESULT]}… ({len(text):,} characters in all)"
    return f"{head}\n\n{_fenced(cut, 'json')}"


def _fenced(text: str, language: str) -> str:
    """A block of code that no text within can end."""
    longest, run = 0, 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().split("\n"))


def _line(text: str) -> str:
    """One line of it."""
    return " ".join(text.split())


def _time(at: float, zone: tzinfo | None) -> str:
    try:
        return (
            f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if at else "at an unknown time"
        )
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
