"""Tool calls as text, for servers that parse none: how a model is taught to write them, and its words back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.agent.provider.delta import ToolCall


def lesson(tools: Sequence[Mapping[str, Any]]) -> str:
    """What stands at the end of the system prompt: the tools, and how to call one. Most models were trained on this."""
    rows = "\n".join(json.dumps(_bare(one), ensure_ascii=False, separators=(",", ":")) for one in tools)
    return (
        "# Tools\n\nYou may call functions. Their signatures stand between <tools></tools>:\n"
        f"<tools>\n{rows}\n</tools>\n\n"
        "For each call write one JSON object with its name and arguments between <tool_call></tool_call>, and nothing "
        "after the last one:\n"
        '<tool_call>\n{"name": "FUNCTION", "arguments": {"ARGUMENT": "VALUE"}}\n</tool_call>\n'
        "Calls that do not need each other's results stand one after another in one reply. Results come back between "
        "<tool_response></tool_response>."
    )


def call(one: ToolCall) -> str:
    """A call as the model wrote it."""
    arguments = one.raw if one.arguments is None else json.dumps(dict(one.arguments), ensure_ascii=False)
    return f'<tool_call>\n{{"name": {json.dumps(one.name)}, "arguments": {arguments or "{}"}}}\n</tool_call>'


def results(texts: Sequence[str]) -> str:
    """What calls brought, as one message."""
    return "\n".join(f"<tool_response>\n{text}\n</tool_response>" for text in texts)


def _bare(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in tool["function"].items() if key != "strict"}
    return {"type": "function", "function": function}
