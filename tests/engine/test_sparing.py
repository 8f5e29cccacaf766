"""What is not looked at again says nothing: judging by columns and memory is judging every GPU anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.snapshot import Gpu, Node, Snapshot
from app.engine import columns, holders, watch_slurm, xid_counts
from app.engine.alerting import live, signals
from app.engine.alerting.round import AlertingState, evaluate_all
from app.engine.alerting.rulebook import built_in
from app.engine.alerting.signals import View
from app.engine.alerting.windows import Windows
from app.engine.columns import Table
from app.engine.diagnosis import sign
from app.engine.diagnosis.blind import blind
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.sign import Look
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from app.engine.findings_slurm import slurm_findings
from app.engine.holders import Holders
from app.engine.watch_slurm import SlurmWatch
from app.engine.xid_counts import counted
from tests.engine.random_fleet import STEP_S, RandomFleet

STEPS = 30
FLEETS = pytest.mark.parametrize(("seed", "calm"), [(seed, calm) for calm in (0.98, 0.9) for seed in range(2)])


def all_gpus(snapshot: Snapshot) -> Table[Gpu]:
    """A table in which nothing is said of any GPU, so that each is looked at by itself."""
    made = columns.gpu_table.__wrapped__(snapshot)
    return Table(made.subjects, made.names, [() for _ in made.subjects])


def all_nodes(snapshot: Snapshot) -> Table[Node]:
    """The same of machines."""
    made = columns.node_table.__wrapped__(snapshot)
    return Table(made.subjects, made.names, [() for _ in made.subjects])


class Whole:
    """Within it nothing is spared."""

    def __init__(self) -> None:
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        for module in (sign, xid_counts, live, signals, watch_slurm, holders):
            self._patch.setattr(module, "gpu_table", all_gpus)
        self._patch.setattr(sign, "node_table", all_nodes)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


@FLEETS
def test_observers_see_the_same_in_columns_as_in_each_gpu(seed: int, calm: float) -> None:
    """Every sign of every observer, in the same order, and every Xid that was counted."""
    fleet, table = RandomFleet(seed, calm), fault_table()
    before: Snapshot | None = None
    told = 0
    for snapshot in fleet.steps(STEPS):
        asked = (snapshot, fleet.now, STEP_S, before, fleet.now - STEP_S)
        words = {"wanted": table.limits, "rises": table.rises}
        with Whole():
            expected = [list(one(Look(*asked, **words))) for one in OBSERVERS]  # type: ignore[arg-type]
            xids = counted(before, snapshot, fleet.now) if before is not None else ()

        assert expected == [list(one(Look(*asked, **words))) for one in OBSERVERS]  # type: ignore[arg-type]
        assert xids == (counted(before, snapshot, fleet.now) if before is not None else ())
        told += sum(map(len, expected))
        before = snapshot
    assert told > STEPS


@FLEETS
def test_watching_jobs_remembers_what_asking_anew_finds(seed: int, calm: float) -> None:
    """Spells and findings are those of a watch that remembers no holders."""
    fleet, anew, kept = RandomFleet(seed, calm), SlurmWatch(), SlurmWatch()
    for snapshot in fleet.steps(STEPS):
        with Whole():
            anew = watch_slurm.step(replace(anew, holders=Holders()), snapshot, fleet.now)
        kept = watch_slurm.step(kept, snapshot, fleet.now)

        assert anew == kept
        assert list(anew.behind) == list(kept.behind)
        assert slurm_findings(anew, snapshot, fleet.now) == slurm_findings(kept, snapshot, fleet.now)
    assert kept.holders.held


@FLEETS
def test_rules_are_true_of_the_same_by_columns(seed: int, calm: float) -> None:
    """Every alert and transition of the rules that come with the program."""
    fleet, rules = RandomFleet(seed, calm), built_in().enabled()
    (whole, windows), (state, kept) = (AlertingState(), Windows()), (AlertingState(), Windows())
    moves = 0
    for snapshot in fleet.steps(STEPS):
        with Whole():
            whole, expected = evaluate_all(rules, whole, View(snapshot, fleet.now), windows)
        state, found = evaluate_all(rules, state, View(snapshot, fleet.now), kept)

        assert (whole.all(), expected) == (state.all(), found)
        moves += len(found)
    assert moves


@FLEETS
def test_a_diagnosis_is_the_same_by_columns(seed: int, calm: float) -> None:
    """Incidents with their numbers, findings and blind spots."""
    fleet, table = RandomFleet(seed, calm), fault_table()
    whole, state = DiagnosisState(), DiagnosisState()
    before: Snapshot | None = None
    for snapshot in fleet.steps(STEPS):
        seen = Seen(snapshot, before, fleet.now - STEP_S, interval_s=STEP_S)
        with Whole():
            whole = step(whole, seen, fleet.now, table, OBSERVERS, blind)
        state = step(state, seen, fleet.now, table, OBSERVERS, blind)

        assert whole.diagnosis == state.diagnosis
        before = snapshot
    assert state.diagnosis.incidents
