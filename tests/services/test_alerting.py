"""Alerting on the evaluation clock: what is kept over a kill, who may evaluate, and what people say."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.domain.alert import Rule, labels_of
from app.domain.snapshot import Gpu, Layer, Node, Snapshot
from app.engine.alerting.parse import parse_matchers
from app.engine.alerting.rulebook import RuleBook, built_in, extended
from app.services import alert_notes, queries_alerts, wire
from app.services.alerting import Alerting, AlertingError, UnknownError
from app.services.board import Board
from app.store.sqlite import SqliteHistory, open_store
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
BOOK = RuleBook({"Hot": Rule("Hot", "gpu.temperature > 85", for_s=60, keep_firing_for_s=30, text="{where} is hot")})


def hot(at: float, celsius: float | None = 90.0) -> Snapshot:
    """One GPU, so hot; None: listed, and without a value."""
    values = {} if celsius is None else {"gpu.temperature": celsius}
    gpu = Gpu("gpu-1", 3, "GPU-3", layers=(Layer("e", at, 5.0, values),), seen_at=at)
    return Snapshot(version=1, at=at, nodes={"gpu-1": Node("gpu-1", gpus=(gpu,))})


@asynccontextmanager
async def alerting(path: Path, clock: FakeClock, book: RuleBook = BOOK) -> AsyncIterator[tuple[Alerting, Board]]:
    """Alerting over a store at a path; nothing is said to it at the end but that the file is closed."""
    board = Board(Snapshot())
    history = await open_store(path, clock.now)
    made = Alerting(board, clock, 5.0, book, waits_for_store=True)
    await made.keep(history)
    try:
        yield made, board
    finally:
        await history.close()


def states(made: Alerting) -> list[str]:
    """States of its alerts."""
    return [one.state for one in made.now().alerts]


async def test_a_pending_alert_goes_on_waiting_where_a_kill_left_it(tmp_path: Path) -> None:
    """40 of 60 s waited before, 20 more after: the time in between does not count, and nothing begins anew."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (made, _):
        await made.step(hot(NOW), NOW)
        await made.step(hot(NOW + 40), NOW + 40)
    clock.set(NOW + 100)
    async with alerting(tmp_path / "h.db", clock) as (made, board):
        await made.step(hot(NOW + 119), NOW + 119)
        assert ["pending"] == states(made)
        await made.step(hot(NOW + 120), NOW + 120)
        assert ["firing"] == states(made)
        assert ["alert.firing"] == [event.kind for event in board.recent]


async def test_the_bare_moment_is_written_now_and_then_and_while_a_clock_runs_always(tmp_path: Path) -> None:
    """Without an alert every second look writes, often enough to be taken for current; with one that waits, all do."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (made, _):
        notes = made._turn.notes
        assert isinstance(notes, SqliteHistory)

        async def kept_after(*seconds: int, celsius: float) -> list[float]:
            found = []
            for second in seconds:
                await made.step(hot(NOW + second, celsius), NOW + second)
                now = alert_notes.current(await notes.notes(alert_notes.PREFIX))
                assert now.is_current(NOW + second)
                found.append(now.at - NOW)
            return found

        assert [0, 0, 10, 10, 20] == await kept_after(0, 5, 10, 15, 20, celsius=50.0)
        assert [25, 30, 35] == await kept_after(25, 30, 35, celsius=90.0)
        assert [40, 40, 50] == await kept_after(40, 45, 50, celsius=50.0)


async def test_a_firing_alert_is_not_told_again_after_a_kill(tmp_path: Path) -> None:
    """It goes on with the time it first fired, its acknowledgement, and no new event."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (made, _):
        for after in (0.0, 60.0):
            await made.step(hot(NOW + after), NOW + after)
        await made.ack(made.now().alerts[0].id, "ana", "on it")
    clock.set(NOW + 90)
    async with alerting(tmp_path / "h.db", clock) as (made, board):
        await made.step(hot(NOW + 90), NOW + 90)

        assert [("firing", NOW + 60)] == [(one.state, one.fired_at) for one in made.now().alerts]
        assert ["on it"] == [one.note for one in made.now().acks]
        assert [] == list(board.recent)


async def test_no_data_is_neither_well_nor_over(tmp_path: Path) -> None:
    """A GPU that gives no value keeps its alert, for JSON as firing without data; cooled down, it is resolved."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (made, board):
        for after, celsius in ((0.0, 90.0), (60.0, 90.0), (65.0, None), (100.0, None)):
            await made.step(hot(NOW + after, celsius), NOW + after)
        told = (queries_alerts.alerts(made.now(), NOW + 100) or [])[0]
        assert ("firing", True) == (told["state"], told["no_data"])
        await made.step(hot(NOW + 105, 50.0), NOW + 105)
        await made.step(hot(NOW + 140, 50.0), NOW + 140)

        assert ["resolved"] == states(made)
        assert ["alert.firing", "alert.no_data", "alert.resolved"] == [event.kind for event in board.recent]


async def test_only_who_holds_the_lease_evaluates(tmp_path: Path) -> None:
    """The second process has no alerts of its own; when the first one goes, it goes on from its clocks."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (first, _):
        await first.step(hot(NOW), NOW)
        async with alerting(tmp_path / "h.db", clock) as (second, _):
            assert not await second._turn.is_ours(hot(clock.now()))
            await first._turn.notes.close()  # type: ignore[union-attr]  # the first one's store
            clock.set(NOW + 20)
            assert await second._turn.is_ours(hot(clock.now()))
            await second.step(hot(NOW + 80), NOW + 80)

            assert ["firing"] == states(second)


async def test_a_folder_that_cannot_be_written_stops_no_alarm(tmp_path: Path) -> None:
    """Nothing is kept over a restart, but what is hot is told."""
    (tmp_path / "file").write_text("")
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "file" / "h.db", clock) as (made, _):
        clock.set(NOW + 60)
        assert await made._turn.is_ours(hot(clock.now()))
        await made.step(hot(NOW), NOW)
        await made.step(hot(NOW + 60), NOW + 60)

        assert ["firing"] == states(made)


async def test_a_silence_mutes_until_it_ends_and_survives_a_kill(tmp_path: Path) -> None:
    """Its alert keeps its state; after the silence's end nothing mutes it."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock) as (made, _):
        await made.silence(parse_matchers('node="gpu-1"'), 600.0, "ana", "new fan")
    async with alerting(tmp_path / "h.db", clock) as (made, _):
        await made.step(hot(NOW), NOW)
        await made.step(hot(NOW + 60), NOW + 60)
        assert 1 == len(made.now().muted)
        assert 0 == queries_alerts.firing(made.now(), NOW + 60)
        await made.step(hot(NOW + 600), NOW + 600)

        assert ({}, ()) == (made.now().muted, made.now().silences)


async def test_rules_are_made_changed_and_taken_back(tmp_path: Path) -> None:
    """A new one is kept over a restart; ours can be changed and taken back, and cannot be deleted."""
    clock = FakeClock(NOW)
    async with alerting(tmp_path / "h.db", clock, built_in()) as (made, _):
        await made.add_rule({"name": "Idle", "metric": "utilization", "below": 5})
        await made.change_rule("Idle", {"below": 10, "severity": "info"})
        await made.change_rule("GpuHot", {"enabled": False})
    async with alerting(tmp_path / "h.db", clock, built_in()) as (made, _):
        assert ("gpu.utilization < 10", "info") == (made.rule("Idle").expr, made.rule("Idle").severity)
        assert not made.rule("GpuHot").enabled
        await made.drop_rule("GpuHot")
        await made.drop_rule("Idle")
        assert made.rule("GpuHot").enabled
        for wish in (made.drop_rule("GpuHot"), made.add_rule({"name": "A", "metric": "gpu.temprature", "above": 1})):
            with pytest.raises(AlertingError):
                await wish
        with pytest.raises(UnknownError):
            made.rule("Idle")


async def test_a_silence_of_everything_is_refused(tmp_path: Path) -> None:
    """One that asks for nothing would hide whatever happens."""
    async with alerting(tmp_path / "h.db", FakeClock(NOW)) as (made, _):
        with pytest.raises(AlertingError, match="everything"):
            await made.silence(parse_matchers('node=~".*"'), 60.0)


async def test_a_rule_in_trouble_leaves_the_others_alone(tmp_path: Path) -> None:
    """Its trouble is told; the other rule goes on."""
    book = extended(BOOK, "[rule.Odd]\nexpr = 'node.up + on () gpu.temperature > 1'\n", "my.toml")
    async with alerting(tmp_path / "h.db", FakeClock(NOW), book) as (made, _):
        two = hot(NOW)
        gpus = (*two.nodes["gpu-1"].gpus, Gpu("gpu-1", 4, None, layers=two.nodes["gpu-1"].gpus[0].layers, seen_at=NOW))
        await made.step(Snapshot(version=1, at=NOW, nodes={"gpu-1": Node("gpu-1", gpus=gpus)}), NOW)

        assert ["Odd"] == list(made.now().troubles)
        assert ["pending", "pending"] == states(made)


async def test_what_is_told_travels_whole(tmp_path: Path) -> None:
    """Over the wire and through the store's notes alerts are the same values."""
    async with alerting(tmp_path / "h.db", FakeClock(NOW)) as (made, _):
        await made.silence(parse_matchers('alertname=~"H.*"'), 60.0)
        await made.step(hot(NOW), NOW)
        await made.step(hot(NOW + 60), NOW + 60)
        await made.ack(made.now().alerts[0].id)
        now = made.now()

        assert now == wire.unpack_alerts(wire.pack_alerts(now))
        assert isinstance(made._turn.notes, SqliteHistory)
        assert now.alerts == alert_notes.current(await made._turn.notes.notes(alert_notes.PREFIX)).alerts


def test_notes_that_cannot_be_read_cost_only_themselves() -> None:
    """A damaged list of alerts leaves silences and rules."""
    kept = alert_notes.read(
        {
            alert_notes.AT: "12.5",
            alert_notes.ALERTS: "{broken",
            alert_notes.RULES: '{"A": {"metric": "x"}, "B": 3}',
            alert_notes.SILENCES: '[{"id": "s-1", "matchers": [], "starts_at": 1, "ends_at": 2}, 7]',
        }
    )

    assert (12.5, (), ["A"], ["s-1"]) == (kept.at, kept.alerts, list(kept.rules), [one.id for one in kept.silences])


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.services.test_alerting import killed_child
asyncio.run(killed_child(Path(sys.argv[1]), float(sys.argv[2])))
"""


async def killed_child(path: Path, start: float) -> None:
    """Evaluate as fast as it goes, a second of the rule's time each, and say each fired alert on stdout."""
    clock = FakeClock(start)
    async with alerting(path, clock) as (made, board):
        at = start
        while True:
            at += 1.0
            clock.set(at)
            before = len(board.recent)
            await made.step(hot(at), at)
            fired = len(board.recent) > before
            sys.stdout.write(f"{at} {'fired' if fired else '-'}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.slow)])
async def test_kills_at_any_moment_lose_no_alert_and_double_none(kills: int, tmp_path: Path) -> None:
    """Killed again and again while it waits: it fires once, after 60 s of evaluations, whatever the kills."""
    path, at, fired, evaluated = tmp_path / "h.db", NOW, 0, 0
    for kill in range(kills):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, str(path), str(at), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(15 + kill if kills < 10 else kill % 4):
            number, _, said = (await child.stdout.readline()).decode().partition(" ")
            at, evaluated = float(number), evaluated + 1
            fired += said.strip() == "fired"
        child.send_signal(signal.SIGKILL)
        rest = (await child.stdout.read()).decode().split()
        fired += rest.count("fired")
        await child.wait()
        at = max([at, *(float(word) for word in rest if word[0].isdigit() and word.endswith(".0"))])

    clock = FakeClock(at + 1)
    async with alerting(path, clock) as (made, _):
        await made.step(hot(at + 1), at + 1)
        assert evaluated > 60
        assert (["firing"], [labels_of({"node": "gpu-1", "gpu": "3"})]) == (
            states(made),
            [one.labels for one in made.now().alerts],
        )
    assert fired <= 1
