"""What attached screens are sent: made once for all, and begun anew where somebody falls behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from app.api import stream as stream_module
from app.api.stream import CURRENT, OVER, Fanout
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services import wire
from app.services.board import Board

NOW = 1_764_000_000.0
SPEC = SourceSpec("node-1", "exporter", "http://node-1:9400/metrics", 5.0)


def reading(at: float) -> Reading:
    """One that brought nothing."""
    return Reading.failed(SPEC.name, at, "connection refused")


def happen(board: Board, *times: float) -> None:
    """Readings come."""
    for at in times:
        board.apply(SPEC, reading(at))


async def events(follow: AsyncIterator[bytes], count: int) -> list[tuple[str, bytes]]:
    """The next events, by name; comments left out."""
    found: list[tuple[str, bytes]] = []
    text = b""
    while len(found) < count:
        text += await asyncio.wait_for(anext(follow), 10)
        *whole, text = text.split(b"\n\n")
        for one in whole:
            if one.startswith(b"event: "):
                name, _, data = one.removeprefix(b"event: ").partition(b"\ndata: ")
                found.append((name.decode(), data))
    return found


async def test_a_listener_that_applies_what_it_is_sent_has_the_daemons_picture() -> None:
    """A snapshot first, then every reading; what came before it was there stands in the snapshot."""
    board, mirror = Board(Snapshot()), Board(Snapshot())
    happen(board, NOW)
    follow = Fanout(board, batch_s=0.0).follow()

    ((name, data),) = await events(follow, 1)
    assert "snapshot" == name
    mirror.replace(wire.unpack_snapshot(data))
    happen(board, NOW + 5, NOW + 10)
    for name, data in await events(follow, 2):
        assert "arrival" == name
        arrival = wire.unpack_arrival(data)
        mirror.apply(arrival.spec, arrival.reading, arrival.missed_slots)

    assert [(NOW + 10, 3)] == [(one.tried_at, one.failures) for one in mirror.snapshot.sources.values()]


async def test_readings_are_packed_once_however_many_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for snapshots of those who come together."""
    packed = {"arrival": 0, "snapshot": 0}

    def counting(name: str):  # type: ignore[no-untyped-def]
        real = getattr(wire, f"pack_{name}")

        def pack(value: object) -> object:
            packed[name] += 1
            return real(value)

        return pack

    for name in packed:
        monkeypatch.setattr(wire, f"pack_{name}", counting(name))
    board = Board(Snapshot())
    fanout = Fanout(board, batch_s=0.0)
    follows = [fanout.follow() for _ in range(50)]
    await asyncio.gather(*(events(one, 1) for one in follows))
    happen(board, NOW, NOW + 5)
    told = await asyncio.gather(*(events(one, 2) for one in follows))

    assert {"arrival": 2, "snapshot": 1} == packed
    assert all(one == told[0] for one in told)


async def test_what_comes_while_a_snapshot_is_packed_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes; and nothing is kept that everybody has had."""
    board = Board(Snapshot())
    fanout = Fanout(board, batch_s=0.0)
    packing, go_on = threading.Event(), threading.Event()
    real = wire.pack_snapshot

    def slowly(snapshot: Snapshot) -> str:
        packing.set()
        go_on.wait(10)
        return real(snapshot)

    monkeypatch.setattr(wire, "pack_snapshot", slowly)
    follow = fanout.follow()
    first = asyncio.ensure_future(events(follow, 3))
    await asyncio.to_thread(packing.wait, 10)
    happen(board, NOW)
    fanout._flush()
    happen(board, NOW + 5)
    fanout._flush()
    go_on.set()

    assert ["snapshot", "arrival", "arrival"] == [name for name, _ in await first]
    happen(board, NOW + 10)
    assert ["arrival"] == [name for name, _ in await events(follow, 1)]
    fanout._start = None
    happen(board, NOW + 15)
    fanout._flush()
    assert 2 >= len(fanout._frames)


async def test_who_falls_behind_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a snapshot, once the readings it has not had are kept no more."""
    monkeypatch.setattr(stream_module, "MOST_KEPT", 1000)
    board = Board(Snapshot())
    fanout = Fanout(board, batch_s=0.0)
    slow, prompt = fanout.follow(), fanout.follow()
    await events(slow, 1)
    await events(prompt, 1)
    for at in range(20):
        happen(board, NOW + at)
        await events(prompt, 1)

    ((name, data),) = await events(slow, 1)
    assert ("snapshot", wire.pack_snapshot(board.snapshot).encode()) == (name, data)


async def test_a_picture_that_no_reading_leads_to_is_sent_whole() -> None:
    """Such as the past that a store brought back: also to who has had everything."""
    board = Board(Snapshot())
    follow = Fanout(board, batch_s=0.0).follow()
    await events(follow, 1)
    board.price({"NVIDIA H100": 2.0})

    ((name, data),) = await events(follow, 1)
    assert ("snapshot", {"NVIDIA H100": 2.0}) == (name, dict(wire.unpack_snapshot(data).prices))


async def test_listeners_are_let_go_when_the_daemon_ends() -> None:
    """With a word to come again; nothing is kept when nobody listens."""
    board = Board(Snapshot())
    fanout = Fanout(board, batch_s=0.0)
    follow = fanout.follow()
    await events(follow, 1)
    fanout.close()

    assert [OVER] == [one async for one in follow]
    happen(board, NOW)
    assert (0, []) == (fanout.listeners, list(fanout._frames))


async def test_deflated_events_are_those_that_come_plain() -> None:
    """The same names and data, in a fraction of the bytes."""
    board = Board(Snapshot())
    plainly, deflated = Fanout(board, batch_s=0.0).follow(), Fanout(board, stream_module.deflated, batch_s=0.0).follow()
    expected = await events(plainly, 1)
    found = await unpacked(deflated, 1)
    happen(board, *(NOW + at for at in range(50)))
    plain_frame, deflated_frame = await news(plainly), await news(deflated)

    assert expected == found
    assert told(plain_frame) == told(deflated_frame)
    assert len(plain_frame) > 8 * len(deflated_frame)


async def test_what_was_found_out_is_told_once_to_who_listens_and_to_who_comes() -> None:
    """Nobody is told the same twice; who comes later is told the last behind its snapshot."""
    fanout = Fanout(Board(Snapshot()), batch_s=0.0)
    fanout.tell("alerts", "before anybody listens")
    first = fanout.follow()
    assert ["snapshot"] == [name for name, _ in await events(first, 1)]
    for payload in ("one", "one", "two"):
        fanout.tell("alerts", payload)
    second = fanout.follow()
    fanout._start = None

    assert [("alerts", b"one"), ("alerts", b"two")] == await events(first, 2)
    assert ("alerts", b"two") == (await events(second, 2))[1]


async def test_who_hears_nothing_is_told_that_the_daemon_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at the same time, and only where nothing else was told."""
    monkeypatch.setattr(stream_module, "HEARTBEAT_S", 0.01)
    fanout = Fanout(Board(Snapshot()), batch_s=0.0)
    follows = [fanout.follow() for _ in range(2)]
    await asyncio.gather(*(events(one, 1) for one in follows))

    assert [True, True] == [stream_module.ALIVE in await news(one) for one in follows]


async def test_who_waits_is_given_what_comes_at_once() -> None:
    """Without being woken for it; what it does not take comes by the stream, in order, and nothing comes twice."""
    board, given, takes = Board(Snapshot()), list[bytes](), [True]

    def give(frame: bytes) -> bool:
        if takes[0]:
            given.append(frame)
        return takes[0]

    fanout = Fanout(board, batch_s=0.0)
    follow = fanout.follow(give)
    await events(follow, 1)
    waiting = asyncio.ensure_future(news(follow))
    await waited(fanout)
    for number, is_taken in enumerate((True, True, False, True)):
        takes[0] = is_taken
        happen(board, NOW + number)
        fanout._flush()

    came = await waiting
    assert [NOW, NOW + 1, NOW + 2, NOW + 3] == times(*given, came)
    assert 2 == len(given)


async def test_a_large_frame_is_given_to_nobody_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would lie in memory for each of them; the stream sends the next part when one is taken."""
    monkeypatch.setattr(stream_module, "CHUNK", 100)
    board, given = Board(Snapshot()), list[bytes]()

    def give(frame: bytes) -> bool:
        given.append(frame)
        return True

    fanout = Fanout(board, batch_s=0.0)
    follow = fanout.follow(give)
    await events(follow, 1)
    coming = asyncio.ensure_future(events(follow, 1))
    await waited(fanout)
    happen(board, NOW)

    assert ["arrival"] == [name for name, _ in await coming]
    assert [] == given


async def waited(fanout: Fanout) -> None:
    """Until somebody has had everything."""
    while not fanout._waiting:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0)


def times(*frames: bytes) -> list[float]:
    """When the readings in frames were made."""
    return [wire.unpack_arrival(data).reading.at for frame in frames for _, data in told(frame)]


async def news(follow: AsyncIterator[bytes]) -> bytes:
    """The next that is sent to who has all there was."""
    while (sent := await asyncio.wait_for(anext(follow), 10)) == CURRENT:
        pass
    return sent


def told(frame: bytes) -> list[tuple[str, bytes]]:
    """The events of a frame, in whatever form."""
    parts = wire.EventParts()
    return [one for line in frame.split(b"\n") for one in parts.of(line)]


async def unpacked(follow: AsyncIterator[bytes], count: int) -> list[tuple[str, bytes]]:
    """As `events`, of a stream that is deflated."""
    found: list[tuple[str, bytes]] = []
    while len(found) < count:
        found += told(await asyncio.wait_for(anext(follow), 10))
    return found
