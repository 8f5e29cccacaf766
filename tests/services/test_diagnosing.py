"""Diagnosing on the evaluation clock: what is kept over a kill, who may diagnose, what people are told."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.alert import Rule
from app.domain.apply import Change
from app.domain.finding import Finding, FindingSubject
from app.domain.series import Subject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting.rulebook import RuleBook
from app.services import diagnosing as diagnosing_module
from app.services import diagnosis_notes, wire
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.diagnosing import Diagnosing, News
from app.services.diagnosis_notes import Kept
from app.store.history import Tick
from app.store.sqlite import SqliteHistory, open_store
from tests.services.diagnosis_builders import NOTED, NOW, PENDING, cluster, faults, xid
from tests.tools.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def _three_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    table = faults()
    monkeypatch.setattr(diagnosing_module, "fault_table", lambda: table)


@asynccontextmanager
async def diagnosing(path: Path, clock: FakeClock) -> AsyncIterator[tuple[Diagnosing, Board, SqliteHistory]]:
    """Diagnosing over a store at a path; nothing is said to it at the end but that the file is closed."""
    board = Board(Snapshot())
    history = await open_store(path, clock.now)
    made = Diagnosing(board, clock, 5.0, waits_for_store=True)
    await made.keep(history)
    try:
        yield made, board, history
    finally:
        await history.close()


def shape(made: Diagnosing) -> list[tuple[str, str, str, float]]:
    """(id, incident, code, first seen) of each finding."""
    return [(one.id, one.incident, one.code, one.first_seen) for one in made.now().findings]


def kinds(board: Board) -> list[str]:
    """Kinds of the events told."""
    return [event.kind for event in board.recent]


async def test_an_incident_is_the_same_after_a_kill_and_is_not_told_again(tmp_path: Path) -> None:
    """Ids, root and the time it began stay; there is no second event."""
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (made, board, _):
        await made.step(cluster(NOW, PENDING, xid(NOW - 1)), NOW)
        before = shape(made)
        assert ["incident.began"] == kinds(board)
    clock.set(NOW + 40)
    async with diagnosing(tmp_path / "h.db", clock) as (made, board, _):
        await made.step(cluster(NOW + 40, PENDING), NOW + 40)

        assert [("f-1", "i-1", "T1", NOW - 1), ("f-2", "i-1", "T2", NOW)] == before == shape(made)
        assert [] == kinds(board)


async def test_a_state_goes_on_lasting_where_a_kill_left_it(tmp_path: Path) -> None:
    """280 s before the kill and 20 after are the five minutes to critical; after half an hour it begins anew."""
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
        for after in (0.0, 100.0, 200.0, 280.0):
            await made.step(cluster(NOW + after, PENDING), NOW + after)
    for pause_s, severity in ((300.0, "critical"), (300.0 + 2000.0, "warning")):
        clock.set(NOW + pause_s)
        async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
            await made.step(cluster(NOW + pause_s, PENDING), NOW + pause_s)
            assert [severity] == [one.severity for one in made.now().findings]


async def test_a_log_read_again_after_a_kill_counts_once(tmp_path: Path) -> None:
    """The line that was taken in is known, one that came meanwhile is not."""
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
        await made.step(cluster(NOW, None, xid(NOW - 60), xid(NOW - 30)), NOW)
    clock.set(NOW + 20)
    again = [xid(at, is_history=True) for at in (NOW - 60, NOW - 30, NOW + 10)]
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
        await made.step(cluster(NOW + 20, None, *again), NOW + 20)

        assert [("T1", NOW - 60, NOW + 10)] == [
            (one.code, one.first_seen, one.last_seen) for one in made.now().findings
        ]
        assert 3 == next(iter(made._state.episodes.known.values())).count


async def test_a_log_first_read_explains_unless_its_lines_have_no_time(tmp_path: Path) -> None:
    """What stands there with its time is taken in; what may be of any age is not."""
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, _, _):
        first = cluster(NOW, None, replace(xid(NOW, is_history=True), timed="read"))
        await made.step(first, NOW)
        assert [] == shape(made)
        await made.step(cluster(NOW + 5, None, xid(NOW - 60, is_history=True), before=first), NOW + 5)
        assert [("f-1", "i-1", "T1", NOW - 60)] == shape(made)


async def test_a_counter_that_rose_while_nobody_watched_has_risen(tmp_path: Path) -> None:
    """The store's last picture stands for the look before the kill."""
    clock = FakeClock(NOW)
    snapshot = cluster(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, history):
        layer = next(snapshot.gpus()).layers[0]
        await history.write(Tick(NOW, (Change(Subject("gpu", node="gpu-1", index=3), layer),), snapshot=snapshot))
        await made.step(snapshot, NOW)
    clock.set(NOW + 60)
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
        await made.step(cluster(NOW + 60, {"gpu.ecc_dbe_volatile": 2.0}), NOW + 60)

        assert ["ECC uncorrected rose by 2 to 2"] == [
            each.text for one in made.now().findings for each in one.evidence
        ]  # fmt: skip


async def test_only_who_holds_the_lease_diagnoses(tmp_path: Path) -> None:
    """The second process knows nothing; when the first one goes, it goes on with its incidents."""
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (first, _, history):
        await first.step(cluster(NOW, PENDING), NOW)
        async with diagnosing(tmp_path / "h.db", clock) as (second, board, _):
            board.replace(cluster(NOW, PENDING))
            await second.tick()
            assert ([], False) == (shape(second), second.is_running)
            await history.close()
            clock.set(NOW + 20)
            board.replace(cluster(NOW + 20, PENDING))
            await second.tick()

            assert [("f-1", "i-1", "T2", NOW)] == shape(second)
            assert [] == kinds(board)


async def test_a_folder_that_cannot_be_written_stops_no_diagnosis(tmp_path: Path) -> None:
    """Nothing is kept over a restart, but what is wrong is told."""
    (tmp_path / "file").write_text("")
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "file" / "h.db", clock) as (made, board, _):
        board.replace(cluster(NOW, PENDING))
        await made.tick()

        assert ["incident.began"] == kinds(board)


async def test_what_gets_worse_is_told_once_and_what_flaps_is_not_over(tmp_path: Path) -> None:
    """Graver is news, milder is not; gone for less than a minute is not over; over is told, then begun anew."""
    heard: list[News] = []
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, board, _):
        made.listeners.append(lambda news, _diagnosis: heard.extend(news))
        looks: list[tuple[float, bool]] = [(0.0, True), (300.0, True), (305.0, False), (340.0, True), (345.0, False)]
        for after, is_there in (*looks, (400.0, False), (410.0, False), (500.0, True)):
            await made.step(cluster(NOW + after, PENDING if is_there else None), NOW + after)

        assert ["incident.began", "incident.worse", "incident.ended", "incident.began"] == kinds(board)
        assert [0.0, 300.0, 410.0, 500.0] == [one.at - NOW for one in heard]
        assert {"i-1"} == {one.incident.id for one in heard}
        assert "over: GPU gpu-1/3: the effect" == board.recent[2].text


async def test_information_is_nobodys_alarm(tmp_path: Path) -> None:
    """It is found, and healthy, and no event."""
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, board, _):
        await made.step(cluster(NOW, NOTED), NOW)

        assert (["T3"], True, []) == ([one.code for one in made.now().findings], made.now().is_healthy, kinds(board))


async def test_an_incident_that_has_found_its_cause_is_told_as_part_of_it(tmp_path: Path) -> None:
    """Where two become one, nobody is told that the fault is over."""
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, board, _):
        table = faults()
        two = cluster(NOW, PENDING)
        await made.step(two, NOW)
        home = made.now().findings[0]
        made._told = {"i-7": replace(made._told["i-1"], incident=replace(made._told["i-1"].incident, id="i-7"))}
        await made.step(cluster(NOW + 5, PENDING), NOW + 5)

        assert ("T2", "T1") == (home.code, next(iter(table.faults)))
        assert ["incident.began", "incident.began", "incident.ended"] == kinds(board)
        assert board.recent[2].text.startswith("part of i-1: ")


async def test_a_mistake_in_the_engine_is_a_blind_spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the diagnosis and says so; what was known stays, at its time; nothing else stops."""
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, _, _):
        await made.step(cluster(NOW, PENDING), NOW)

        def broken(*_: object) -> object:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(diagnosing_module, "step", broken)
            for after in (5.0, 10.0):
                await made.step(cluster(NOW + after, PENDING), NOW + after)
            ours = [one for one in made.now().blind if one.what == "the diagnosis itself"]
            assert (NOW, 1) == (made.now().at, len(ours))
            assert "report it" in ours[0].why
        await made.step(cluster(NOW + 15, PENDING), NOW + 15)
        assert NOW + 15 == made.now().at
        assert "the diagnosis itself" not in [one.what for one in made.now().blind]


async def test_notes_that_cannot_be_read_cost_only_themselves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damaged signs begin anew, older notes are dropped; each with a word in the log, and ids are never used twice."""
    clock = FakeClock(NOW)
    async with diagnosing(tmp_path / "h.db", clock) as (made, _, history):
        await made.step(cluster(NOW, PENDING), NOW)
        head = json.loads((await history.notes(diagnosis_notes.HEAD))[diagnosis_notes.HEAD])
        await history.put_notes({diagnosis_notes.SIGNS: "{broken", diagnosis_notes.HEAD: json.dumps({**head, "v": 0})})
    with caplog.at_level(logging.WARNING):
        async with diagnosing(tmp_path / "h.db", clock) as (made, _, _):
            await made.step(cluster(NOW + 5, PENDING), NOW + 5)

            assert [("f-1", "i-1", "T2", NOW)] == shape(made)
    assert 2 == sum("cannot be read and is dropped" in one.message for one in caplog.records)


async def test_notes_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of more signs than fit the newest are kept."""
    monkeypatch.setattr(diagnosis_notes, "MOST_SIGNS", 1)
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, _, _):
        await made.step(cluster(NOW, PENDING, xid(NOW - 60)), NOW)
        notes = {key: text or "" for key, text in diagnosis_notes.pack(Kept(made._state)).items()}

        assert ["gpu.row_remap_pending"] == [one.kind for one in diagnosis_notes.read(notes).state.memory.held.values()]


async def test_what_is_known_travels_whole(tmp_path: Path) -> None:
    """Through the store's notes and over the wire the diagnosis is the same value."""
    async with diagnosing(tmp_path / "h.db", FakeClock(NOW)) as (made, _, _):
        await made.step(cluster(NOW, {**PENDING, **NOTED}, xid(NOW - 60)), NOW)
        await made.step(cluster(NOW + 5, NOTED), NOW + 5)
        kept = Kept(made._state, made._logs.marks, made._told)
        notes = {key: text or "" for key, text in diagnosis_notes.pack(kept).items()}

        assert kept == diagnosis_notes.read(notes)
        assert made.now() == wire.unpack_diagnosis(wire.pack_diagnosis(made.now()))


async def test_rules_see_the_findings_of_the_same_moment(tmp_path: Path) -> None:
    """A rule over `finding` fires with the finding; a watched twin makes no second, and information none at all."""
    clock, board = FakeClock(NOW), Board(Snapshot())
    made = Diagnosing(board, clock, 5.0)
    rule = Rule("Waits", 'finding{code=~"T2|T3"} == 1', severity="warning", text="{where} waits")
    twin = Watched(findings=(Finding("other.name", "T2", "", "warning", FindingSubject("gpu-1", 3), NOW, NOW, (), ""),))
    alerting = Alerting(
        board, clock, 5.0, RuleBook({"Waits": rule}), lambda: twin, findings=lambda: made.now().findings
    )
    snapshot = cluster(NOW, {**PENDING, **NOTED})
    await made.step(snapshot, NOW)
    await alerting.step(snapshot, NOW)

    alerts = alerting.now().alerts
    assert [("firing", NOW)] == [(one.state, one.active_at) for one in alerts]
    assert {("gpu", "3"), ("code", "T2")} <= set(alerts[0].labels)


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.services.test_diagnosing import killed_child
asyncio.run(killed_child(Path(sys.argv[1]), float(sys.argv[2])))
"""


async def killed_child(path: Path, start: float) -> None:
    """Step as fast as it goes, five seconds each, and say events and the finding on stdout."""
    table = faults()
    vars(diagnosing_module)["fault_table"] = lambda: table
    clock = FakeClock(start)
    async with diagnosing(path, clock) as (made, board, _):
        at = start
        while True:
            at += 5.0
            clock.set(at)
            board.recent.clear()
            await made.step(cluster(at, PENDING), at)
            found = made.now().findings[0]
            told = ",".join(kinds(board)) or "-"
            sys.stdout.write(f"{at} {told} {found.id} {found.incident} {found.first_seen} {found.severity}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
async def test_kills_at_any_moment_lose_no_incident_and_double_none(kills: int, tmp_path: Path) -> None:
    """Killed again and again: it began once, got worse once after five minutes, and is the same all the while."""
    path, at, rows = tmp_path / "h.db", NOW, []
    for kill in range(kills):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, str(path), str(at), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        lines = [await child.stdout.readline() for _ in range(12 + kill % 5)]
        child.send_signal(signal.SIGKILL)
        lines += [one for one in (await child.stdout.read()).splitlines(keepends=True) if one.endswith(b"\n")]
        await child.wait()
        rows += [one.decode().split() for one in lines]
        at = float(rows[-1][0])

    assert {("f-1", "i-1", str(NOW + 5.0))} == {(key, incident, first) for _, _, key, incident, first, _ in rows}
    told = [one for row in rows for one in row[1].split(",") if one != "-"]
    assert ["incident.began", "incident.worse"] == told
    worse_at = next(float(row[0]) for row in rows if row[5] == "critical")
    assert NOW + 305.0 == worse_at
