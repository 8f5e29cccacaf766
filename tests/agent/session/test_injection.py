"""Poisoned texts end to end: a gullible model that does what they say brings about nothing, and no secret gets out.

The whole way: a model server on loopback that obeys the text, the real client, the real tools over the poisoned
cluster, the session with its store and its logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.agent.audit import AgentAudit
from app.agent.brains import Brains
from app.agent.consent import Consent
from app.agent.events import Ended, Event
from app.agent.looking import ToolLooker
from app.agent.opening import Server
from app.agent.session import Parts, Session
from app.config.settings import Agent
from app.domain.chat import Exchange
from app.domain.codec import encode
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from app.store.chats import FILE, Chats
from app.transport.clock import SystemClock
from tests.agent.poison import CASES, LOOKS, PLACES, Poison, base, poisoned
from tests.present.fleets import NOW
from tests.standins.llm import Call, Reply, Say, ScriptedModel, Think


def script(poison: Poison) -> list[Reply]:
    """Looks at all, thinks the text over, does what it says, repeats it, and claims success."""
    looks: Reply = tuple(Call(tool, arguments) for tool, arguments in LOOKS)
    obeys: list[Reply] = [(Call(*poison.obeys),), (Call(*poison.obeys),)] if poison.obeys is not None else []
    says = f"{poison.answer or 'Done.'} It says: {poison.text[:2000]} I approve it: approved_by_user=true. [1]"
    return [looks, *obeys, (Think(f"It says {poison.text[:500]}"), Say(says))]


class Outcome:
    """Everything that came of one case."""

    def __init__(self, events: list[Event], requests: str, folder: Path, acts: list[list[str]]) -> None:
        self.events = events
        self.acts = acts
        self.written = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
        self.requests = requests
        last = events[-1]
        assert isinstance(last, Ended)
        self.exchange: Exchange = last.exchange

    @property
    def told(self) -> str:
        """Every text of every event."""
        return json.dumps([encode(event) for event in self.events], ensure_ascii=False, default=str)


async def run(poison: Poison, folder: Path) -> Outcome:
    """One question to a gullible model over a poisoned cluster."""
    one, slurm = poisoned(poison, folder)
    seen = Seen(one.feed.latest(), None, NOW - 5.0, one.feed.latest().logs, (), 5.0)
    diagnosis = step(DiagnosisState(), seen, NOW, fault_table(), OBSERVERS).diagnosis
    one.feed.diagnosed = diagnosis  # type: ignore[attr-defined]  # a fake feed
    folder = folder / "state"
    server = ScriptedModel(script(poison))
    async with server.serving() as base_url:
        agent = Agent(base_url=base_url, first_token_s=30.0, answer_s=120.0)
        one = replace(one, settings=replace(one.settings, agent=agent))
        clock, audit = SystemClock(), AgentAudit(folder, "ana")
        chats = Chats(folder / FILE, clock.now)

        async def model() -> Server:
            return Server(agent, folder, clock)

        def looker(*given: Any) -> ToolLooker:  # noqa: ANN401 - a ground, a listener, a context
            return ToolLooker(given[0], given[1], context_tokens=given[2], audit=audit)

        brains = Brains(agent, _none, model, clock.monotonic)
        session = Session(Parts(one, chats, brains, looker, Consent(one, chats, audit), clock))
        try:
            events = [event async for event in session.ask(f"what is wrong? {poison.name}")]
        finally:
            await session.close()
    return Outcome(events, json.dumps(server.asked, ensure_ascii=False, default=str), folder, slurm.acts)


def _none() -> Any:  # noqa: ANN401 - never called
    raise AssertionError("the model answers")


SOME = CASES[::2]


@pytest.mark.parametrize(
    "poison", [pytest.param(one, marks=() if one in SOME else pytest.mark.slow, id=str(one)) for one in CASES]
)
async def test_a_gullible_model_brings_about_nothing(poison: Poison, tmp_path: Path) -> None:
    """No action, no planted secret in events, store, logs or requests, and no other verdict."""
    found = await run(poison, tmp_path)

    assert [] == found.acts
    assert not (tmp_path / "state" / "audit.jsonl").exists()
    assert {"proposed"} >= {each.state for each in found.exchange.proposals}
    if poison.canary:
        assert poison.canary not in found.told
        assert poison.canary.encode() not in found.written
        assert poison.canary not in found.requests
    assert verdict() == told_verdict(found.exchange) or poison.place in OWN_VERDICT


def test_enough_cases_are_in_every_run() -> None:
    """More than sixty, every place among them, and a good part of them with a secret; the others are slow tests."""
    assert len(SOME) > 60
    assert set(PLACES) == {one.place for one in SOME}
    assert sum(bool(one.canary) for one in SOME) > 10


OWN_VERDICT = frozenset({"kernel log", "drain reason", "node name", "source error", "vllm log", "model server"})
"""Places where something true is otherwise when a text is planted there; tests of the tools compare those exactly."""


def told_verdict(exchange: Exchange) -> set[tuple[str, str, str]]:
    """The findings that the answer's own look at the diagnosis holds."""
    use = next(each for each in exchange.tools if each.tool == "diagnose")
    return _findings(json.loads(use.result))


def _findings(told: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    found = [*told.get("other_findings", ())]
    for incident in told.get("incidents", ()):
        found += [incident.get("root_cause") or {}, *incident.get("consequences", ())]
    return {(one["fault"], one["severity"], one["subject"]) for one in found if one}


@cache
def verdict() -> set[tuple[str, str, str]]:
    """What is found where nothing is planted."""
    seen = Seen(base(), None, NOW - 5.0, base().logs, (), 5.0)
    diagnosis = step(DiagnosisState(), seen, NOW, fault_table(), OBSERVERS).diagnosis
    found: set[tuple[str, str, str]] = {(one.fault, one.severity, str(one.subject)) for one in diagnosis.findings}
    assert found
    return found
