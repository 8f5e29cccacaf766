"""The looker: runs tools for one answer, and sees to it that each look is bounded, numbered, told and written down.

It does nothing to the cluster: a tool that proposes brings a plan, and whoever shows it asks a person.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from time import monotonic
from typing import Any

from app.agent import budget
from app.agent.door import inside, inside_all
from app.agent.events import Event, Noted, Proposed, ToolBegan, ToolEnded
from app.agent.ground import Ground, NothingKeptError
from app.agent.tools import places, registry, schema
from app.agent.tools.tool import Found, Tool, ToolError
from app.domain.chat import ToolUse
from app.transport.turns import in_thread

PATIENCE_S = 15.0
"""A look may take so long."""
AT_ONCE = 4
"""Looks that run at the same time; more wait."""
MOST_LOOKS = 60
"""Looks of one answer: beyond that something goes round in circles."""
LONGEST_ARGUMENT = 500
LONGEST_TEXT = 1000
"""Characters of one text in a result."""
LONGEST_ERROR = 600
_SPANS = ("since", "until", "lasts")
_METRICS = ("metric", "metrics", "order_by")
_PLACES = ("gpu", "node", "job", "jobs", "nodes", "about", "service")
_BETWEEN = re.compile(r"[\s/:_.#-]+")

log = logging.getLogger("gpu_watchdog.agent")
Audit = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Repeat:
    """A look that was made, and how often it was asked for again."""

    number: int
    again: int = 0


class ToolLooker:
    """A `Looker` over one ground, for one answer."""

    def __init__(
        self,
        ground: Ground,
        tell: Callable[[Event], None],
        *,
        context_tokens: int | None = None,
        audit: Audit | None = None,
    ) -> None:
        """`tell` takes ToolBegan, ToolEnded, Proposed and Noted as they come; `audit` is called in a thread."""
        self._ground = ground
        self._tell = tell
        self._most_tokens = budget.most_tokens(context_tokens)
        self._audit = audit
        self._uses: list[ToolUse] = []
        self._made: dict[str, _Repeat] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._is_audit_down = False

    @property
    def ground(self) -> Ground:
        """What is looked at."""
        return self._ground

    @property
    def uses(self) -> tuple[ToolUse, ...]:
        """Every look so far, in order; one that is under way has neither result nor error."""
        return tuple(self._uses)

    def schemas(self) -> list[dict[str, Any]]:
        """The tools as the API of OpenAI takes them, strict."""
        return [schema.schema(one) for one in registry.TOOLS]

    async def look(self, tool: str, arguments: Mapping[str, Any]) -> ToolUse:
        """One look. Never raises for what went wrong in it: `error` says so. Looks may run at the same time."""
        began = monotonic()
        shown = self._door(arguments, LONGEST_ARGUMENT)
        use = ToolUse(len(self._uses) + 1, inside(tool, 60), shown, began=self._ground.feed.now())
        self._uses.append(use)
        self._tell(ToolBegan(use))
        try:
            use = await self._made_look(use, tool, arguments)
        except asyncio.CancelledError:
            self._keep(replace(self._latest(use), error="stopped before it ended", took_s=_since(began)))
            raise
        except (ToolError, TimeoutError, NothingKeptError) as error:
            use = replace(self._latest(use), error=inside(_sentence(tool, error), LONGEST_ERROR))
        except Exception as error:  # whatever it is, the answer goes on without this look, and says so
            log.warning("the tool %s failed", use.tool, exc_info=error)
            use = replace(self._latest(use), error=inside(_sentence(tool, error), LONGEST_ERROR))
        use = self._keep(replace(use, took_s=_since(began)))
        self._tell(ToolEnded(use))
        await self._write_down(_look_fact(use))
        return use

    async def _made_look(self, use: ToolUse, name: str, arguments: Mapping[str, Any]) -> ToolUse:
        """The look with its result. Raises whatever went wrong."""
        tool = _tool(name)
        checked = schema.checked(tool, arguments)
        use = self._keep(replace(use, tool=tool.name, arguments=self._door(checked, LONGEST_ARGUMENT)))
        if use.number > MOST_LOOKS:
            raise ToolError(f"{MOST_LOOKS} looks were made for this answer: answer from what they brought")
        key = _key(tool, checked)
        self._refuse_repeat(key, use)
        try:
            async with self._gate, asyncio.timeout(PATIENCE_S):
                found = await tool.function(self._ground, **checked)
        except BaseException:
            self._made.pop(key, None)  # it brought nothing: it may be asked for again
            raise
        text = await in_thread(self._text, found)
        if found.proposal is not None:
            await self._propose(found)
        return replace(use, at=found.at, result=text, summary=inside(found.summary, 200))

    def _text(self, found: Found) -> str:
        return budget.fitted(found, self._door(found.data), self._most_tokens)

    def _refuse_repeat(self, key: str, use: ToolUse) -> None:
        """Raise ToolError for a look that was made already; how often that was goes on being counted."""
        made = self._made.get(key)
        if made is None:
            self._made[key] = _Repeat(use.number)
            return
        made.again += 1
        often = "" if made.again == 1 else f" (asked for {made.again + 1} times)"
        raise ToolError(
            f"this look was made already{often}: its result is [{made.number}]. Use that, ask for something else, "
            "or answer"
        )

    async def _propose(self, found: Found) -> None:
        proposal = found.proposal
        assert proposal is not None, "the caller looked"  # noqa: S101 - for the type checker
        self._tell(Proposed(proposal))
        plan = proposal.plan
        await self._write_down(
            {
                "at": round(self._ground.feed.now(), 3),
                "fact": "proposal",
                "id": proposal.id,
                "verb": plan.verb,
                "targets": list(plan.targets),
                "commands": list(plan.shown),
                "summary": plan.summary,
                "why": proposal.why,
            }
        )

    def _latest(self, use: ToolUse) -> ToolUse:
        return self._uses[use.number - 1]

    def _keep(self, use: ToolUse) -> ToolUse:
        self._uses[use.number - 1] = use
        return use

    def _door(self, value: Any, longest: int = LONGEST_TEXT) -> Any:  # noqa: ANN401 - JSON has no better name
        return inside_all(value, longest, mask_emails=self._ground.settings.agent.mask_emails)

    async def _write_down(self, fact: dict[str, Any]) -> None:
        if self._audit is None:
            return
        try:
            await asyncio.to_thread(self._audit, fact)
        except OSError as error:
            if not self._is_audit_down:
                self._is_audit_down = True
                self._tell(Noted(f"the agent's log cannot be written: {inside(error.strerror or str(error), 200)}"))


def _tool(name: str) -> Tool:
    """The tool of a name. Raises ToolError, with the nearest names."""
    wanted = name.strip().removeprefix("functions.").lower().replace("-", "_")
    known = {one.name: one for one in registry.TOOLS}
    if wanted in known:
        return known[wanted]
    close = get_close_matches(wanted, known, 3, 0.5)
    meant = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(known)}"
    raise ToolError(f"there is no tool {inside(name, 60)!r}: {meant}")


def _key(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """What a look asks for; two that ask for the same have the same: `60m` and `1h`, `GPU-1:3` and `gpu-1/3`."""
    plain = {name: _plain(name, value) for name, value in arguments.items()}
    return json.dumps([tool.name, plain], sort_keys=True, default=str)


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 - an argument
    if isinstance(value, list):
        return sorted((_plain(name, one) for one in value), key=str)
    if not isinstance(value, str):
        return value
    text = " ".join(value.split()).casefold()
    try:
        if name in _SPANS:
            return f"{places.span_of(text):g} s"
        if name in _METRICS:
            return places.metric_of(text).key
    except ToolError:
        return text
    return _BETWEEN.sub(" ", places.job_text(text)) if name in _PLACES else text


def _sentence(tool: str, error: Exception) -> str:
    """What went wrong, for a person and a model."""
    if isinstance(error, TimeoutError):
        return f"{tool} did not answer within {PATIENCE_S:.0f} s; ask for less, or go on without it"
    if isinstance(error, NothingKeptError):
        return f"{error}: ask about a moment that the history holds"
    told = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, ToolError) or (told and type(error).__module__.startswith("app.")):
        return told
    return f"{tool} failed ({type(error).__name__}: {told}); go on without it"


def _look_fact(use: ToolUse) -> dict[str, Any]:
    told = {"tool": use.tool, "number": use.number, "arguments": dict(use.arguments), "took_s": use.took_s}
    outcome = {"error": use.error} if use.error else {"summary": use.summary, "result_bytes": len(use.result.encode())}
    return {"at": round(use.began, 3), "fact": "look", **told, **outcome}


def _since(began: float) -> float:
    return round(monotonic() - began, 4)
