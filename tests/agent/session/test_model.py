"""A session with the real client of a model, against a scripted server on loopback: rounds, stop, death, and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.agent.audit import AgentAudit
from app.agent.brain import Brain
from app.agent.brains import Brains
from app.agent.consent import Consent
from app.agent.events import TextAdded, ToolBegan, ToolEnded
from app.agent.ground import Ground
from app.agent.looking import ToolLooker
from app.agent.opening import Server
from app.agent.session import Parts, Session
from app.config.settings import Agent, Settings
from app.domain.diagnosis import Diagnosis
from app.runtime.looking import chat_desk
from app.runtime.options import RuntimeOptions
from app.store.chats import FILE, Chats
from app.transport.clock import SystemClock
from tests.agent.session.desks import Scripted, answered, followed, says
from tests.agent.tools.grounds import feed_of, ground
from tests.present.slurm_fleet import slurm_fleet
from tests.standins.llm import Call, Die, Say, ScriptedModel, Stall, Think
from tests.tui.diagnoses import troubles


@asynccontextmanager
async def asking(server: ScriptedModel, folder: Path, *, is_up: bool = True) -> AsyncIterator[Session]:
    """A session whose model is the server; its analyst says `the analyst's`."""
    async with server.serving() as base_url:
        agent = Agent(base_url=base_url if is_up else "http://127.0.0.1:9/v1", first_token_s=20.0, answer_s=60.0)
        one = ground(slurm_fleet(), troubles(), settings=Settings(agent=agent))
        session = made(one, agent, folder, Scripted(says("the analyst's"), None))
        try:
            yield session
        finally:
            await session.close()


def made(one: Ground, agent: Agent, folder: Path, analyst: Brain) -> Session:
    """A session as the program makes it, but for who stands in."""
    clock, audit = SystemClock(), AgentAudit(folder, "ana")
    chats = Chats(folder / FILE, clock.now)

    async def model() -> Server:
        return Server(agent, folder, clock)

    def looker(*given: Any) -> ToolLooker:  # noqa: ANN401 - a ground, a listener, a context
        return ToolLooker(given[0], given[1], context_tokens=given[2], audit=audit)

    brains = Brains(agent, lambda: analyst, model, clock.monotonic)
    return Session(Parts(one, chats, brains, looker, Consent(one, chats, audit), clock))


async def test_rounds_of_looks_end_in_a_checked_answer(tmp_path: Path) -> None:
    """Two looks at once, one more, then the answer: shown in order, kept, with figures, and its numbers checked."""
    server = ScriptedModel(
        [
            (Think("Look first."), Call("diagnose"), Call("cluster_status")),
            (Call("gpu_details", {"gpu": "gpu-01/3"}),),
            (Say("gpu-01/5 is lost [1]. gpu-01/3 is at 64 °C [3], not 99 °C [3]."),),
        ]
    )
    async with asking(server, tmp_path) as session:
        status = await session.status()
        events = await followed(session.ask("what is wrong?"))
        found = await session.conversation(session.begun())

    assert ("ready", "stand-in") == (status.state, status.model)
    tools = [event.use.tool for event in events if isinstance(event, ToolBegan)]
    assert ["diagnose", "cluster_status", "gpu_details"] == tools
    assert 3 == sum(isinstance(event, ToolEnded) for event in events)
    assert found is not None
    one = found.exchanges[0]
    assert ("done", "stand-in", "Look first.") == (one.state, one.model, one.reasoning.strip())
    assert ["99 °C"] == [one.answer[mark.start : mark.end] for mark in one.marks if mark.kind == "unsupported"]
    assert any("kernel log of gpu-02" in spot for spot in one.blind)
    assert one.usage.tokens_out > 0
    assert one.usage.first_s is not None


async def test_stopping_ends_the_request_at_once(tmp_path: Path) -> None:
    """After Esc the server sees that nobody listens any more, and what came is kept."""
    server = ScriptedModel([(Say("The first half "), Stall())])
    async with asking(server, tmp_path) as session:
        events = session.ask("what is wrong?")
        async for event in events:
            if isinstance(event, TextAdded) and "half" in event.text:
                break
        await events.aclose()
        async with asyncio.timeout(60.0):
            await server.on_hang_up.wait()
        found = await session.conversation(session.begun())

    assert found is not None
    assert ("stopped", "The first half ") == (found.exchanges[0].state, found.exchanges[0].answer)


async def test_a_server_that_dies_in_the_middle_costs_no_word(tmp_path: Path) -> None:
    """What it said stays, the exchange ends, and the next question is answered."""
    server = ScriptedModel([(Say("Half an answer and "), Die())], otherwise=(Say("All is well again."),))
    async with asking(server, tmp_path) as session:
        first = await answered(session, "what is wrong?")
        second = await answered(session, "and now?", conversation=session.begun())

    assert first.state in {"failed", "done"}
    assert first.answer
    assert bool(first.problem or first.notes)
    assert ("done", "All is well again.") == (second.state, second.answer)


async def test_nobody_there_means_the_analyst(tmp_path: Path) -> None:
    """A server that cannot be reached is named, and the analyst answers."""
    async with asking(ScriptedModel(), tmp_path, is_up=False) as session:
        exchange = await answered(session, "what is wrong?")
        status = await session.status()

    assert ("done", None, "the analyst's") == (exchange.state, exchange.model, exchange.answer)
    assert exchange.notes[0].startswith("the offline analyst answers: ")
    assert "unreachable" == status.state


async def test_a_second_question_is_asked_with_the_first(tmp_path: Path) -> None:
    """The model is told what was asked and answered before."""
    server = ScriptedModel([(Say("It is gpu-01/5."),), (Say("Yes."),)])
    async with asking(server, tmp_path) as session:
        await answered(session, "which one?")
        await answered(session, "are you sure?", conversation=session.begun())
    said = str(server.asked[-1]["messages"])

    assert "which one?" in said
    assert "It is gpu-01/5." in said


async def test_the_program_makes_a_desk_that_answers(tmp_path: Path) -> None:
    """`chat_desk` without a model: the analyst answers from the feed, and it is kept in the state folder."""
    feed = feed_of(ground(slurm_fleet(), troubles()))
    desk = chat_desk(Settings(), RuntimeOptions(state_dir=tmp_path / "state"), feed, None)
    try:
        events = [event async for event in desk.ask("what is wrong?")]
        found = await desk.conversation(desk.begun())
    finally:
        await desk.close()

    assert found is not None
    assert "done" == found.exchanges[0].state
    assert "gpu-01/5" in found.exchanges[0].answer
    assert not [mark for mark in found.exchanges[0].marks if mark.kind == "unsupported"]
    assert {"chats.db", "agent.jsonl"} <= {path.name for path in (tmp_path / "state").iterdir()}
    assert events


async def test_a_past_that_nobody_kept_fails_with_a_sentence(tmp_path: Path) -> None:
    """A question about a moment that the history does not hold ends, and says why."""
    feed = feed_of(ground(slurm_fleet(), Diagnosis()))
    desk = chat_desk(Settings(), RuntimeOptions(state_dir=tmp_path / "state"), feed, None)
    try:
        exchange = await answered(desk, "what is wrong?", at=1000.0)  # type: ignore[arg-type]  # a session
    finally:
        await desk.close()

    assert "failed" == exchange.state
    assert "nothing was kept of that moment" in exchange.problem


@pytest.mark.parametrize("module", ["openai", "app.agent.session", "app.agent.opening", "tenacity", "aiosqlite"])
def test_the_runtime_loads_no_agent(module: str) -> None:
    """Importing the composition root loads neither the agent nor a model's client."""
    root = "app.runtime.attaching, app.runtime.collecting, app.runtime.looking"
    code = f"import sys, {root}; sys.exit({module!r} in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode


def test_a_desk_without_a_model_loads_no_client() -> None:
    """Who has no model pays for no client, even when a desk is made."""
    code = "import sys, app.agent.opening; sys.exit('openai' in sys.modules or 'httpx' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode
