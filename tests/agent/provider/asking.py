"""Asks a scripted model through the real client: a looker of three tools, and the answer as the person saw it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from app.agent.brain import Asked, BrainError
from app.agent.events import Event, Noted, ReasoningAdded, TextAdded, TextWithdrawn
from app.agent.ground import Ground
from app.agent.model_brain import ModelBrain
from app.agent.provider import Provider, connect
from app.config.settings import Agent, Settings
from app.domain.chat import ToolUse
from app.domain.diagnosis import Diagnosis
from app.services.feed import Feed
from app.transport.clock import SystemClock
from tests.standins.llm import ScriptedModel

NOW = 1795435616.0
PATIENT = Agent(first_token_s=20.0, answer_s=60.0)
"""As settings are, but for the deadlines of a machine that others keep busy."""
HASTY = Agent(first_token_s=1.0, answer_s=30.0)
"""For tests that wait for a deadline."""


class _Feed:
    """As much of a feed as a brain asks for."""

    def now(self) -> float:
        return NOW

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(NOW)


class QuickClock(SystemClock):
    """The machine's clock, but for pauses, which are only noted down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.ahead_s = 0.0
        """Seconds that have passed without anybody waiting for them."""

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def tool(name: str, **arguments: str) -> dict[str, Any]:
    """A tool's schema, with arguments of the JSON types given."""
    properties = {key: {"type": kind, "description": key} for key, kind in arguments.items()}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(arguments),
        "additionalProperties": False,
    }
    function = {"name": name, "description": f"Tells of {name}.", "strict": True, "parameters": parameters}
    return {"type": "function", "function": function}


@dataclass
class FakeLooker:
    """Three tools whose results a test says; refuses repeats and unknown tools, as the real one does."""

    results: dict[str, str] = field(
        default_factory=lambda: {
            "diagnose": '{"incidents":[{"root":"gpu-01/3 fell off the bus"}]}',
            "cluster_status": '{"gpus":16}',
            "logs": '{"lines":["NVRM: Xid 79"]}',
        }
    )
    delay_s: float = 0.0
    clock: QuickClock | None = None
    takes_s: float = 0.0
    """Seconds that a look takes by that clock."""
    ground: Ground = field(default_factory=lambda: Ground(cast("Feed", _Feed()), Settings()))
    made: list[ToolUse] = field(default_factory=list)
    at_once: int = 0
    """Most looks that ran at the same time."""
    _running: int = 0

    @property
    def uses(self) -> tuple[ToolUse, ...]:
        return tuple(self.made)

    async def look(self, tool: str, arguments: Mapping[str, Any]) -> ToolUse:
        use = ToolUse(len(self.made) + 1, tool, dict(arguments), began=NOW)
        earlier = next((one for one in self.made if (one.tool, one.arguments) == (tool, use.arguments)), None)
        self.made.append(use)
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        await asyncio.sleep(self.delay_s)
        if self.clock is not None:
            self.clock.ahead_s += self.takes_s
        self._running -= 1
        if tool not in self.results:
            return replace(use, error=f"there is no tool {tool!r}: did you mean diagnose?")
        if earlier is not None:
            return replace(use, error=f"this look was made already: its result is [{earlier.number}]")
        return replace(use, result=self.results[tool], summary=f"{tool} in a line")

    def schemas(self) -> list[dict[str, Any]]:
        return [tool("diagnose"), tool("cluster_status"), tool("logs", node="string")]


@dataclass
class Seen:
    """What the person saw of one answer."""

    text: str = ""
    reasoning: str = ""
    notes: list[str] = field(default_factory=list)
    withdrawn: int = 0
    problem: str = ""
    is_offline: bool = False
    events: list[Event] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case TextAdded(text):
                self.text += text
            case TextWithdrawn():
                self.text = ""
                self.withdrawn += 1
            case ReasoningAdded(text):
                self.reasoning += text
            case Noted(text):
                self.notes.append(text)
            case _:
                raise AssertionError(f"a brain tells no {event}")


async def ask(provider: Provider, settings: Agent, asked: Asked | str, looker: FakeLooker | None = None) -> Seen:
    """One answer to its end, good or bad."""
    seen = Seen()
    brain = ModelBrain(provider, settings, clock=looker.clock if looker is not None else None)
    one = Asked(asked) if isinstance(asked, str) else asked
    try:
        async with aclosing(brain._answer(one, looker or FakeLooker())) as events:
            async for event in events:
                seen.take(event)
    except BrainError as error:
        seen.problem, seen.is_offline = str(error), error.is_offline
    return seen


@asynccontextmanager
async def connected(
    model: ScriptedModel, settings: Agent = PATIENT, clock: SystemClock | None = None
) -> AsyncIterator[tuple[Provider, Agent]]:
    """A provider that has asked the model what it can; pauses take no time."""
    async with model.serving() as url:
        own = replace(settings, base_url=url)
        provider = connect(replace(own, first_token_s=PATIENT.first_token_s), clock=clock or QuickClock())
        try:
            await provider.probe()
            provider._settings = provider._replies._settings = own  # the probe is not what is to be hasty
            yield provider, own
        finally:
            await provider.close()


async def answered(
    model: ScriptedModel,
    asked: Asked | str = "Is all well?",
    settings: Agent = PATIENT,
    looker: FakeLooker | None = None,
) -> Seen:
    """What a person who asks sees."""
    async with connected(model, settings, looker.clock if looker is not None else None) as (provider, own):
        return await ask(provider, own, asked, looker)


def sent(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages of a request, as role and content (of calls their names and arguments)."""
    found = []
    for message in body["messages"]:
        calls = "".join(
            f"<{one['function']['name']} {one['function']['arguments']}>" for one in message.get("tool_calls", ())
        )
        found.append((message["role"], (message.get("content") or "") + calls))
    return found
