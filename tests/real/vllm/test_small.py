"""The agent's client against a small real model on the real vLLM: nothing it says is scripted. `make test-vllm`.

SmolLM2 of 135 million parameters: it speaks, remembers a little and invents much, so that claims are of what comes
through the client, not of what is true. It asks for no tool by itself: where a call is wanted the server is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from app.agent.grounding import marks
from app.agent.provider import Provider, connect, request
from app.agent.provider.delta import Called, Delta, Finished, Text
from app.agent.provider.trouble import ProviderError
from app.config.settings import Agent
from app.domain.chat import Exchange
from tests.agent.provider.asking import tool
from tests.real.vllm.server import SMALL, Server
from tests.real.vllm.test_agent import until_idle

pytestmark = [pytest.mark.slow, pytest.mark.real("vllm")]
FRANCE = "What is the capital of France? Answer in one word."
TOOLS = (tool("cluster_status"), tool("gpu_temperature", gpu="string"))


def reached(small: Server) -> Provider:
    """The client, patient enough for a busy machine."""
    return connect(Agent(base_url=f"{small.url}/v1", model=SMALL, first_token_s=180.0, answer_s=300.0))


async def said(
    provider: Provider,
    *messages: tuple[str, str],
    tools: Sequence[Mapping[str, Any]] = (),
    most: int = 60,
) -> list[Delta]:
    """Everything of one reply."""
    talk = [{"role": role, "content": text} for role, text in messages]
    async with aclosing(provider.stream(talk, tools, max_tokens=most)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: Sequence[Delta]) -> str:
    """What it said."""
    return "".join(one.text for one in deltas if isinstance(one, Text)).strip()


async def test_its_answer_streams(small: Server) -> None:
    """A true answer in pieces, with why it ended and what it cost."""
    provider = reached(small)
    deltas = await said(provider, ("user", FRANCE))
    await provider.close()

    assert "Paris" in text_of(deltas)
    assert 1 < sum(isinstance(one, Text) for one in deltas)
    last = deltas[-1]
    assert isinstance(last, Finished)
    assert "stop" == last.reason
    assert 10 < last.tokens_in
    assert 1 < last.tokens_out


async def test_it_goes_on_from_what_was_said(small: Server) -> None:
    """The turns before are part of what it is asked: their name comes back, which no other turn holds."""
    provider = reached(small)
    deltas = await said(
        provider,
        ("user", "My node is called zebra-17."),
        ("assistant", "Thank you. Your node is called zebra-17."),
        ("user", "What is my node called? Answer with its name only."),
    )
    await provider.close()

    assert "zebra-17" in text_of(deltas)


async def test_its_calls_go_through_the_servers_parser(small: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to call, it calls a tool that there is, in the shape its schema asks for, though seldom the right one."""

    def told_to_call(*args: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as the function it stands for
        return {**made(*args, **more), "tool_choice": "required"}

    made = request.body
    monkeypatch.setattr(request, "body", told_to_call)
    provider = reached(small)
    deltas = await said(provider, ("user", "How hot is gpu-01?"), tools=TOOLS, most=400)
    await provider.close()

    calls = [one.call for one in deltas if isinstance(one, Called)]
    assert calls, deltas
    assert {one.name for one in calls} <= {"cluster_status", "gpu_temperature"}
    assert [] == [one.problem for one in calls if one.problem]


async def test_a_cancelled_answer_frees_the_server(small: Server) -> None:
    """Left in the middle, nothing of it runs on; the next answer is whole."""
    provider = reached(small)
    talk = [{"role": "user", "content": "Write a long story about a computer."}]
    async with aclosing(provider.stream(talk, max_tokens=2000)) as deltas:
        async for delta in deltas:
            if isinstance(delta, Text):
                break
    await until_idle(small)
    after = await said(provider, ("user", FRANCE))
    await provider.close()

    assert "Paris" in text_of(after)


async def test_more_than_its_context_is_refused_with_a_reason(small: Server) -> None:
    """The person reads that it is too long, and the server goes on."""
    provider = reached(small)
    with pytest.raises(ProviderError) as refused:
        await said(provider, ("user", "too long " * 9000))
    await provider.close()

    assert "context" == refused.value.kind


async def test_what_it_invents_is_marked(small: Server) -> None:
    """Asked for a number that nobody looked at, it gives one all the same; the check of the answer marks each."""
    provider = reached(small)
    deltas = await said(
        provider, ("user", "What is the temperature of gpu-01/3 in degrees? Say: it is NUMBER °C."), most=40
    )
    await provider.close()
    answer = text_of(deltas)
    found = marks(Exchange("x", 1.0, "how hot is it?", (), answer))

    told = [one for one in answer.split() if one.strip(".,°C").replace(".", "").isdigit()]
    assert [] == told or any(one.kind == "unsupported" for one in found), answer


async def test_killed_in_an_answer_it_comes_back(small: Server) -> None:
    """What was said until then came through, the end is an error with a reason, and the next server is asked anew."""
    provider = reached(small)
    told: list[Delta] = []
    with pytest.raises(ProviderError) as broken:
        await until_killed(small, provider, told)
    await asyncio.to_thread(small.start)
    after = await said(provider, ("user", FRANCE))
    await provider.close()

    assert text_of(told)
    assert str(broken.value)
    assert "Paris" in text_of(after)


async def until_killed(small: Server, provider: Provider, told: list[Delta]) -> None:
    """Read a long answer, and kill the server in the middle of it."""
    talk = [{"role": "user", "content": "Write a long story about a computer."}]
    async with aclosing(provider.stream(talk, max_tokens=2000)) as deltas:
        async for delta in deltas:
            told.append(delta)
            if 5 == len(told):
                await asyncio.to_thread(small.kill)
