"""`mcp`: the whole program as an MCP client starts it, over standard input and output and over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from app.cli import errors
from app.cli.mcp import _tell
from app.cli.output import Output
from app.config.tokens import Door, Tokens
from tests.cli.conftest import Run, dcgm_page

Serve = Callable[[str], str]
TOKEN = "canary-mcp-4d0b7f21c9a3"


def words(url: str, *more: str) -> list[str]:
    """A command line that looks at one page."""
    return ["-m", "app", "mcp", "--target", url, "--interval", "0.2", *more]


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o600) -> str:
    """A file with a token."""
    file = folder / "tokens"
    file.write_text(text + "\n")
    file.chmod(mode)
    return str(file)


def said(result: Any) -> Any:  # noqa: ANN401 - the SDK's own union; JSON has no better name
    """What a call brought."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return json.loads(content.text)


def kept() -> dict[str, bytes]:
    """Every file of the state folder."""
    state = Path(os.environ["GPU_WATCHDOG_STATE_DIR"])
    return {file.name: file.read_bytes() for file in state.rglob("*") if file.is_file()}


@asynccontextmanager
async def served(url: str, *more: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The program over HTTP: its address, and its process, which is told to stop at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words(url, "--http", "0", *more), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
        assert line.startswith("serving on http://127.0.0.1:"), line
        yield line.split()[2].rstrip(","), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 30)


async def test_a_client_over_standard_input_and_output(serve_page: Serve) -> None:
    """The SDK's client lists, calls twice, is told what is wrong with arguments, and leaves."""
    server = StdioServerParameters(command=sys.executable, args=words(serve_page(dcgm_page(2))), env=dict(os.environ))
    async with Client(server) as client:
        names = [one.name for one in (await client.list_tools()).tools]
        first = said(await client.call_tool("gpu_details", {"gpu": "node-1/1"}))
        again = said(await client.call_tool("gpu_details", {"gpu": "node-1/1"}))
        wrong = await client.call_tool("gpu_details", {"gpus": "node-1/1"})
        found = said(await client.call_tool("diagnose", {}))

    assert "diagnose" == names[0]
    assert [] == [name for name in names if name.startswith("propose")]
    assert "node-1" in json.dumps(first)
    assert first.keys() == again.keys()
    assert wrong.is_error
    assert "healthy" in found


def test_standard_output_carries_the_protocol_and_nothing_else(serve_page: Serve) -> None:
    """Line for line JSON-RPC, with garbage on the input too; the end of the input is the end, with 0."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        "garbage {",
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "cluster_status", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "propose_cancel", "arguments": {}}},
    ]
    talking = subprocess.Popen(
        [sys.executable, *words(serve_page(dcgm_page(1)))], stdin=-1, stdout=-1, stderr=-1, text=True
    )
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdin.write("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    talking.stdin.flush()
    answers: dict[int, Any] = {}
    while not {1, 2, 3} <= answers.keys():
        answer = json.loads(talking.stdout.readline())
        answers[answer.get("id") or 0] = answer
    rest, _ = talking.communicate(timeout=30)

    assert (errors.OK, "") == (talking.returncode, rest)
    assert {"2.0"} == {one["jsonrpc"] for one in answers.values()}
    assert "gpu-watchdog" == answers[1]["result"]["serverInfo"]["name"]
    assert answers[2]["result"]["content"]
    assert "there is no tool" in answers[3]["error"]["message"]


def test_told_to_stop_it_does_not_wait_for_its_client(serve_page: Serve) -> None:
    """SIGTERM ends it although its input stays open and silent."""
    talking = subprocess.Popen(
        [sys.executable, *words(serve_page(dcgm_page(1)))], stdin=-1, stdout=-1, stderr=-1, text=True
    )
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    talking.stdin.flush()
    talking.stdout.readline()
    talking.send_signal(signal.SIGTERM)

    assert errors.OK == talking.wait(20)
    talking.stdin.close()
    talking.stdout.close()
    assert talking.stderr is not None
    talking.stderr.close()


def test_a_client_that_is_gone_ends_it(serve_page: Serve) -> None:
    """Nobody reads any more: it ends by itself, as every command does then."""
    talking = subprocess.Popen([sys.executable, *words(serve_page(dcgm_page(1)))], stdin=-1, stdout=-1, stderr=-1)
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdout.close()
    talking.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    talking.stdin.flush()

    assert errors.PIPE_CLOSED == talking.wait(30)
    talking.stdin.close()
    assert talking.stderr is not None
    assert b"" == talking.stderr.read()
    talking.stderr.close()


async def test_a_client_over_http(serve_page: Serve, tmp_path: Path) -> None:
    """With the token of the file it is served; without it is not; SIGTERM ends it with 0; secrets are told nowhere."""
    page = dcgm_page(2).replace("NVIDIA H100 80GB HBM3", "H100 password=canary-of-a-page")
    async with served(serve_page(page), "--token-file", token_file(tmp_path)) as (address, process):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            found = [said(await client.call_tool(tool, {})) for tool in ("cluster_status", "current_metrics")]
            stranger = await http.post(address, headers={"Authorization": "Bearer canary-mcp-wrong-wrong"}, json={})
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), 30)

    assert "canary" not in json.dumps(found)
    assert 401 == stranger.status_code
    assert (errors.OK, b"") == (process.returncode, out)
    assert b"canary" not in err
    told = kept()
    assert [] == [name for name, text in told.items() if b"canary" in text]
    assert b'"tool":"cluster_status"' in told["agent.jsonl"]


@pytest.mark.parametrize(
    ("door", "minds"),
    [
        (Door("127.0.0.1", 1, Tokens(())), 0),
        (Door("10.0.0.1", 1, Tokens(())), 1),
        (Door("::", 1, Tokens(()), ("head.lab",)), 1),
        (Door("0.0.0.0", 1, Tokens(())), 2),
    ],
)
def test_what_to_mind_is_told_where_others_get_there(door: Door, minds: int) -> None:
    """Plain HTTP off loopback; on every address, that clients need a name that was given."""
    err = io.StringIO()
    _tell(Output(io.StringIO(), err, {}), door, "http://a:1/mcp")

    first, *more = err.getvalue().splitlines()
    assert "serving on http://a:1/mcp, to who shows a token of --token-file" == first
    assert minds == len([line for line in more if line.startswith("mind: ")]) == len(more)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--http", "9480"), "--http needs --token-file"),
        (("--http", "0.0.0.0:9480"), "--http needs --token-file"),
        (("--http", "nowhere", "--token-file", "x"), "write a PORT or ADDRESS:PORT"),
        (("--http", "1.2.3.4:99999", "--token-file", "x"), "write a PORT or ADDRESS:PORT"),
        (("--token-file", "x"), "go with --http"),
        (("--http", "0", "--token-file", "/nonexistent/token"), "cannot be read"),
    ],
)
def test_wrong_words_are_errors_for_a_person(run: Run, given: tuple[str, ...], told: str) -> None:
    """64, and nothing listens."""
    answer = run("mcp", *given)

    assert (errors.USAGE, "") == (answer.code, answer.out)
    assert told in answer.err


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (TOKEN, 0o644, "everybody can read it"),
        ("short", 0o600, "line 1: no token: at least 16 characters"),
        (f"# one\n{TOKEN} {TOKEN}", 0o600, "line 2: no token"),
        ("# none\n", 0o600, "holds no token"),
    ],
)
def test_a_token_file_that_is_no_secret_is_refused(run: Run, tmp_path: Path, text: str, mode: int, told: str) -> None:
    """Readable by others, too short to be one, several on a line, or none at all; the token is not repeated."""
    answer = run("mcp", "--http", "0", "--token-file", token_file(tmp_path, text, mode))

    assert errors.USAGE == answer.code
    assert told in answer.err
    assert TOKEN not in answer.err
