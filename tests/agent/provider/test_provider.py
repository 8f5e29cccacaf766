"""The client: cancelled at once, careful with keys, patient where that is safe."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agent.provider import connect
from app.agent.provider.delta import Called, Delta, Finished, Text, Waiting
from app.agent.provider.pieces import read_model, read_piece
from app.agent.provider.trouble import ProviderError
from app.transport.destination import SshDestination
from app.transport.ssh import SshForwards
from tests.agent.provider.asking import PATIENT, QuickClock, connected
from tests.standins.llm import Call, Die, Fail, Finish, Say, ScriptedModel, Send, Stall, Think

KEYS = ("choices", "delta", "tool_calls", "function", "name", "arguments", "index", "id", "content", "meta", "usage")
QUESTION = [{"role": "user", "content": "Is all well?"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
SOON_S = 5.0
"""Far less than any deadline, on a machine that others keep busy."""


def test_client_is_loaded_when_it_is_used() -> None:
    """Whoever imports the provider does not pay the second that the `openai` package takes."""
    late = ("openai", "httpx", "httpx2", "tenacity")
    code = f"import app.agent.model_brain, sys; print([name for name in {late} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


async def test_reply_comes_as_it_is_said() -> None:
    """Pieces keep their order, and the count comes last."""
    async with connected(ScriptedModel([(Say("All is well."),)])) as (provider, _):
        deltas = [delta async for delta in provider.stream(QUESTION)]

    assert [Text("All"), Text(" is"), Text(" well."), Finished("stop", deltas[-1].tokens_in, 3)] == deltas  # type: ignore[union-attr]  # its end


async def hung_up(model: ScriptedModel, after: type[Delta]) -> float:
    """Seconds from closing the iterator, once such a delta came, until the server notices."""
    async with connected(model) as (provider, _):
        deltas = provider.stream(QUESTION)
        async for delta in deltas:
            if isinstance(delta, after):
                break
        began = perf_counter()
        await deltas.aclose()
        await asyncio.wait_for(model.on_hang_up.wait(), 5)
        return perf_counter() - began


async def test_closing_ends_the_request_at_once() -> None:
    """In the middle of an answer, the server hears that nobody listens any more."""
    assert await hung_up(ScriptedModel([(Say("All is"), Stall())]), Text) < SOON_S


@pytest.mark.parametrize("reply", [(Stall(),), (Think("Hm"), Stall()), (Say("All is"), Stall())])
async def test_cancelling_ends_the_request_at_once(reply: tuple[Say | Think | Stall, ...]) -> None:
    """Before the first word, in a thought, in the answer."""
    model = ScriptedModel([reply])
    async with connected(model) as (provider, _):

        async def listen() -> None:
            async with aclosing(provider.stream(QUESTION)) as deltas:
                async for _ in deltas:
                    pass

        task = asyncio.create_task(listen())
        await asyncio.wait_for(model.on_wait.wait(), 60)
        began = perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(model.on_hang_up.wait(), 60)

        assert perf_counter() - began < SOON_S
        assert 1 == model.hung_up


async def test_next_question_is_answered_after_a_cancelled_one() -> None:
    """Nothing of a cancelled reply is left on the connection."""
    model = ScriptedModel([(Say("One"), Stall()), (Say("Two"),)])
    async with connected(model) as (provider, _):
        deltas = provider.stream(QUESTION)
        assert Text("One") == await anext(deltas)
        await deltas.aclose()

        assert "Two" == "".join([one.text async for one in provider.stream(QUESTION) if isinstance(one, Text)])


async def test_wait_is_told_before_it_begins() -> None:
    """The person reads why nothing comes while nothing comes."""
    clock = QuickClock()
    model = ScriptedModel([(Fail(429, "busy", headers={"retry-after": "7"}),), (Say("Well."),)])
    async with connected(model, clock=clock) as (provider, _):
        first = await anext(deltas := provider.stream(QUESTION))

        assert isinstance(first, Waiting)
        assert first.text.endswith("it asks to wait 7 s; asking again in 7 s")
        assert [] == clock.slept
        assert Text("Well.") == await anext(deltas)
        assert [7.0] == clock.slept
        await deltas.aclose()


async def test_wait_may_be_a_date() -> None:
    """A date in `Retry-After` counts from the server's own, so that our clock may be wrong."""
    dates = {"date": "Sat, 28 Nov 2026 12:00:00 GMT", "retry-after": "Sat, 28 Nov 2026 12:00:09 GMT"}
    model = ScriptedModel([(Fail(429, "busy", headers=dates),), (Say("Well."),)])
    async with connected(model) as (provider, _):
        first = await anext(deltas := provider.stream(QUESTION))
        await deltas.aclose()

    assert isinstance(first, Waiting)
    assert first.text.endswith("it asks to wait 9 s; asking again in 9 s")


async def test_nothing_is_asked_again_after_a_word() -> None:
    """What was shown is never said twice."""
    model = ScriptedModel([(Say("All is"), Die()), (Say("Again."),)])
    async with connected(model) as (provider, _):
        with pytest.raises(ProviderError, match="broke off"):
            [_ async for _ in provider.stream(QUESTION)]

    assert 1 == len(model.asked)


async def test_end_that_the_server_does_not_close_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the end of a reply its count is waited for only shortly."""
    monkeypatch.setattr("app.agent.provider.replies.LINGER_S", 0.05)
    end = b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},'
    model = ScriptedModel([(Say("Well."), Send(end + b'"finish_reason":"stop"}]}\n\n'), Stall())])
    async with connected(model) as (provider, _):
        deltas = [delta async for delta in provider.stream(QUESTION)]

    assert [Text("Well."), Finished("stop")] == deltas


async def test_only_what_the_api_needs_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the file; nothing of the environment, of this machine or of the package."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: mine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    key = tmp_path / "key"
    key.write_text("sk-right\n")
    key.chmod(0o600)
    model = ScriptedModel(key="sk-right")

    async with connected(model, replace(PATIENT, api_key_file=str(key))) as (provider, _):
        assert "ready" == (await provider.probe()).state

    names = {name for headers in model.headers for name in headers}
    allowed = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
    assert {"authorization"} == names - allowed
    assert {"gpu-watchdog"} == {headers["user-agent"] for headers in model.headers}


async def test_no_key_means_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the environment is not meant for this server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    model = ScriptedModel()

    async with connected(model):
        assert [] == [headers for headers in model.headers if "authorization" in headers]


async def test_key_is_never_repeated(tmp_path: Path) -> None:
    """A server that repeats the key it refuses does not bring it onto the screen."""
    key = tmp_path / "key"
    key.write_text("hushhush-1234")
    key.chmod(0o600)
    model = ScriptedModel(probe=(Fail(403, "key hushhush-1234 is not known"),))

    async with connected(model, replace(PATIENT, api_key_file=str(key))) as (provider, _):
        text = (await provider.probe()).text

    assert f"does not take the key in {key} (HTTP 403: key *** is not known)" in text


async def test_new_key_is_read_after_a_refusal(tmp_path: Path) -> None:
    """Who mends the file need not start the program again."""
    key = tmp_path / "key"
    key.write_text("old")
    key.chmod(0o600)
    async with connected(ScriptedModel(key="new"), replace(PATIENT, api_key_file=str(key))) as (provider, _):
        assert "unreachable" == (await provider.probe()).state
        key.write_text("new")

        assert "ready" == (await provider.probe()).state


async def test_redirect_is_not_followed() -> None:
    """A key goes to the configured server alone."""
    other = ScriptedModel()
    async with other.serving() as elsewhere:
        model = ScriptedModel(probe=(Fail(307, headers={"location": f"{elsewhere}/chat/completions"}),))
        async with connected(model) as (provider, _):
            text = (await provider.probe()).text

    assert "points elsewhere (HTTP 307), which is not followed" in text
    assert [] == other.headers


class _Forwards:
    """An ssh forward that is there already."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.asked: list[tuple[str, str]] = []

    def path(self, destination: SshDestination, target: str) -> str:
        return str(self.socket)

    async def forward(self, destination: SshDestination, target: str) -> None:
        self.asked.append((str(destination), target))


async def test_server_behind_ssh_is_reached_through_its_forward(tmp_path: Path) -> None:
    """The address is as the ssh host sees it; the way is the forward's socket."""
    socket = tmp_path / "f"
    forwards = _Forwards(socket)
    settings = replace(PATIENT, base_url="http://127.0.0.1:8000/v1", ssh="root@pod:2222")
    async with ScriptedModel().serving(socket=str(socket)):
        provider = connect(settings, forwards=cast("SshForwards", forwards))
        status = await provider.probe()
        await provider.close()

    assert "ready" == status.state
    assert ("root@pod:2222", "127.0.0.1:8000") == forwards.asked[0]
    assert "127.0.0.1:8000 through ssh root@pod:2222" == provider.where


async def test_forward_that_died_is_made_again(tmp_path: Path) -> None:
    """Where the connection of ssh has gone, the next question does not have to find out."""
    forwards = _Forwards(tmp_path / "f")
    settings = replace(PATIENT, base_url="http://127.0.0.1:8000/v1", ssh="pod")
    provider = connect(settings, forwards=cast("SshForwards", forwards))
    async with ScriptedModel().serving(socket=str(forwards.socket)):
        await provider.probe()
        made = len(forwards.asked)
        await provider.probe()
        assert made == len(forwards.asked)
    await provider.probe()

    assert made + 1 <= len(forwards.asked)
    await provider.close()


async def test_forward_to_nothing_says_so(tmp_path: Path) -> None:
    """Ssh closes the connection where nothing listens at its other end: the server is not there."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    forwards = _Forwards(tmp_path / "f")
    settings = replace(PATIENT, base_url="http://127.0.0.1:8000/v1", ssh="pod")
    async with await asyncio.start_unix_server(close, str(forwards.socket)):
        provider = connect(settings, forwards=cast("SshForwards", forwards))
        status = await provider.probe()
        await provider.close()

    assert status.text.startswith("nothing answers at 127.0.0.1:8000 through ssh pod: is the model server running?")


def test_address_that_is_none_is_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(ProviderError, match=r"agent.base_url: .* is not known; use http://, https:// or unix://"):
        connect(replace(PATIENT, base_url="ftp://host/v1"))


async def test_address_without_a_path_means_v1() -> None:
    """`http://host:8000` is what people write."""
    model = ScriptedModel()
    async with model.serving() as url:
        provider = connect(replace(PATIENT, base_url=url.removesuffix("/v1")))
        assert "ready" == (await provider.probe()).state
        await provider.close()


async def test_hidden_count_is_asked_for_only_where_it_is_known() -> None:
    """A server that does not know `stream_options` is asked without it."""
    model = ScriptedModel(
        [(Fail(400, "Unrecognized request argument: stream_options"),), (Say("Well."), Finish("stop"))]
    )
    async with connected(model) as (provider, _):
        deltas = [delta async for delta in provider.stream(QUESTION)]

    assert [Text("Well."), Finished("stop")] == deltas
    assert [True, False] == ["stream_options" in body for body in model.asked]


async def test_server_that_does_not_stream_is_read_all_the_same() -> None:
    """A whole message, with text, calls and count, is a reply."""
    model = ScriptedModel([(Say("Let me see."), Call("logs", {"node": "gpu-01"}))], streams=False)
    async with connected(model) as (provider, _):
        deltas = [delta async for delta in provider.stream(QUESTION)]
        checks = {check.name: check.text for check in provider.checks}

    text, called, finished = deltas
    assert isinstance(called, Called)
    assert (Text("Let me see."), ("logs", {"node": "gpu-01"})) == (text, (called.call.name, called.call.arguments))
    assert isinstance(finished, Finished)
    assert ("tool_calls", True) == (finished.reason, finished.is_whole)
    assert ("native", "no: replies come whole") == (provider.dialect, checks["streaming"])


async def test_shorter_reply_is_asked_for_where_that_is_all_it_takes() -> None:
    """A limit that the server only tells in its refusal is kept to."""
    refusal = Fail(
        400, "max_tokens=4096 cannot be greater than max_model_len=2048. Please request fewer output tokens."
    )
    model = ScriptedModel([(refusal,), (Say("Well."),)], context=None)
    async with connected(model) as (provider, _):
        deltas = [delta async for delta in provider.stream(QUESTION)]
        assert Text("Well.") == deltas[0]
        assert 2048 == provider.context_tokens

    assert [4096, 512] == [body["max_tokens"] for body in model.asked]


@given(JSON)
def test_no_chunk_breaks_the_reader(chunk: object) -> None:
    """Whatever JSON a server sends is a piece, at worst an empty one."""
    for one in (
        chunk,
        {"choices": [{"delta": chunk}], "usage": chunk},
        {"choices": [{"delta": {"tool_calls": chunk}}]},
    ):
        read_piece(one)
        read_model(one)
