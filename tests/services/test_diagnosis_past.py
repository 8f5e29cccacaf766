"""The diagnosis of the past: what stored pictures show when they go through the engine again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.apply import Change
from app.domain.evidence import LogEvidence
from app.domain.series import Subject
from app.domain.snapshot import Snapshot
from app.engine.diagnosis.state import DiagnosisState
from app.services import diagnosing as diagnosing_module
from app.services import diagnosis_notes, diagnosis_past
from app.services.board import Board
from app.services.diagnosing import Diagnosing
from app.services.diagnosis_notes import Kept
from app.services.diagnosis_past import diagnosis_at, replayed
from app.store.history import Tick
from app.store.sqlite import SqliteHistory, open_store
from tests.services.diagnosis_builders import NOW, PENDING, cluster, faults, xid
from tests.tools.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def _three_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    table = faults()
    for module in (diagnosing_module, diagnosis_past):
        monkeypatch.setattr(module, "fault_table", lambda: table)


def pictures() -> list[Snapshot]:
    """Ten minutes, a picture every 10 s: an Xid at 100 s, a rise at 300 s, a row that waits from 200 to 400 s."""
    found: list[Snapshot] = []
    before = None
    for number in range(61):
        after = number * 10.0
        values = {"gpu.ecc_dbe_volatile": 2.0 if after >= 300 else 0.0} | (PENDING if 200 <= after <= 400 else {})
        said: Sequence[LogEvidence] = (xid(NOW + after - 1),) if after == 100 else ()
        before = cluster(NOW + after, values, *said, before=before)
        found.append(before)
    return found


async def stored(path: Path, some: Sequence[Snapshot]) -> SqliteHistory:
    """A store with these pictures."""
    history = await open_store(path, lambda: NOW)
    for one in some:
        layer = next(one.gpus()).layers[0]
        await history.write(Tick(one.at, (Change(Subject("gpu", node="gpu-1", index=3), layer),), snapshot=one))
    return history


async def codes(history: SqliteHistory, after: float, since_s: float = 1800.0) -> list[tuple[str, float]]:
    """(code, seconds after NOW when it began) at a moment."""
    found = await diagnosis_at(history, NOW + after, since_s)
    assert found is not None
    return [(one.code, one.first_seen - NOW) for one in found.findings]


async def test_a_moment_shows_what_was_wrong_then(tmp_path: Path) -> None:
    """Lines, states and rises as they were; what was over is told as over, and what came later is not told."""
    history = await stored(tmp_path / "h.db", pictures())

    assert [] == await codes(history, 90.0)
    assert [("T1", 99.0)] == await codes(history, 150.0)
    assert [("T1", 99.0), ("T2", 200.0)] == await codes(history, 250.0)
    assert [("T1", 99.0)] == await codes(history, 600.0)
    rises = await diagnosis_at(history, NOW + 600.0)
    assert rises is not None
    assert ["ECC uncorrected rose by 2 to 2"] == [one.text for one in rises.findings[0].evidence if "rose" in one.text]
    await history.close()


async def test_only_what_lies_within_the_span_counts(tmp_path: Path) -> None:
    """Four minutes back from 600 s there is neither the line nor the rise; a state is not looked for there."""
    history = await stored(tmp_path / "h.db", pictures())

    assert [] == await codes(history, 600.0, since_s=240.0)
    assert [("T1", 300.0)] == await codes(history, 600.0, since_s=310.0)
    await history.close()


async def test_nothing_kept_is_no_diagnosis(tmp_path: Path) -> None:
    """An hour before anything was kept there is nothing to say: not healthy, none."""
    history = await stored(tmp_path / "h.db", pictures()[:3])

    assert await diagnosis_at(history, NOW - 3600.0) is None
    await history.close()


async def test_a_long_past_is_stepped_through_more_widely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With at most eight looks or so the line, the rise and the end of the state are still seen."""
    monkeypatch.setattr(diagnosis_past, "MOST_GPUS", 1)
    history = await stored(tmp_path / "h.db", pictures())
    looks: list[float] = []
    at = history.at

    async def counted(when: float) -> Snapshot | None:
        looks.append(when)
        return await at(when)

    monkeypatch.setattr(history, "at", counted)
    found = await diagnosis_at(history, NOW + 600.0)

    assert found is not None
    assert ["T1"] == [one.code for one in found.findings]
    assert 15 > len(looks)
    await history.close()


async def test_incidents_keep_the_names_they_had(tmp_path: Path) -> None:
    """What the store knows as i-4 is i-4 in time travel too; what it does not know gets a new name."""
    history = await stored(tmp_path / "h.db", pictures())
    clock = FakeClock(NOW + 600)
    made = Diagnosing(Board(Snapshot()), clock, 10.0)
    made._state = DiagnosisState(last_finding=7, last_incident=3)
    await made.step(cluster(NOW + 600, None, xid(NOW + 99)), NOW + 600)
    await history.put_notes(diagnosis_notes.pack(Kept(made._state)))

    found = await diagnosis_at(history, NOW + 250)

    assert found is not None
    assert [("f-8", "i-4", "T1"), ("f-9", "i-4", "T2")] == [(one.id, one.incident, one.code) for one in found.findings]
    assert "times within a day" not in found.findings[0].explanation
    await history.close()


async def test_another_clusters_past_in_the_same_store_counts_for_nothing(tmp_path: Path) -> None:
    """Only what the sources of now said; a simulated past is for simulated pages."""
    history = await stored(tmp_path / "h.db", pictures())

    others = await replayed(history, NOW, NOW + 250, sources=frozenset({"elsewhere"}))
    assert ((), {}) == (others.state.diagnosis.findings, others.snapshot.nodes if others.snapshot else None)
    simulated = await replayed(history, NOW, NOW + 250, mode="simulated")
    assert simulated.snapshot is None
    await history.close()


async def test_a_run_that_began_anew_counts_no_line_twice(tmp_path: Path) -> None:
    """After a restart within the span the log is read from further back: the line is the one it was."""
    before = [replace(one, logs_count=one.logs_count + 5) for one in pictures()[:20]]
    again = cluster(NOW + 200, None, xid(NOW + 99, is_history=True))
    after = [replace(again, at=NOW + 200 + n * 10.0, logs=again.logs, logs_count=1) for n in range(3)]
    history = await stored(tmp_path / "h.db", [*before, *after])

    found = await replayed(history, NOW, NOW + 220)

    assert [1] == [one.count for one in found.state.episodes.known.values()]
    await history.close()
