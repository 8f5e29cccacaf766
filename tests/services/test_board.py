"""The board: newest only for those who look, everything for the store."""

from __future__ import annotations

from app.domain.reading import GpuReading, NodeReading, Reading, SourceSpec
from app.domain.restore import replay
from app.domain.snapshot import Snapshot
from app.services import wire
from app.services.board import Arrival, Board

SPEC = SourceSpec("a", "exporter", "http://a", 5.0, node="a")


def reading(at: float, power: float = 60.0) -> Reading:
    """One GPU of one node."""
    return Reading("a", at, 0.01, nodes=(NodeReading("a", gpus=(GpuReading(0, "GPU-1", {"gpu.power": power}),)),))


async def test_a_slow_listener_sees_the_newest_only() -> None:
    """Three readings between two looks are one step for a listener."""
    board = Board(Snapshot())
    changes = board.changes()
    first = await anext(changes)

    for at in (5.0, 10.0, 15.0):
        board.apply(SPEC, reading(at))

    assert (0, 3) == (first.version, (await anext(changes)).version)


def test_the_store_sees_every_change() -> None:
    """Draining gives all that came since the last drain, once."""
    board = Board(Snapshot())
    for at in (5.0, 10.0, 15.0):
        board.apply(SPEC, reading(at))

    changes, _ = board.drain()

    assert [5.0, 10.0, 15.0] == [change.layer.at for change in changes]
    assert ((), ()) == board.drain()


def test_taps_hear_arrivals_until_they_stop() -> None:
    """What a daemon passes on is each reading as it was applied."""
    board, heard = Board(Snapshot()), list[Arrival]()
    stop = board.listen(heard.append)
    board.apply(SPEC, reading(5.0))
    stop()
    board.apply(SPEC, reading(10.0))

    assert [5.0] == [one.reading.at for one in heard]


def test_attached_boards_agree() -> None:
    """A snapshot and the arrivals after it, over the wire, give the daemon's own picture."""
    daemon, mirror = Board(Snapshot(cluster="lab", prices={"H100": 2.5})), Board(Snapshot())
    daemon.apply(SPEC, reading(5.0))
    mirror.replace(wire.unpack_snapshot(wire.pack_snapshot(daemon.snapshot)))
    daemon.listen(lambda arrival: _pass_on(mirror, arrival))
    for one in (reading(10.0, 77.0), Reading.failed("a", 15.0, "connection refused")):
        daemon.apply(SPEC, one)

    assert wire.pack_snapshot(daemon.snapshot) == wire.pack_snapshot(mirror.snapshot)
    gpu = mirror.snapshot.gpu("a", 0)
    assert gpu is not None
    assert 77.0 == gpu.value("gpu.power", 11.0)


def _pass_on(mirror: Board, arrival: Arrival) -> None:
    heard = wire.unpack_arrival(wire.pack_arrival(arrival))
    mirror.apply(heard.spec, heard.reading, heard.missed_slots)


async def test_a_restored_past_renews_those_who_listen() -> None:
    """The past with the readings since stands for what was there: a new version, other events, a new beginning."""
    board, renewed = Board(Snapshot()), list[int]()
    board.listen(lambda _: None, lambda: renewed.append(board.snapshot.version))
    board.apply(SPEC, Reading.failed("a", 5.0, "connection refused"))
    before = board.snapshot.version

    board.restore(replay(Snapshot(), [(SPEC, reading(6.0), 0)]))

    assert [before + 1] == renewed
    assert ["a/0"] == [gpu.id for gpu in board.snapshot.gpus()]
    assert ([], 1) == (list(board.recent), len(board.drain()[0]))


def test_a_source_that_went_meanwhile_does_not_come_back() -> None:
    """What was forgotten while the past was read stays forgotten."""
    board = Board(Snapshot())
    board.apply(SPEC, reading(5.0))
    board.forget("a")

    board.restore(replay(Snapshot(), [(SPEC, reading(5.0), 0)]))

    assert {} == board.snapshot.sources


def test_prices_come_where_none_are_known() -> None:
    """What is configured stays; who follows arrivals begins anew, since none of them tells a price; and only once."""
    board = Board(Snapshot(prices={"A100": 1.0}))
    renewed = list[int]()
    board.listen(lambda _: None, lambda: renewed.append(board.snapshot.version))
    board.price({"A100": 9.0, "H100": 2.5})
    board.price({"H100": 2.5})

    assert ({"A100": 1.0, "H100": 2.5}, [1]) == (dict(board.snapshot.prices), renewed)


def test_a_picture_that_somebody_holds_stays_as_it_was() -> None:
    """Whatever comes after it, also after a reading that touched other parts only, nothing in it changes."""
    board = Board(Snapshot())
    other = SourceSpec("b", "exporter", "http://b", 5.0, node="b")
    board.apply(SPEC, reading(5.0))
    held = board.snapshot

    board.apply(other, Reading.failed("b", 6.0, "connection refused"))
    board.apply(SPEC, reading(10.0, 77.0))
    board.apply(SPEC, reading(15.0, 88.0))

    gpu, newest = held.gpu("a", 0), board.snapshot.gpu("a", 0)
    assert (["a"], 5.0) == (list(held.sources), held.sources["a"].ok_at)
    assert (60.0, 88.0) == (gpu and gpu.value("gpu.power", 5.0), newest and newest.value("gpu.power", 15.0))


async def test_who_waits_for_moves_hears_of_them() -> None:
    """A move is told once for whatever came since the one before."""
    board = Board(Snapshot())
    moves = board.moves()
    await anext(moves)
    board.apply(SPEC, reading(5.0))
    board.apply(SPEC, reading(10.0))
    await anext(moves)

    assert 2 == board.snapshot.version
