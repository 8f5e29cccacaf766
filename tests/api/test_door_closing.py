"""A door that closes while somebody comes: who was let in is answered, and nobody is cut off before."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from app.api import door
from app.api.door import Door
from app.services.listening import open_unix

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(_scope: object, _receive: object, send) -> None:  # type: ignore[no-untyped-def]
    """The smallest application."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


async def come(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing has been said."""
    return await asyncio.open_unix_connection(str(path))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What comes until the connection ends, once something was asked. Raises ConnectionError."""
    writer.write(ASK)
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return said


async def until(made: Door, there: int) -> None:
    """Wait until so many connections are known."""
    for _ in range(1000):
        if len(made.crowd) == there:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(made.crowd)} connections instead of {there}")


async def test_who_was_let_in_may_still_ask(tmp_path: Path) -> None:
    """Once; the connection ends after the answer."""
    with open_unix(tmp_path / "sock") as listening:
        made = Door(hello)
        await made.open(listening.dup())
        line = await come(tmp_path / "sock")
        await until(made, 1)
        closing = asyncio.create_task(made.close())
        await asyncio.sleep(0.05)

        assert (await answer(*line)).endswith(b"hi")
        await asyncio.wait_for(closing, 10)


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_comes_as_it_closes_is_answered(tmp_path: Path, turns: int) -> None:
    """By this door, or by the next one on the same socket, however far it had got."""
    with open_unix(tmp_path / "sock") as listening:
        made, following = Door(hello), Door(hello)
        await made.open(listening.dup())
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, str(tmp_path / "sock"))
            for _ in range(turns):
                await asyncio.sleep(0)
            closing = asyncio.create_task(made.close())
            await asyncio.sleep(0)
            line = await asyncio.open_unix_connection(sock=client.dup())
            said = asyncio.create_task(answer(*line))
            await asyncio.wait_for(closing, 10)
            await following.open(listening.dup())
            if not said.done():  # the next one keeps its connections open
                await asyncio.sleep(0.05)
            await following.close()

            assert (await said).endswith(b"hi")


async def test_what_was_asked_before_is_answered(tmp_path: Path) -> None:
    """Also on a connection that has had an answer already, and that would else be closed for asking nothing."""
    with open_unix(tmp_path / "sock") as listening:
        made = Door(hello)
        await made.open(listening.dup())
        reader, writer = await come(tmp_path / "sock")
        writer.write(ASK)
        assert b"hi" == (await reader.readuntil(b"hi"))[-2:]
        writer.write(ASK)
        await made.close()

        assert (await asyncio.wait_for(reader.read(), 10)).endswith(b"hi")
        writer.close()


async def test_who_never_asks_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is half a head."""
    monkeypatch.setattr(door, "GRACE_S", 0.1)
    with open_unix(tmp_path / "sock") as listening:
        made = Door(hello)
        await made.open(listening.dup())
        (silent, first), (half, second) = await come(tmp_path / "sock"), await come(tmp_path / "sock")
        second.write(ASK[:9])
        await until(made, 2)
        await made.close()

        assert b"" == await asyncio.wait_for(silent.read(), 10)
        assert b"" == await asyncio.wait_for(half.read(), 10)
        for writer in (first, second):
            writer.close()
