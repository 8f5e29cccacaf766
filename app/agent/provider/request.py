"""What is asked of a server: the body of a request, and what of it a server may object to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

Optional = Literal["strict", "stream_options", "max_tokens", "chat_template_kwargs"]
"""Parts that a server may not know; `max_tokens` goes by its newer name then."""
_OBJECTIONS: Mapping[Optional, re.Pattern[str]] = {
    "max_tokens": re.compile(r"max_completion_tokens", re.IGNORECASE),
    "chat_template_kwargs": re.compile(r"chat_template_kwargs", re.IGNORECASE),
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "strict": re.compile(r"\bstrict\b", re.IGNORECASE),
}


def body(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    max_tokens: int,
    without: Iterable[Optional] = (),
    *,
    is_brief: bool = False,
) -> dict[str, Any]:
    """A request for a streamed reply.

    No temperature: the server's own default, which is the model's, is the best that is known of it. `is_brief` asks
    vLLM to let the model answer without thinking.
    """
    missing = frozenset(without)
    found: dict[str, Any] = {"model": model, "messages": list(messages)}
    found["max_completion_tokens" if "max_tokens" in missing else "max_tokens"] = max_tokens
    if "stream_options" not in missing:
        found["stream_options"] = {"include_usage": True}
    if tools:
        found["tools"] = [_loose(one) for one in tools] if "strict" in missing else list(tools)
    if is_brief and "chat_template_kwargs" not in missing:
        found["chat_template_kwargs"] = {"enable_thinking": False}
    return found


def objection(said: str, asked: Mapping[str, Any]) -> Optional | None:
    """Which optional part a refusal is about; None: none that was there."""
    there = {
        "max_tokens": "max_tokens" in asked,
        "chat_template_kwargs": "chat_template_kwargs" in asked,
        "stream_options": "stream_options" in asked,
        "strict": any("strict" in one.get("function", {}) for one in asked.get("tools", ())),
    }
    return next((name for name, pattern in _OBJECTIONS.items() if there[name] and pattern.search(said)), None)


def _loose(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in tool["function"].items() if key != "strict"}
    return {**tool, "function": function}
