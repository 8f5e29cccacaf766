"""What vLLM 0.32 sends, byte by byte: chunks of a streamed answer, a whole answer, errors, the list of models. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CREATED = 1795435616
DONE = b"data: [DONE]\n\n"


def packed(value: object) -> bytes:
    """JSON as pydantic writes it: no blanks, no escapes that need not be."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Chunks:
    """The events of one streamed answer."""

    model: str
    id: str = "chatcmpl-899b4bf93b11a9e5"

    def first(self) -> bytes:
        """The role, before any word."""
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        return self._event([choice], prompt_token_ids=None, prompt_text=None)

    def delta(self, delta: Mapping[str, Any]) -> bytes:
        """A piece of the answer."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, "token_ids": None}
        return self._event([choice])

    def last(self, finish: str) -> bytes:
        """Why it ends."""
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish}
        return self._event([{**choice, "stop_reason": None, "token_ids": None}])

    def usage(self, tokens_in: int, tokens_out: int) -> bytes:
        """What it took; only sent where `stream_options` ask for it."""
        return self._event([], usage=counted(tokens_in, tokens_out), system_fingerprint="vllm-0.32.0-9899f1b8")

    def _event(self, choices: Sequence[Mapping[str, Any]], **more: object) -> bytes:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model}
        return b"data: " + packed({**head, "choices": choices, **more}) + b"\n\n"


def counted(tokens_in: int, tokens_out: int) -> dict[str, int]:
    """The figures of a usage block."""
    return {"prompt_tokens": tokens_in, "total_tokens": tokens_in + tokens_out, "completion_tokens": tokens_out}


def call_deltas(index: int, call_id: str, name: str, arguments: str, size: int) -> list[dict[str, Any]]:
    """A tool call as it is streamed: its name, then its arguments, `size` characters at a time."""
    head = {"id": call_id, "type": "function", "index": index, "function": {"name": name}}
    parts = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    tail = [{"index": index, "function": {"arguments": part}} for part in parts]
    return [{"content": None, "tool_calls": [one]} for one in (head, *tail)]


def whole(model: str, message: Mapping[str, Any], finish: str, usage: Mapping[str, int]) -> bytes:
    """An answer that was not streamed."""
    empty = {"refusal": None, "annotations": None, "audio": None, "function_call": None, "reasoning": None}
    choice = {
        "index": 0,
        "message": {"role": "assistant", **empty, **message},
        "logprobs": None,
        "finish_reason": finish,
        "stop_reason": None,
    }
    head = {"id": "chatcmpl-8d4072ff9fabba1d", "object": "chat.completion", "created": CREATED, "model": model}
    return packed({**head, "choices": [choice], "usage": usage})


def error(status: int, message: str, kind: str = "BadRequestError", param: str | None = None) -> bytes:
    """The body of a refusal."""
    return packed({"error": {"message": message, "type": kind, "param": param, "code": status}})


def models(names: Sequence[str], context: int | None, owner: str = "vllm") -> bytes:
    """The list of models; `context` None: the server does not say it, as not every one does."""
    rows = []
    for name in names:
        row: dict[str, Any] = {"id": name, "object": "model", "created": CREATED, "owned_by": owner, "root": name}
        rows.append({**row, "parent": None, **({} if context is None else {"max_model_len": context})})
    return packed({"object": "list", "data": rows})


def hermes(name: str, arguments: str) -> str:
    """A tool call as Hermes and Qwen 2.5 write it into their text."""
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


def xml(name: str, arguments: str) -> str:
    """A tool call as Qwen 3 Coder and Nemotron 3 write it into their text."""
    try:
        given = json.loads(arguments)
    except ValueError:
        given = {}
    lines = [f"<parameter={key}>\n{_plain(value)}\n</parameter>" for key, value in given.items()]
    return "\n".join(["<tool_call>", f"<function={name}>", *lines, "</function>", "</tool_call>"])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
