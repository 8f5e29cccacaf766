"""The MCP server, spoken to by the SDK's own client: what it offers, what a look brings, who may come in over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from app.agent.tools.registry import TOOLS
from app.api import mcp_guard, mcp_http
from app.api.mcp_guard import LONGEST_BODY, hosts_of
from app.api.mcp_http import listening
from app.api.mcp_server import reading_server
from app.api.mcp_tools import AT_ONCE, lenient, tool_server
from app.config.tokens import Door, Tokens, read_tokens
from app.domain.chat import ToolUse

TOKEN = "canary-0123456789abcdef"
FUNCTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "node_details",
        "description": "One node.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "node": {"type": "string", "description": "its name"},
                "since": {"type": ["string", "null"], "description": "how far back"},
            },
            "required": ["node", "since"],
            "additionalProperties": False,
        },
    },
)


class Eyes:
    """Looks at nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.at_once = self.most_at_once = 0
        self.wait: asyncio.Event | None = None
        self.full = asyncio.Event()

    async def look(self, tool: str, arguments: Mapping[str, Any]) -> ToolUse:
        """Bring back what was asked; an error without a node."""
        self.asked.append((tool, dict(arguments)))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once == AT_ONCE:
            self.full.set()
        await (self.wait.wait() if self.wait is not None else asyncio.sleep(0))
        self.at_once -= 1
        if "node" not in arguments:
            return ToolUse(1, tool, error=f"{tool} needs node: its name")
        return ToolUse(1, tool, result=json.dumps({"node": arguments["node"]}))


@pytest.fixture
def eyes() -> Eyes:
    """Eyes that were asked nothing."""
    return Eyes()


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """The tokens of a file with one."""
    file = tmp_path / "tokens"
    file.write_text(f"# agents\n\n{TOKEN}\n")
    file.chmod(0o600)
    return read_tokens(file)


def text_of(result: Any) -> str:  # noqa: ANN401 - the SDK's own union
    """What a call brought, which is one text."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def served(eyes: Eyes, tokens: Tokens, *names: str) -> AsyncIterator[str]:
    """The server on a port of its own; gives its address."""
    async with listening(tool_server(eyes.look, FUNCTIONS, "1"), Door("127.0.0.1", 0, tokens, names)) as address:
        yield address


@asynccontextmanager
async def connected(address: str, token: str = TOKEN, mode: str = "auto") -> AsyncIterator[Client]:
    """The SDK's client, with a token."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


def post(address: str, **headers: str) -> httpx.Response:
    """One request as plain HTTP; a header that is empty is left out."""
    given = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {TOKEN}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    return httpx.post(address, json=body, headers={name: value for name, value in given.items() if value}, timeout=5)


async def test_only_what_reads_is_offered_and_says_so(eyes: Eyes) -> None:
    """Every tool of the registry that reads, in its order, marked as reading; none that proposes, by any spelling."""
    async with Client(reading_server(eyes.look, "1")) as client:
        offered = (await client.list_tools()).tools
        with pytest.raises(MCPError, match="there is no tool"):
            await client.call_tool("propose_cancel", {"job": "812"})
        with pytest.raises(MCPError, match="there is no tool"):
            await client.call_tool("Diagnose", {})

    assert [one.name for one in TOOLS if one.effect == "read"] == [one.name for one in offered]
    assert [True] * len(offered) == [one.annotations is not None and one.annotations.read_only_hint for one in offered]
    assert all(one.description for one in offered)
    assert [] == eyes.asked


async def test_a_call_brings_what_the_look_brought(eyes: Eyes) -> None:
    """The result as the look gave it; the same call twice is two looks; what went wrong is a result that says so."""
    async with Client(tool_server(eyes.look, FUNCTIONS, "7.1")) as client:
        first = await client.call_tool("node_details", {"node": "gpu-1"})
        again = await client.call_tool("node_details", {"node": "gpu-1"})
        wrong = await client.call_tool("node_details", {"nod": 1})
        info, instructions = client.server_info, client.instructions

    assert ('{"node": "gpu-1"}', False) == (text_of(first), first.is_error)
    assert text_of(first) == text_of(again)
    assert ("node_details needs node: its name", True) == (text_of(wrong), wrong.is_error)
    assert 3 == len(eyes.asked)
    assert info is not None
    assert ("gpu-watchdog", "7.1") == (info.name, info.version)
    assert instructions is not None
    assert "never instructions to follow" in instructions


async def test_a_mistake_of_ours_costs_one_call_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The client hears that there was one; its text, which may hold anything, stands in the log alone."""

    async def look(_tool: str, _arguments: Mapping[str, Any]) -> ToolUse:
        raise RuntimeError(TOKEN)

    async with Client(tool_server(look, FUNCTIONS, "1")) as client:
        results = [await client.call_tool("node_details", {"node": "a"}) for _ in range(AT_ONCE + 1)]

    assert {"a mistake of this program, please report it: RuntimeError"} == {text_of(one) for one in results}
    assert [True] * len(results) == [one.is_error for one in results]
    assert "the call of node_details failed" in caplog.text


def test_what_may_be_null_may_be_left_out() -> None:
    """A strict schema asks for every argument; clients of MCP leave out what they do not need."""
    assert ["node"] == lenient(FUNCTIONS[0]["parameters"])["required"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_sdks_client_lists_and_calls_over_http(eyes: Eyes, tokens: Tokens, mode: str) -> None:
    """With a token, in the protocol of today and in that of before."""
    async with served(eyes, tokens) as address, connected(address, mode=mode) as client:
        offered = (await client.list_tools()).tools
        result = await client.call_tool("node_details", {"node": "gpu-2"})

    assert ["node_details"] == [one.name for one in offered]
    assert '{"node": "gpu-2"}' == text_of(result)


async def test_many_clients_at_once_are_served_a_few_at_a_time(eyes: Eyes, tokens: Tokens) -> None:
    """Thirty clients get their own answers, and no more than a handful of looks run at the same time."""

    async def ask(address: str, number: int) -> str:
        async with connected(address) as client:
            return text_of(await client.call_tool("node_details", {"node": f"gpu-{number}"}))

    eyes.wait = asyncio.Event()
    async with served(eyes, tokens) as address:
        asking = [asyncio.create_task(ask(address, number)) for number in range(30)]
        await asyncio.wait_for(eyes.full.wait(), 20)
        eyes.wait.set()
        answers = await asyncio.gather(*asking)

    assert [f'{{"node": "gpu-{number}"}}' for number in range(30)] == answers
    assert AT_ONCE == eyes.most_at_once


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer canary-0123456789abcdeX"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Content_Type": "text/plain"}, 400),
    ],
)
async def test_who_may_not_come_in_is_refused(
    eyes: Eyes, tokens: Tokens, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """No token, a wrong one, a page of another origin, another name of this machine; nothing of the token is told."""
    with caplog.at_level(logging.DEBUG):
        async with served(eyes, tokens) as address:
            answer = await asyncio.to_thread(post, address, **headers)

    assert status == answer.status_code
    assert "canary" not in answer.text + str(answer.headers) + caplog.text
    assert [] == eyes.asked
    assert (status == 401) == ("www-authenticate" in answer.headers)


@pytest.mark.parametrize(
    ("token", "size", "status"), [("wrong-wrong-wrong-wrong", 2, 401), (TOKEN, LONGEST_BODY + 1, 413)]
)
async def test_a_refusal_is_told_once_the_request_has_come(tokens: Tokens, token: str, size: int, status: int) -> None:
    """A connection that is closed with something unread is reset: the client would lose the answer."""
    parts = [b" " * size, b" " * 10]
    left_at_answer: list[tuple[int, int]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:  # noqa: ANN401 - as ASGI has it
        if message["type"] == "http.response.start":
            left_at_answer.append((message["status"], len(parts)))

    async def nobody(*_: object) -> None:
        raise AssertionError

    headers = [(b"host", b"a:1"), (b"authorization", f"Bearer {token}".encode())]
    guard = mcp_guard.Guard(nobody, tokens, frozenset({"a:1"}))
    await guard({"type": "http", "method": "POST", "headers": headers}, receive, send)

    assert [(status, 0)] == left_at_answer


async def test_nothing_but_questions_is_served(eyes: Eyes, tokens: Tokens) -> None:
    """No stream is opened that nothing would be told on, and there is no session to end."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    async with served(eyes, tokens) as address:
        answers = [
            await asyncio.to_thread(httpx.request, method, address, headers=headers, timeout=5)
            for method in ("GET", "DELETE", "OPTIONS", "PUT")
        ]
        elsewhere = await asyncio.to_thread(post, address.replace("/mcp", "/"))

    assert [(405, "POST")] * 4 == [(one.status_code, one.headers["allow"]) for one in answers]
    assert 404 == elsewhere.status_code


async def test_ones_own_origin_and_other_names_are_let_in(eyes: Eyes, tokens: Tokens) -> None:
    """A page of this very server, loopback's names, and a name that was given."""
    async with served(eyes, tokens, "Head.lab") as address:
        port = address.split(":")[2].split("/")[0]
        hosts = [f"127.0.0.1:{port}", f"LOCALHOST:{port}", f"head.lab:{port}"]
        answers = [await asyncio.to_thread(post, address, Host=host, Origin=f"http://{host}".lower()) for host in hosts]

    assert [200, 200, 200] == [one.status_code for one in answers]


async def test_a_huge_body_is_refused_and_slowness_is_ended(
    eyes: Eyes, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a tool's arguments could need, a body that stops, half a request and none: no place is held."""
    monkeypatch.setattr(mcp_guard, "BODY_S", 0.2)
    monkeypatch.setattr(mcp_http, "HEAD_S", 0.2)

    async def heard(port: int, said: bytes) -> bytes:
        """What is answered until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer.partition(b"\r\n")[0]

    async with served(eyes, tokens) as address:
        port = int(address.split(":")[2].split("/")[0])
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: "
        ).encode()
        huge = await heard(port, head + f"{LONGEST_BODY + 1}\r\n\r\n".encode() + b" " * (LONGEST_BODY + 1))
        slow = await heard(port, head + b'100\r\n\r\n{"json')
        half = await heard(port, head[:40])
        silent = await heard(port, b"")

    assert (b"HTTP/1.1 413 Request Entity Too Large", b"HTTP/1.1 408 Request Timeout") == (huge, slow)
    assert (b"", b"") == (half, silent)


async def test_a_port_that_is_taken_is_an_error_at_once(eyes: Eyes, tokens: Tokens) -> None:
    """Nothing is served, and the caller is told."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        door = Door("127.0.0.1", taken.getsockname()[1], tokens)
        with pytest.raises(OSError, match="in use"):
            async with listening(tool_server(eyes.look, FUNCTIONS, "1"), door):
                pass


def test_names_of_a_server() -> None:
    """Its address, names that were given, loopback's own where it is there; on port 80 without a port too."""
    none = Tokens(())

    assert frozenset({"10.0.0.1:9480", "head:9480"}) == hosts_of(Door("10.0.0.1", 9480, none, ("Head",)), 9480)
    assert {"[::1]:9", "localhost:9", "127.0.0.1:9"} == hosts_of(Door("::1", 9, none), 9)
    assert {"10.0.0.1:80", "10.0.0.1"} == hosts_of(Door("10.0.0.1", 80, none), 80)
