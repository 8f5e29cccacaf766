"""A desk for chats that answers by script, in steps that a test lets go, and remembers what it was asked to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace

from app.agent.desk import BrainStatus
from app.agent.events import Ended, Event, Proposed, ReasoningAdded, TextAdded, ToolBegan, ToolEnded
from app.domain.chat import Chip, Conversation, Exchange, Heading, Mark, Proposal, ToolUse, Usage
from app.domain.job_actions import Plan
from app.tui.chat_view import ChatView
from tests.present.fleets import NOW
from tests.tui.driving import Drive

ANSWER = """Rank 3 of job 812 stopped working at **13:51** [1] while its 7 siblings wait in *all-reduce*:
GPU gpu-01/3 draws 98 W and still holds its memory [2]. GPU 5 of gpu-01 fell off the bus before that [1], see i-12.

| GPU | util | power | note |
|:--|--:|--:|---|
| gpu-01/0 | 97 % | 612 W | waits |
| gpu-01/3 | 0 % | 98 W | stopped |

What to do:
- keep new jobs off gpu-01
- then restart the job:

```sh
scontrol update nodename=gpu-01 state=drain reason="Xid 79"
scontrol requeue 812
```

It has lost 412 GPU-hours.
"""
TOOLS = (
    ToolUse(
        1,
        "diagnose",
        {},
        NOW - 600,
        NOW,
        0.042,
        '{"findings": [{"id": "f1", "title": "fell off the bus"}]}',
        "2 findings, the worst critical",
    ),
    ToolUse(
        2,
        "metric_history",
        {"gpu": "gpu-01/3", "metric": "util", "since": "30m"},
        NOW,
        NOW,
        0.018,
        '{"last": 0, "mean": 71.2}',
        "fell to 0 % at 13:51",
    ),
)
PLAN = Plan(
    "drain",
    ("gpu-01",),
    (("scontrol", "update", "nodename=gpu-01", "state=drain", "reason=Xid 79"),),
    "drain gpu-01: Xid 79",
    ("812 (ana, llama-ft), 8 GPUs, goes on until it ends",),
    "resume gpu-01 takes jobs again",
    warnings=("3 jobs run there",),
)
SEVERE = Plan(
    "cancel",
    ("812",),
    (("scancel", "812"),),
    "cancel job 812 (ana, llama-ft)",
    ("812 (ana, llama-ft), 8 GPUs, ran 3 h 12",),
    "nothing undoes this",
    is_severe=True,
)
PROPOSAL = Proposal("p1", PLAN, "so that nothing new starts on a broken GPU")
HOSTILE = (
    "[bold red]not markup[/] \x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 a\u202eb \u2066x\u2069 \x9b2J ￿ [link=file:///]x[/link]\n\n"
    "| a\x1b[2J | b |\n|---|---|\n| \x07 | [@click=app.quit]y[/] |\n\n```\n\x1b[2J\n[/]\n```\n# \u202eevil\n"
)


def marks_of(text: str) -> tuple[Mark, ...]:
    """The marks of the usual answer."""
    wanted = (
        ("[1]", "citation", "1"),
        ("[2]", "citation", "2"),
        ("gpu-01/3", "gpu", "gpu-01/3"),
        ("job 812", "job", "812"),
        ("i-12", "incident", "i-12"),
        ("412", "unsupported", "no look says 412"),
    )
    found = []
    for words, kind, target in wanted:
        at = text.find(words)
        if at >= 0:
            found.append(Mark(at, at + len(words), kind, target))  # type: ignore[arg-type]  # kinds of marks
    return tuple(sorted(found, key=lambda one: one.start))


def exchange(number: int = 1, question: str = "why is job 812 slow?", answer: str = ANSWER, **more: object) -> Exchange:
    """A question with its answer, as it is kept."""
    usage = Usage(0.31, 4.12, 2310, 412)
    made = Exchange(
        f"e{number}", NOW - 60, question, answer=answer, tools=TOOLS, marks=marks_of(answer), state="done", usage=usage
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields of Exchange


def events_of(ended: Exchange, size: int = 12) -> list[Event]:
    """What is told while an exchange is made."""
    told: list[Event] = []
    if ended.reasoning:
        told.append(ReasoningAdded(ended.reasoning))
    for use in ended.tools:
        told += [ToolBegan(replace(use, took_s=0.0, result="", summary="")), ToolEnded(use)]
    told += [TextAdded(ended.answer[at : at + size]) for at in range(0, len(ended.answer), size)]
    told += [Proposed(one) for one in ended.proposals]
    return [*told, Ended(ended)]


class FakeChat:
    """Implements `app.agent.desk.ChatDesk`."""

    def __init__(self, *scripts: Iterable[Event], status: BrainStatus | None = None) -> None:
        self.scripts = [list(one) for one in scripts]
        """One a question; the last of them answers all further ones."""
        self.brain = status or BrainStatus("offline", None, "the offline analyst answers: no model is configured")
        self.kept: dict[str, Conversation] = {}
        self.asked: list[tuple[str, tuple[Chip, ...], str, str, float | None]] = []
        self.approved: list[Proposal] = []
        self.declined: list[Proposal] = []
        self.gate: asyncio.Event | None = None
        """Events after the first wait for it, and deeds unless they are done at once."""
        self.acts_at_once = False
        self.is_closed = False
        self.stopped = 0
        """Answers that were closed before their end."""
        self.pace_s = 0.0
        self.failure: Exception | None = None
        self.looks = 0
        self._begun = ""

    async def status(self, *, look_again: bool = False) -> BrainStatus:
        self.looks += look_again
        return self.brain

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        wanted = words.lower().split()
        return [
            Heading(one.id, one.title, one.changed, len(one.exchanges))
            for one in self.kept.values()
            if all(word in f"{one.title} {' '.join(e.answer for e in one.exchanges)}".lower() for word in wanted)
        ][:limit]

    async def conversation(self, key: str) -> Conversation | None:
        return self.kept.get(key)

    async def ask(
        self,
        question: str,
        chips: Sequence[Chip] = (),
        *,
        conversation: str = "",
        instead_of: str = "",
        at: float | None = None,
    ) -> AsyncIterator[Event]:
        self.asked.append((question, tuple(chips), conversation, instead_of, at))
        if self.failure is not None:
            raise self.failure
        self._begun = conversation or f"c{len(self.kept) + 1}"
        kept = self.kept.setdefault(self._begun, Conversation(self._begun, question[:60], NOW, NOW, "ana"))
        number = len(self.asked)
        script = self.scripts[min(number, len(self.scripts)) - 1] if self.scripts else []
        came = Exchange(f"e{number}", NOW, question, tuple(chips))
        try:
            for place, event in enumerate(script):
                if place and self.gate is not None:
                    await self.gate.wait()
                await asyncio.sleep(self.pace_s)
                if isinstance(event, TextAdded):
                    came = replace(came, answer=came.answer + event.text)
                if isinstance(event, Ended):
                    came = replace(event.exchange, id=f"e{number}", question=question, chips=tuple(chips))
                yield Ended(came) if isinstance(event, Ended) else event
        finally:
            if came.state == "open":
                self.stopped += 1
                came = replace(came, state="stopped")
            before = kept.exchanges
            if instead_of:
                before = before[: [one.id for one in before].index(instead_of)]
            self.kept[self._begun] = replace(kept, exchanges=(*before, came))

    def begun(self) -> str:
        return self._begun

    async def approve(self, conversation: str, proposal: Proposal) -> Proposal:
        self.approved.append(proposal)
        if self.gate is not None and not self.acts_at_once:
            await self.gate.wait()
        return replace(proposal, state="done", outcome="gpu-01 takes no new jobs")

    async def decline(self, conversation: str, proposal: Proposal) -> Proposal:
        self.declined.append(proposal)
        return replace(proposal, state="declined")

    async def rename(self, conversation: str, title: str) -> None:
        self.kept[conversation] = replace(self.kept[conversation], title=title)

    async def delete(self, conversation: str) -> None:
        del self.kept[conversation]

    async def close(self) -> None:
        self.is_closed = True


def answering() -> FakeChat:
    """A desk that gives the usual answer with a proposal, and keeps three conversations."""
    blind = ("kernel messages of gpu-03: no log is read there", "jobs' output: not readable by ana")
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,), blind=blind)))
    asked = ("why is job 815 pending?", "is it safe to drain gpu-01?", "who wastes GPUs?")
    for number, question in enumerate(asked, 1):
        kept = (exchange(number, question),) * number
        chat.kept[f"k{number}"] = Conversation(
            f"k{number}", question, NOW - 9000.0 * number, NOW - 8000.0 * number, "ana", kept
        )
    return chat


async def ask(drive: Drive, question: str) -> None:
    """Send a question in the chat that is open, and wait until it is answered and shown."""
    view = drive.app.screen.query_one(ChatView)
    view.asking.put(question)
    await drive.press("enter")
    await drive.until(lambda: not view.talk.is_answering)
    await drive.pilot.pause()


def opening(chat: FakeChat) -> Callable[..., FakeChat]:
    """What the screen opens its chat with."""
    return lambda _feed, _jobs: chat
