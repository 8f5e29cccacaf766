"""The MCP server as `gpu-watchdog mcp` runs it: over standard input and output, or over HTTP, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from app.agent.tools.registry import TOOLS
from app.agent.tools.schema import schema
from app.api.mcp_stdin import standard_input
from app.api.mcp_tools import Look, tool_server
from app.config.tokens import Door
from app.transport.tasks import Tasks

if TYPE_CHECKING:
    import anyio

Until = Callable[[], Awaitable[object]]


def reading_server(look: Look, version: str) -> Server[Any]:
    """A server with every tool that reads, and none that could propose an action."""
    return tool_server(look, [schema(one)["function"] for one in TOOLS if one.effect == "read"], version)


async def serve_stdio(look: Look, version: str, until: Until) -> None:
    """Answer on standard input and output until the input ends or `until` returns.

    Nothing else is written to standard output meanwhile: what others print goes to standard error.
    """
    async with Tasks() as tasks:
        speaking = tasks.start(_speak(reading_server(look, version)), "mcp")
        stopping = tasks.start(_wait(until), "stop")
        await asyncio.wait((speaking, stopping), return_when=asyncio.FIRST_COMPLETED)


async def serve_http(look: Look, version: str, door: Door, told: Callable[[str], None], until: Until) -> None:
    """Answer over HTTP until `until` returns; `told` is given the address once it listens. Raises OSError."""
    from app.api.mcp_http import listening  # noqa: PLC0415 - late: most clients need no web server

    async with listening(reading_server(look, version), door) as address:
        told(address)
        await until()


async def _speak(server: Server[Any]) -> None:
    with standard_input() as lines:
        async with stdio_server(cast("anyio.AsyncFile[str]", lines)) as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())


async def _wait(until: Until) -> None:
    await until()
