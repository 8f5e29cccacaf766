"""A pod's port is believed when an sshd answers behind it, and a login that fails is told for what it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.domain.deployment import Address, Node, Offer
from app.services.deploy import reach
from app.services.deploy.folder import folder_of
from app.services.deploy.ports import DeployError
from tests.tools.fake_clock import HastyClock

NODE = Node("head", "lab-head", Offer("H100", 1, "", "SECURE", None))
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[Address]:
    """A server of that behaviour on loopback."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])


def says(text: bytes) -> Talk:
    """A server that says something and closes."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        writer.close()

    return talk


async def test_a_banner_is_an_sshd() -> None:
    """The first line of an sshd is what is waited for."""
    async with serving(says(b"SSH-2.0-OpenSSH_9.6\r\n")) as address:
        found = await reach.look_at(address)

    assert reach.Look(banner="SSH-2.0-OpenSSH_9.6") == found


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (b"", "no_banner", "the connection was closed without a word"),
        (b"HTTP/1.1 400\r\n", "no_banner", "something that is no sshd said 'HTTP/1.1 400'"),
        (b"\x1b[2Jx\n", "no_banner", "something that is no sshd said '[2Jx'"),
    ],
)
async def test_whatever_else_answers_is_none(text: bytes, code: str, why: str) -> None:
    """A mapped port with nothing behind it, or another server, is not taken for a pod that is ready."""
    async with serving(says(text)) as address:
        found = await reach.look_at(address)

    assert ("", code, why) == (found.banner, found.code, found.why)


async def test_a_refused_connection_is_told_as_such() -> None:
    """Where nobody listens, that is said."""
    async with serving(says(b"")) as address:
        pass
    assert "ssh_refused" == (await reach.look_at(address)).code


async def test_a_pod_is_waited_for_ever_more_seldom_and_not_for_ever() -> None:
    """The pauses grow, somebody is told meanwhile, and the deadline ends it with what was found last."""
    clock, told = HastyClock(), list[str]()
    waiting = reach.Waiting(clock, 60.0, lambda text, **_: told.append(text))
    async with serving(says(b"")) as address:
        with pytest.raises(DeployError) as caught:
            await reach.await_banner(NODE, address, waiting)

    assert clock.slept == sorted(clock.slept)
    assert (True, reach.LONGEST_WAIT_S) == (sum(clock.slept) <= 60.0, clock.slept[-1])
    assert "no_banner" == caught.value.trouble.code
    assert "was not reached within 60 s" in caught.value.trouble.what
    assert 2 <= len(told) <= 4


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ssh lab-head failed: Host key verification failed; its host key is unknown", "host_key_changed"),
        ("ssh lab-head failed: root@h: Permission denied (publickey); put a key into the agent", "ssh_key_refused"),
        ("ssh lab-head failed: Connection reset by peer; try `ssh lab-head` by hand", "login_failed"),
        ("/x: too long a path for the sockets of ssh; choose a shorter state folder", "no_sockets"),
    ],
)
def test_why_a_login_failed_is_told_apart(tmp_path: Path, said: str, code: str) -> None:
    """A changed key, a key that is not let in, and what passes are three things."""
    trouble = reach.refusal(NODE, said, folder_of(tmp_path, "lab"))

    assert (code, "lab-head") == (trouble.code, trouble.node)
    assert "by hand" not in trouble.what
