"""What listeners are given past the application, over real sockets: it is the same stream."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.api.hand import Hand
from tests.api.house import House, house


async def listened(here: House, version: str, until: bytes) -> bytes:
    """What a listener is sent until something has come, while things happen behind the door."""
    reader, writer = await asyncio.open_unix_connection(str(here.socket))
    writer.write(f"GET /api/stream?form=wire HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    told = await asyncio.wait_for(reader.readuntil(b": current\n\n"), 10)
    here.board.price({"NVIDIA H100": 2.0})
    while until not in told:
        told += await asyncio.wait_for(reader.read(1 << 16), 10)
    writer.close()
    return told


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each text was written at once."""
    real, found = Hand.gives, list[bool]()

    def gives(hand: Hand, text: bytes) -> bool:
        found.append(real(hand, text))
        return found[-1]

    monkeypatch.setattr(Hand, "gives", gives)
    return found


ALIVE = b": alive\n\n"


@pytest.mark.parametrize(("version", "is_given"), [("1.1", True), ("1.0", False)])
async def test_a_listener_hears_that_the_daemon_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[bool], version: str, *, is_given: bool
) -> None:
    """In a piece of its own where the protocol has pieces; one of before HTTP/1.1 has it the long way, as it is."""
    monkeypatch.setattr("app.api.stream.HEARTBEAT_S", 0.05)
    async with house(tmp_path / "run") as here:
        told = await listened(here, version, ALIVE)

    assert {is_given} == set(given)
    assert (b"\r\n%x\r\n%b\r\n" % (len(ALIVE), ALIVE) in told) is is_given
