"""What a model can do, found out at the start by asking it: its result chooses the dialect.

Never trust what a server should be able to do: parsers are off, or do not fit the model. Two short questions tell.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from app.agent.provider.delta import Called, Delta, Dialect, Finished, Reasoning, Text
from app.agent.provider.trouble import ProviderError
from app.agent.provider.written import lesson
from app.domain.frozen import frozen

TOOL = "probe_echo"
MAX_TOKENS = 512
"""Enough to think a little and to call twice."""
_ASK = f"Call the function {TOOL} twice at once, in one reply: with number 1 and with number 2. Say nothing else."
_SYSTEM = "You call functions when you are asked to."
SCHEMA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": TOOL,
        "description": "Gives its number back.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "integer", "description": "The number."}},
            "required": ["number"],
            "additionalProperties": False,
        },
    },
}

Ask = Callable[[Sequence[dict[str, Any]], Sequence[dict[str, Any]]], Awaitable[Sequence[Delta]]]
"""Ask the model once, with messages and tools; gives the whole reply. Raises ProviderError."""


@frozen
class Check:
    """One thing that was found out."""

    name: str
    is_good: bool
    text: str


@frozen
class Probed:
    """What the model showed."""

    dialect: Dialect
    checks: tuple[Check, ...] = ()
    is_parallel: bool = False
    """It made two calls in one reply."""
    has_reasoning: bool = False
    """It thought aloud, apart from its text."""
    takes_tools: bool = True
    """The server took `tools`."""

    @property
    def sentence(self) -> str:
        """For a person: how it calls tools."""
        how = {
            "native": "calls tools",
            "content": "writes tool calls into its text, which are read there",
            "none": "calls no tools, so it is given what was found",
        }[self.dialect]
        several = ", several at once" if self.is_parallel else ""
        return how + several + ("; its reasoning is kept apart" if self.has_reasoning else "")


@frozen
class _Shown:
    """One reply to the question."""

    calls: int
    is_native: bool
    has_reasoning: bool
    has_text: bool
    is_cut: bool
    is_whole: bool


async def examine(ask: Ask) -> Probed:
    """Find out how the model calls tools. Raises ProviderError when it cannot be asked at all."""
    native = await _native(ask)
    if isinstance(native, Probed):
        return native
    written = await _asked(ask, [{"role": "system", "content": f"{_SYSTEM}\n\n{lesson([SCHEMA])}"}], [])
    checks = (*native, _streams(written))
    if written.calls:
        checks = (*checks, Check("calls in text", True, f"{written.calls} found in its text"))
        return Probed("content", checks, written.calls > 1, written.has_reasoning, takes_tools=False)
    checks = (*checks, Check("calls in text", False, "none, though it was asked to"))
    return Probed("none", checks, has_reasoning=written.has_reasoning, takes_tools=False)


async def _native(ask: Ask) -> Probed | tuple[Check, ...]:
    """The outcome where tools as the API has them come to something, else what was found out."""
    try:
        shown = await _asked(ask, [{"role": "system", "content": _SYSTEM}], [SCHEMA])
    except ProviderError as error:
        # Some servers fail inside (500) over tools that their template or parser does not know.
        if error.kind not in ("refused", "failed", "broken"):
            raise
        return (Check("tools", False, f"refused: {error.said or error}"),)
    checks = (_streams(shown), Check("reasoning", shown.has_reasoning, "apart" if shown.has_reasoning else "none seen"))
    if not shown.calls and shown.is_cut and not shown.has_text:
        # It thought until its tokens were over: nothing speaks against its calls.
        return Probed("native", (*checks, Check("tools", True, "accepted; it was still thinking")), has_reasoning=True)
    if not shown.calls:
        return (*checks, Check("tools", False, "accepted, and not called though it was asked to"))
    where = "parsed by the server" if shown.is_native else "left in its text by the server"
    two = Check("parallel calls", shown.calls > 1, f"{shown.calls} in one reply")
    found = Probed("native", (*checks, Check("tools", True, where), two), shown.calls > 1, shown.has_reasoning)
    return found if shown.is_native else replace(found, dialect="content")


async def _asked(ask: Ask, before: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> _Shown:
    reply = await ask([*before, {"role": "user", "content": _ASK}], tools)
    calls = [one.call for one in reply if isinstance(one, Called) and one.call.name.strip() == TOOL]
    return _Shown(
        len(calls),
        any(one.id for one in calls),
        any(isinstance(one, Reasoning) for one in reply),
        any(isinstance(one, Text) and one.text.strip() for one in reply),
        any(isinstance(one, Finished) and one.is_cut for one in reply),
        any(isinstance(one, Finished) and one.is_whole for one in reply),
    )


def _streams(shown: _Shown) -> Check:
    return Check("streaming", not shown.is_whole, "no: replies come whole" if shown.is_whole else "yes")
