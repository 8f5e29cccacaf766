"""The agent's client against the real vLLM: its stream, its parsers, its errors, its death. `make test-vllm`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import monotonic

import pytest

from app.agent.brain import Asked, BrainError
from app.agent.events import TextAdded
from app.agent.model_brain import ModelBrain
from app.agent.provider import Provider, connect
from app.agent.provider.delta import Delta, Finished, Text
from app.agent.provider.trouble import ProviderError
from app.config.settings import Agent
from app.domain.chat import Exchange
from tests.agent.provider.asking import FakeLooker, Seen, tool
from tests.real.vllm.scripts import ON_AND_ON, SCRIPTS
from tests.real.vllm.server import MODEL, Server
from tests.real.vllm.test_numbers import looked

pytestmark = [pytest.mark.slow, pytest.mark.real("vllm")]
ANSWERS = {one.word: one.answer for one in SCRIPTS}
THOUGHTS = {one.word: one.thought for one in SCRIPTS}


def settings(server: Server, **more: object) -> Agent:
    """Settings that lead to the server, patient enough for a busy machine."""
    return Agent(base_url=f"{server.url}/v1", first_token_s=120.0, answer_s=240.0, **more)  # type: ignore[arg-type]  # fields of Agent


class Looker(FakeLooker):
    """Tools of the names that the scripts call."""

    def __init__(self) -> None:
        names = ("cluster_status", "gpu_details", "current_metrics", "alerts", "propose_drain")
        super().__init__(results={name: f'{{"tool":"{name}"}}' for name in names})

    def schemas(self) -> list[dict[str, object]]:
        return [
            tool("cluster_status"),
            tool("gpu_details", gpu="string"),
            tool("current_metrics", node="string"),
            tool("alerts"),
            tool("propose_drain", node="string", reason="string"),
        ]


async def ask(server: Server, question: str, looker: Looker | None = None, before: tuple[Exchange, ...] = ()) -> Seen:
    """One answer to its end through the whole client."""
    own = settings(server)
    provider = connect(own)
    seen = Seen()
    try:
        async with aclosing(
            ModelBrain(provider, own)._answer(Asked(question, before=before), looker or Looker())
        ) as events:
            async for event in events:
                seen.take(event)
    finally:
        await provider.close()
    return seen


async def test_the_probe_finds_what_the_server_can(server: Server) -> None:
    """It names its model and context, calls tools through its parser, several at once."""
    provider = connect(settings(server))
    try:
        status = await provider.probe()
    finally:
        await provider.close()

    assert (MODEL, "ready", "native") == (status.model, status.state, provider.dialect)
    found = {one.name: one.text for one in provider.checks if one.is_good}
    assert ("context 8,192 tokens", "parsed by the server", "2 in one reply") == (
        found.get("context"),
        found.get("tools"),
        found.get("parallel calls"),
    )


async def test_an_answer_streams_with_its_reasoning_apart(server: Server) -> None:
    """Text comes in pieces; what the model thought stands apart from it."""
    seen = await ask(server, "@table please")

    assert ANSWERS["@table"].strip() == seen.text.strip()
    assert THOUGHTS["@table"] == seen.reasoning.strip()
    assert 5 < sum(isinstance(event, TextAdded) for event in seen.events)


async def test_a_tool_call_goes_through_the_real_parser(server: Server) -> None:
    """A call in XML becomes a look with its argument; the answer comes after its result."""
    looker = Looker()
    seen = await ask(server, "what about @gpu", looker)

    assert [("gpu_details", {"gpu": "gpu-01/3"})] == [(one.tool, dict(one.arguments)) for one in looker.uses]
    assert seen.text.strip().endswith(ANSWERS["@gpu"])


async def test_two_calls_of_one_reply_are_both_made(server: Server) -> None:
    """Calls that do not need each other run at the same time."""
    looker = Looker()
    looker.delay_s = 0.05
    await ask(server, "@two", looker)

    assert ["current_metrics", "alerts"] == [one.tool for one in looker.uses]
    assert 2 == looker.at_once


async def test_a_proposal_is_a_call_and_no_deed(server: Server) -> None:
    """The model proposes with words of two arguments; nothing else follows from it."""
    looker = Looker()
    await ask(server, "@drain it", looker)

    assert [("propose_drain", {"node": "gpu-02", "reason": "Xid 79 on GPU 5"})] == [
        (one.tool, dict(one.arguments)) for one in looker.uses
    ]


async def test_an_earlier_question_is_known_in_the_next(server: Server) -> None:
    """What was asked before is part of what the model is told."""
    before = Exchange("1", 1.0, "about @gpu please", answer=ANSWERS["@gpu"], state="done")
    seen = await ask(server, "@again", before=(before,))

    assert "Before, you asked about one GPU." == seen.text.strip()


async def test_a_cancelled_answer_ends_at_the_server(server: Server) -> None:
    """Closing the stream frees the server at once: nothing runs there any more, and the next answer is whole."""
    provider = connect(settings(server))
    try:
        await provider.probe()
        async with aclosing(provider.stream([{"role": "user", "content": "@long"}], max_tokens=4000)) as deltas:
            text = ""
            async for delta in deltas:
                text += delta.text if isinstance(delta, Text) else ""
                if len(text) > 60:
                    break
    finally:
        await provider.close()
    assert ON_AND_ON[:-1] in text
    await until_idle(server)

    assert ANSWERS["@hello"] == (await ask(server, "@hello")).text.strip()


async def until_idle(server: Server, within: float = 20.0) -> None:
    """Wait until no request runs, by the server's own page."""
    deadline = monotonic() + within
    while (await looked(server)).services[0].values["service.requests_running"]:
        assert monotonic() < deadline, "the server still works at an answer that nobody waits for"


async def test_a_question_too_long_for_the_context_is_told_so(server: Server) -> None:
    """The server refuses it; the person reads why."""
    provider = connect(settings(server))
    try:
        await provider.probe()
        with pytest.raises(ProviderError) as refused:
            await whole(provider, "too long " * 9000)
    finally:
        await provider.close()

    assert "context" == refused.value.kind


async def test_an_answer_cut_by_its_limit_says_so(server: Server) -> None:
    """A reply that reached its tokens ends as cut."""
    provider = connect(settings(server))
    try:
        await provider.probe()
        last = (await whole(provider, "@long", max_tokens=40))[-1]
    finally:
        await provider.close()

    assert isinstance(last, Finished)
    assert last.is_cut


async def whole(provider: Provider, question: str, max_tokens: int | None = None) -> list[Delta]:
    """Everything of one reply."""
    async with aclosing(provider.stream([{"role": "user", "content": question}], max_tokens=max_tokens)) as deltas:
        return [delta async for delta in deltas]


async def test_a_server_that_is_killed_mid_answer_keeps_what_was_said_and_comes_back(server: Server) -> None:
    """What came until then stays and the reason is told; once the server is back, the next answer is whole."""
    own = settings(server)
    provider = connect(own)
    seen = Seen()
    try:
        await provider.probe()
        with pytest.raises(BrainError) as broken:
            await until_killed(server, ModelBrain(provider, own), seen)
    finally:
        await provider.close()
    assert ON_AND_ON[:-1] in seen.text
    assert str(broken.value)
    await asyncio.to_thread(server.start)

    assert ANSWERS["@hello"] == (await ask(server, "@hello")).text.strip()


async def until_killed(server: Server, brain: ModelBrain, seen: Seen) -> None:
    """Read a long answer, and kill the server in the middle of it."""
    async with aclosing(brain._answer(Asked("@long"), Looker())) as events:
        async for event in events:
            seen.take(event)
            if len(seen.text) > 40:
                server.kill()
