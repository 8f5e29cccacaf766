"""Chunks and models as plain values, whichever server sent them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.domain.frozen import frozen


@frozen
class Served:
    """A model that the server lists."""

    name: str
    context_tokens: int | None
    is_vllm: bool
    """Takes vLLM's own parameters; SGLang does as well."""


@frozen
class CallPiece:
    """A piece of a tool call."""

    index: int | None
    id: str
    name: str
    arguments: str


@frozen
class Piece:
    """One chunk of a streamed reply."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish: str = ""
    tokens: tuple[int, int] | None = None
    """Of the prompt and of the reply, so far."""

    @property
    def says_something(self) -> bool:
        """It is more than the role, an end or a count."""
        return bool(self.text or self.reasoning or self.calls)


def read_model(row: object) -> Served | None:
    """A row of the list of models; where the context stands differs from server to server. None: it is none."""
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
        return None
    meta = row.get("meta")
    places = [row.get(key) for key in ("max_model_len", "context_length", "context_window", "max_context_length")]
    if isinstance(meta, Mapping):  # llama.cpp
        places += [meta.get("n_ctx"), meta.get("n_ctx_train")]
    context = next((_count(one) for one in places if _count(one)), None)
    return Served(row["id"], context, row.get("owned_by") in ("vllm", "sglang"))


def read_piece(chunk: object) -> Piece:
    """A chunk; servers leave out what the API says is there, and add fields of their own."""
    if not isinstance(chunk, Mapping):
        return Piece()
    usage = chunk.get("usage")
    tokens = None
    if isinstance(usage, Mapping):
        tokens = (_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return Piece(tokens=tokens)
    finish = _text(choice.get("finish_reason"))
    # A server that streams nothing sends the whole message at once.
    delta = choice.get("delta", choice.get("message"))
    if not isinstance(delta, Mapping):
        return Piece(finish=finish, tokens=tokens)
    calls = delta.get("tool_calls")
    return Piece(
        _text(delta.get("content")),
        _text(delta.get("reasoning")) or _text(delta.get("reasoning_content")),
        tuple(_call(one) for one in calls if isinstance(one, Mapping)) if isinstance(calls, list) else (),
        finish,
        tokens,
    )


def _call(row: Mapping[str, Any]) -> CallPiece:
    function = row.get("function")
    index = row.get("index")
    given = function if isinstance(function, Mapping) else {}
    arguments = given.get("arguments")
    # Some servers send arguments as an object, where the API says text.
    text = json.dumps(arguments) if isinstance(arguments, Mapping) else _text(arguments)
    return CallPiece(index if isinstance(index, int) else None, _text(row.get("id")), _text(given.get("name")), text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else 0
