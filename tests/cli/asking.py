"""A desk whose answers are written beforehand, for what shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from app.agent.desk import BrainStatus
from app.agent.events import Ended, Event
from app.domain.chat import Chip, Conversation, Exchange, Heading, Mark, Proposal, ToolUse, Usage
from app.domain.job_actions import Plan

RESULT = '{"healthy":false,"findings":[{"id":"f-1","title":"fell off the bus"}]}'
USE = ToolUse(1, "diagnose", {"about": "node-1"}, 1_764_000_000.0, 1_764_000_001.0, 0.12, RESULT, "1 finding, critical")
FAILED = ToolUse(2, "logs", {"node": "node-1"}, began=1_764_000_001.0, took_s=15.0, error="logs did not answer in 15 s")
PLAN = Plan(
    "drain",
    ("node-1",),
    (("scontrol", "update", "nodename=node-1", "state=drain", "reason=fell off the bus"),),
    "drain node node-1",
    ("job 812 (ana, 8 GPUs) goes on until it ends",),
    "scontrol update nodename=node-1 state=resume",
    warnings=("node-1 is down already",),
)
TEXT = "# What is wrong\n\nGPU **node-1/1** fell off the bus [1] at `97 %`.\n\n- drain it\n- look at slot 3\n"
START = TEXT.index("[1]")
WRONG = TEXT.index("97 %")
EXCHANGE = Exchange(
    "e-1",
    1_764_000_000.0,
    "what is wrong?",
    (Chip("node", "node-1"),),
    TEXT,
    "first I look",
    (USE, FAILED),
    (Proposal("p-1", PLAN, "it will not come back by itself"),),
    (Mark(START, START + 3, "citation", "1"), Mark(WRONG, WRONG + 4, "unsupported", "no look has 97")),
    ("kernel log of node-1: not read",),
    (),
    "nemotron",
    "done",
    usage=Usage(0.4, 2.5, 1200, 80),
)


@dataclass(slots=True)
class WrittenDesk:
    """A desk that tells these events, and knows these conversations."""

    events: Sequence[Event]
    known: Sequence[Conversation] = ()
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """Waited for before anything is told."""
    asked: list[tuple[str, tuple[Chip, ...], str, float | None]] = field(default_factory=list)
    is_closed: bool = False
    is_stopped: bool = False

    async def status(self, *, look_again: bool = False) -> BrainStatus:
        """Ready."""
        return BrainStatus("ready", "nemotron")

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        """Of what is known."""
        return [Heading(one.id, one.title, one.changed, len(one.exchanges)) for one in self.known][:limit]

    async def conversation(self, key: str) -> Conversation | None:
        """One of them."""
        return next((one for one in self.known if one.id == key), None)

    async def ask(
        self,
        question: str,
        chips: Sequence[Chip] = (),
        *,
        conversation: str = "",
        instead_of: str = "",
        at: float | None = None,
    ) -> AsyncIterator[Event]:
        """Tell them."""
        self.asked.append((question, tuple(chips), conversation, at))
        if self.meanwhile is not None:
            await self.meanwhile()
        try:
            for event in self.events:
                yield event
        except GeneratorExit:
            self.is_stopped = True
            raise

    def begun(self) -> str:
        """The last."""
        return "c-1" if self.asked else ""

    async def approve(self, conversation: str, proposal: Proposal) -> Proposal:
        """Never here."""
        raise AssertionError("a command approves nothing")

    async def decline(self, conversation: str, proposal: Proposal) -> Proposal:
        """Never here."""
        raise AssertionError("a command declines nothing")

    async def rename(self, conversation: str, title: str) -> None:
        """Never here."""
        raise AssertionError

    async def delete(self, conversation: str) -> None:
        """Never here."""
        raise AssertionError

    async def close(self) -> None:
        """Remember it."""
        self.is_closed = True


def ended(exchange: Exchange = EXCHANGE) -> Ended:
    """The end of an answer."""
    return Ended(exchange)
