"""The agent asks a model server behind a real sshd, through the system's ssh: a connection lost, a login refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.agent.events import Ended, Event, Noted, TextAdded
from app.agent.opening import open_desk
from app.agent.session import Session
from app.config.paths import deployments_ssh_config
from app.config.settings import Agent, Settings
from app.domain.chat import Exchange
from app.transport.clock import SystemClock
from app.transport.destination import parse_destination
from app.transport.ssh import open_forwards
from tests.agent.tools.grounds import feed_of, ground
from tests.present.slurm_fleet import slurm_fleet
from tests.real.test_ssh_forwards import Sshd, folder, sshd
from tests.standins.llm import Call, Say, ScriptedModel, Stall
from tests.tui.diagnoses import troubles

__all__ = ["folder", "sshd"]
pytestmark = pytest.mark.real("ssh")
ANSWER = "GPU gpu-01/5 fell off the bus [1]."


@asynccontextmanager
async def desk(sshd: Sshd, folder: Path, url: str) -> AsyncIterator[Session]:
    """A person's desk, whose model is behind the sshd; as the program opens it."""
    config = deployments_ssh_config(folder)
    config.parent.mkdir(parents=True)
    config.write_text(sshd.config.read_text())
    settings = Settings(agent=Agent(base_url=url, ssh=sshd.destination, first_token_s=20.0, answer_s=60.0))
    session = open_desk(settings, folder, feed_of(ground(slurm_fleet(), troubles())), None, SystemClock(), user="ana")
    try:
        yield session
    finally:
        await session.close()
        await end_connection(sshd, folder)


async def end_connection(sshd: Sshd, folder: Path) -> None:
    """End the login and all that goes over it, as a network that is gone does."""
    forwards = open_forwards(folder, SystemClock())
    await forwards.end(parse_destination(sshd.destination))
    await forwards.close()


async def answered(session: Session, question: str) -> tuple[list[Event], Exchange]:
    """Every event of an answer, and the exchange it ends in."""
    events = [event async for event in session.ask(question)]
    last = events[-1]
    assert isinstance(last, Ended)
    return events, last.exchange


async def test_a_model_behind_ssh_looks_and_answers(sshd: Sshd, folder: Path) -> None:
    """Probe, looks and a streamed answer go over one login; a second question finds the way open."""
    model = ScriptedModel([(Call("diagnose"),), (Say(ANSWER),), (Say("Nothing else."),)])
    with model.running() as url:
        async with desk(sshd, folder, url) as session:
            events, first = await answered(session, "what is wrong?")
            _, second = await answered(session, "and else?")

    assert ("done", "stand-in", ANSWER) == (first.state, first.model, first.answer.strip())
    assert ["diagnose"] == [use.tool for use in first.tools]
    assert 1 < sum(isinstance(event, TextAdded) for event in events)
    assert ("done", "Nothing else.") == (second.state, second.answer.strip())
    assert 3 == len(model.asked)
    assert 1 == sshd.logins


async def test_a_connection_that_is_lost_in_an_answer_keeps_what_came(sshd: Sshd, folder: Path) -> None:
    """What was said stays, the reason is told, and the next question logs in anew."""
    model = ScriptedModel([(Say("The first half, "), Stall()), (Say(ANSWER),)])
    with model.running() as url:
        async with desk(sshd, folder, url) as session:
            told: list[Event] = []
            async for event in session.ask("what is wrong?"):
                told.append(event)
                if isinstance(event, TextAdded):
                    await end_connection(sshd, folder)
            _, again = await answered(session, "what is wrong?")

    last = told[-1]
    assert isinstance(last, Ended)
    assert ("failed", "The first half,") == (last.exchange.state, last.exchange.answer.strip())
    assert last.exchange.problem
    assert ("done", ANSWER) == (again.state, again.answer.strip())
    assert 2 == sshd.logins


async def test_where_ssh_refuses_the_analyst_answers_and_says_why(sshd: Sshd, folder: Path) -> None:
    """No key fits: nothing hangs, nobody is asked for a password, and the question is answered all the same."""
    (sshd.folder / "authorized").write_text("")
    model = ScriptedModel()
    with model.running() as url:
        async with desk(sshd, folder, url) as session:
            events, exchange = await answered(session, "what is wrong?")

    assert ("done", None) == (exchange.state, exchange.model)
    assert "gpu-01/5" in exchange.answer
    assert any("Permission denied" in event.text for event in events if isinstance(event, Noted))
    assert ([], 0) == (model.headers, sshd.logins)
