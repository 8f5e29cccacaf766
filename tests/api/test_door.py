"""Who keeps a connection, sends without an end, or takes nothing: the others are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from pathlib import Path

import pytest

from app.api import desk, door, gate
from app.api.stream import Fanout
from app.config.api_tokens import Role
from app.config.settings import Serve
from app.services.listening import ListenError, open_tcp
from tests.api.house import House, house


async def served(here: House) -> bool:
    """Whether somebody who comes now is answered."""
    async with here.client("view") as client:
        return (await client.get("/healthz")).status_code == 200


async def opened(here: House, *lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over TCP on which so much was said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write("".join(f"{line}\r\n" for line in lines).encode())
    await writer.drain()
    return reader, writer


def shown(here: House, role: Role) -> str:
    """The header that shows the token of a role."""
    return f"Authorization: Bearer {here.tokens[role]}"


async def test_a_head_that_never_ends_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one that comes a byte at a time, nor a second one on the same connection, nor silence."""
    monkeypatch.setattr(door, "HEAD_S", 0.2)
    async with house(tmp_path / "run") as here:
        silent, half = await opened(here), await opened(here, "GET /healthz HTTP/1.1", "Host: x")
        reader, writer = await opened(here, "GET /healthz HTTP/1.1", "Host: x", "")
        assert b"401" in await reader.readuntil(b"\r\n\r\n")
        second = await opened(here, "HEAD /healthz HTTP/1.1", "Host: x", shown(here, "view"), "")
        assert b"200" in await second[0].readuntil(b"\r\n\r\n")
        second[1].write(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        for _ in range(20):
            if half[1].transport.is_closing() and second[1].transport.is_closing():
                break
            for each in (half[1], second[1]):
                each.write(b"a")
            await asyncio.sleep(0.05)

        assert await served(here)
        for closed in (silent[0], half[0], second[0]):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(closed.readexactly(1), 10)
        writer.close()


async def test_too_many_connections_cost_those_that_ask_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest idle goes when another comes; who is being answered stays."""
    monkeypatch.setattr(door, "room", lambda: 20)
    async with house(tmp_path / "run") as here, here.peer() as watching:
        async with watching.stream("GET", "/api/stream") as stream:
            follow = stream.aiter_raw()
            assert (await anext(follow)).startswith(b"event: snapshot")
            crowd = [await opened(here) for _ in range(100)]

            assert await served(here)
            here.board.replace(here.board.snapshot)
            assert not stream.is_closed
        page = (await watching.get("/metrics")).text
        for _, writer in crowd:
            writer.close()

    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert int(lines["gpu_watchdog_api_turned_away_total"]) >= 80
    assert int(lines["gpu_watchdog_api_connections"]) <= 20


async def test_a_body_without_an_end_is_refused_unread(tmp_path: Path) -> None:
    """By its length where it says it, else once it is too long; also where nobody wants one, and without a token."""
    async with house(tmp_path / "run") as here:
        for token, expected in ((here.tokens["admin"], b" 413 "), (here.tokens["view"], b" 403 "), ("", b" 401 ")):
            head = ("POST /api/alerts HTTP/1.1", "Host: x", f"Authorization: Bearer {token}")
            said, _ = await opened(here, *head, f"Content-Length: {1 << 30}", "", "{")
            assert expected in await asyncio.wait_for(said.readline(), 10)
            assert b"connection: close" in await asyncio.wait_for(said.read(), 10)
        reader, writer = await opened(
            here,
            "POST /api/alerts HTTP/1.1",
            "Host: x",
            shown(here, "admin"),
            "Transfer-Encoding: chunked",
            "",
        )
        sent = 0
        try:
            while sent < 1 << 30:
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                await writer.drain()
                sent += 65536
        except ConnectionError:
            pass
        with contextlib.suppress(ConnectionError):  # cut off before it had read the answer
            assert b"413" in await reader.readline()

        assert sent < 8 << 20
        assert await served(here)


async def test_who_is_refused_hears_why(tmp_path: Path) -> None:
    """A connection that is closed with something unread is reset: the client would lose the answer."""
    async with house(tmp_path / "run") as here:
        for _ in range(20):
            head = ("POST /api/alerts HTTP/1.1", "Host: x", "Content-Length: 200000", "")
            reader, writer = await opened(here, *head, "")
            writer.write(b" " * 199_998)
            await writer.drain()
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()

            assert b" 401 " in answer.partition(b"\r\n")[0]
            assert b"serve.token_file" in answer


async def test_a_body_that_comes_slowly_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must be whole in time."""
    monkeypatch.setattr(desk, "BODY_S", 0.1)
    async with house(tmp_path / "run") as here:
        head = ("POST /api/alerts HTTP/1.1", "Host: x", shown(here, "admin"), "Content-Length: 9", "")
        reader, _ = await opened(here, *head, "{")

        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)


async def test_who_takes_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that nobody reads holds neither memory nor a place for ever."""
    monkeypatch.setattr(gate, "STALL_S", 0.1)
    monkeypatch.setattr(Fanout, "follow", endless)
    async with house(tmp_path / "run") as here:
        reader, _ = await opened(here, "GET /api/stream HTTP/1.1", "Host: x", shown(here, "view"), "")
        async with here.client("view") as client:
            for _ in range(100):
                page = (await client.get("/metrics")).text
                if "gpu_watchdog_api_listeners 0" in page:
                    break
                await asyncio.sleep(0.05)

        assert "gpu_watchdog_api_listeners 0" in page
        with contextlib.suppress(ConnectionError):
            while await asyncio.wait_for(reader.read(1 << 20), 10):
                pass


async def endless(_self: Fanout, _give: object):  # type: ignore[no-untyped-def]
    while True:
        yield b"x" * (1 << 16)


@pytest.mark.real("openssl")
async def test_tcp_is_spoken_under_tls(tmp_path: Path) -> None:
    """With the certificate that is configured; plain HTTP is not answered then, and the unix socket stays plain."""
    cert, key = certificate(tmp_path)
    async with house(tmp_path / "run", serve=Serve(tls_cert=str(cert), tls_key=str(key))) as here:
        trusting = ssl.create_default_context(cafile=str(cert))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", here.port, ssl=trusting, server_hostname="localhost"
        )
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{shown(here, 'view')}\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        writer.close()
        plain, _ = await opened(here, "GET /healthz HTTP/1.1", "Host: x", "")
        assert b"HTTP" not in await plain.read(100)
        async with here.peer() as client:
            assert 200 == (await client.get("/healthz")).status_code


async def test_plain_tcp_beyond_this_machine_is_refused(tmp_path: Path) -> None:
    """Whatever the configuration said: a token would be read on the way."""
    everywhere = open_tcp("0.0.0.0:0")
    with pytest.raises(ListenError, match="tls_cert"):
        async with house(tmp_path / "run", more=(everywhere,)):
            pass
    everywhere.close()


async def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """With the settings that name it."""
    with pytest.raises(ListenError, match=r"serve\.tls_cert"):
        async with house(tmp_path / "run", serve=Serve(tls_cert=str(tmp_path / "no"), tls_key=str(tmp_path / "no"))):
            pass


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost with its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words, *about, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key
