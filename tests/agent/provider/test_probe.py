"""What is found out about a model at the start, and what that chooses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from app.agent.desk import BrainStatus
from app.agent.provider import connect
from app.config.settings import Agent
from tests.agent.provider.asking import PATIENT, connected
from tests.standins.llm import Call, Fail, Finish, Pause, Say, ScriptedModel, Stall, Think, Tools

HASTY = replace(PATIENT, first_token_s=1.5)


async def probed(model: ScriptedModel, settings: Agent = PATIENT) -> BrainStatus:
    """What a front end is told."""
    async with model.serving() as url:
        provider = connect(replace(settings, base_url=url))
        try:
            return await provider.probe()
        finally:
            await provider.close()


@pytest.mark.parametrize(
    ("tools", "dialect", "sentence"),
    [
        ("native", "native", "calls tools, several at once; its reasoning is kept apart"),
        ("single", "native", "calls tools; its reasoning is kept apart"),
        ("hermes", "content", "writes tool calls into its text, which are read there, several at once; its reasoning"),
        ("xml", "content", "writes tool calls into its text, which are read there, several at once; its reasoning"),
        ("refused", "content", "writes tool calls into its text, which are read there, several at once; its reasoning"),
        ("deaf", "none", "calls no tools, so it is given what was found; its reasoning"),
    ],
)
async def test_model_chooses_its_dialect(tools: Tools, dialect: str, sentence: str) -> None:
    """Calls that the server parses, that stand in the text, or none: what the model does counts, not what it should."""
    async with connected(ScriptedModel(tools=tools)) as (provider, _):
        status = await provider.probe()

        assert dialect == provider.dialect
        assert ("ready", "stand-in", 32768) == (status.state, status.model, status.context_tokens)
        assert status.text.startswith(sentence)
        assert status.text.endswith("context 32,768 tokens")


async def test_settings_beat_what_the_model_shows() -> None:
    """`[agent] tools` is obeyed."""
    async with connected(ScriptedModel(), replace(PATIENT, tools="none")) as (provider, _):
        assert "none" == provider.dialect


async def test_checks_tell_each_step() -> None:
    """A person can see what was found out, step by step."""
    async with connected(ScriptedModel(tools="refused", context=None)) as (provider, _):
        shown = {(check.name, check.is_good): check.text for check in provider.checks}

    assert {
        ("models", True): "stand-in",
        ("context", False): "its context is not told",
        (
            "tools",
            False,
        ): 'refused: "auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        ("streaming", True): "yes",
        ("calls in text", True): "2 found in its text",
    } == shown


async def test_model_that_still_thinks_is_not_taken_for_deaf() -> None:
    """Where the tokens of the probe end within a thought, nothing speaks against its calls."""
    model = ScriptedModel(probe=(Think("The person wants"), Finish("length")))

    async with connected(model) as (provider, _):
        assert ("native", True) == (provider.dialect, provider.takes_tools)


async def test_refused_strict_is_left_out_from_then_on() -> None:
    """A server that does not know `strict` is asked without it."""
    model = ScriptedModel(strict=False)

    async with connected(model) as (provider, _):
        assert "native" == provider.dialect

    assert [True, False] == ["strict" in body["tools"][0]["function"] for body in model.probes]


async def test_server_without_tools_that_fails_inside_is_asked_in_words() -> None:
    """A template that breaks on `tools` (500) is no reason to give up."""
    model = ScriptedModel(probe=(Fail(500, "template error"),))

    async with connected(model) as (provider, _):
        first, second = provider.checks[0], len(model.probes)

    assert "server" == first.name
    assert second == 2, "it was asked with tools, then in words"


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (ScriptedModel(key="right"), PATIENT, "wants a key: set agent.api_key_file (HTTP 401: Unauthorized)"),
        (
            ScriptedModel(),
            replace(PATIENT, model="nope"),
            "no model 'nope': The model `nope` does not exist",
        ),
        (ScriptedModel(probe=(Stall(),)), HASTY, "answers, yet gave no word within 0.81 s: its engine may be stuck"),
        (ScriptedModel(probe=(Fail(503, "starting"),)), PATIENT, "failed (HTTP 503: starting)"),
    ],
)
async def test_server_that_cannot_answer_is_unreachable(model: ScriptedModel, settings: Agent, words: str) -> None:
    """The sentence says what is wrong and what to do."""
    status = await probed(model, settings)

    assert "unreachable" == status.state
    assert words in status.text


async def test_nothing_there_is_said(tmp_path: Path) -> None:
    """A port where nobody listens, a name that cannot be, a key file that is not there."""
    refused = await connect(replace(PATIENT, base_url="http://127.0.0.1:9/v1")).probe()
    keyless = await connect(
        replace(PATIENT, base_url="http://127.0.0.1:9/v1", api_key_file=str(tmp_path / "key"))
    ).probe()

    assert "nothing answers at 127.0.0.1:9: is the model server running? see settings: agent.base_url" == refused.text
    assert keyless.text.startswith("agent.api_key_file: ")


async def test_server_that_comes_later_is_found_by_the_next_probe() -> None:
    """Nothing is remembered of a failure."""
    model = ScriptedModel()
    async with model.serving() as url:
        port = int(url.split(":")[2].split("/")[0])
    provider = connect(replace(PATIENT, base_url=url))
    before = await provider.probe()
    async with model.serving(port):
        after = await provider.probe()
        await provider.close()

    assert ("unreachable", "ready") == (before.state, after.state)


async def test_probe_is_bounded() -> None:
    """A server that drips a word a second holds nobody up."""
    model = ScriptedModel(probe=tuple(step for _ in range(600) for step in (Think("hm "), Pause(0.1))))
    began = perf_counter()

    status = await asyncio.wait_for(probed(model, HASTY), 50.0)

    assert "unreachable" == status.state
    assert perf_counter() - began < 20.0, "it drips for a minute"


async def test_thought_of_a_probe_takes_no_call_for_one() -> None:
    """A call of another tool is none."""
    model = ScriptedModel(probe=(Call("rm_rf"), Say("done")))

    async with connected(model) as (provider, _):
        assert "none" == provider.dialect
