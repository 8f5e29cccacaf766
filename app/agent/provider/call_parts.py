"""Puts streamed tool calls together from their pieces, as servers differ in sending them. Pure.

vLLM sends the name once, then arguments by index; others send the name with each piece, every call with index 0 and an
id of its own, or a whole call at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.agent.provider.call_text import LONGEST, read_call
from app.agent.provider.delta import ToolCall

MOST_CALLS = 32


@dataclass
class _Part:
    index: int | None
    id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    length: int = 0


class CallParts:
    """The calls of one reply on their way."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, index: int | None, call_id: str, name: str, arguments: str) -> None:
        """Take a piece; what belongs to no call, or to more calls than anybody needs, is dropped."""
        part = self._find(index, call_id, name)
        if part is None:
            if len(self._parts) >= MOST_CALLS:
                return
            part = _Part(index, call_id)
            self._parts.append(part)
        part.id = part.id or call_id
        part.name = part.name or name
        if part.length <= LONGEST:
            part.arguments.append(arguments)
            part.length += len(arguments)

    def calls(self, *, is_cut: bool) -> list[ToolCall]:
        """The calls, in order; `is_cut`: the limit of tokens ended the reply, so the last one may lack its end."""
        named = [part for part in self._parts if part.name.strip()]
        return [
            read_call(part.name, "".join(part.arguments), call_id=part.id, is_cut=is_cut and part is named[-1])
            for part in named
        ]

    def _find(self, index: int | None, call_id: str, name: str) -> _Part | None:
        if not self._parts:
            return None
        if index is None and not call_id:
            last = self._parts[-1]
            return None if name and last.name else last
        for part in reversed(self._parts):
            is_other = bool(call_id and part.id and call_id != part.id)
            if not is_other and (part.index == index if index is not None else part.id == call_id):
                return part
        return None
