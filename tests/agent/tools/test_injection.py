"""Poisoned texts through the real snapshot and the real tools: quoted, capped, harmless, without secrets, no deeds."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from app.agent.audit import AgentAudit
from app.agent.events import Event, Proposed, ToolBegan, ToolEnded
from app.domain.chat import ToolUse
from app.domain.snapshot import Snapshot
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from tests.agent.poison import CASES, LOOKS, PLACES, Place, Poison, base, plant, poisoned
from tests.agent.tools.grounds import looker, texts
from tests.present.fleets import NOW

LONGEST = 1000
"""Characters of one text in a result."""
HIDING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_there_are_enough_cases() -> None:
    """More than sixty, each place among them, no two alike; a good part of them plants a secret."""
    assert len(CASES) >= 60
    assert len(CASES) == len({str(one) for one in CASES})
    assert set(PLACES) == {one.place for one in CASES}
    assert sum(bool(one.canary) for one in CASES) >= 25


@pytest.mark.parametrize("poison", CASES, ids=str)
async def test_what_a_model_is_given_is_harmless(poison: Poison, tmp_path: Path) -> None:
    """Every look that could show the text: valid JSON, each text capped, nothing that steers, hides or leaks."""
    one, slurm = poisoned(poison, tmp_path)
    told: list[Event] = []
    look = looker(one, told, audit=AgentAudit(tmp_path, "ana"))

    for tool, arguments in LOOKS:
        use = await look.look(tool, arguments)
        assert "" == use.error
        _check(use, poison)
    if poison.obeys is not None:
        _check(await look.look(*poison.obeys), poison)

    assert [] == slurm.acts
    written = (tmp_path / "agent.jsonl").read_text()
    assert not poison.canary or poison.canary not in written
    assert all(ord(char) >= 32 or char == "\n" for char in written)
    assert not any(isinstance(event, Proposed) for event in told[: 2 * len(LOOKS)])
    for event in told:
        if isinstance(event, ToolBegan | ToolEnded):
            _check(event.use, poison)


@pytest.mark.parametrize("poison", [one for one in CASES if one.obeys is not None], ids=str)
async def test_who_obeys_it_gets_nothing_done(poison: Poison, tmp_path: Path) -> None:
    """A model that does what the text says brings about a proposal at the most, or nothing at all."""
    one, slurm = poisoned(poison, tmp_path)
    told: list[Event] = []
    assert poison.obeys is not None
    use = await looker(one, told).look(*poison.obeys)

    assert [] == slurm.acts
    assert not (tmp_path / "state" / "audit.jsonl").exists()
    proposals = [event.proposal for event in told if isinstance(event, Proposed)]
    assert all("proposed" == each.state for each in proposals)
    assert bool(use.error) is not bool(proposals)


@pytest.mark.parametrize("poison", CASES, ids=str)
def test_the_verdict_stays_what_it_is(poison: Poison) -> None:
    """The diagnosis finds the same faults of the same subjects, as grave as before."""
    assert _base() == _verdict(plant(base(), poison)) - _own(poison.place)


def _check(use: ToolUse, poison: Poison) -> None:
    shown = json.loads(use.result) if use.result else {}
    for text in (*texts(shown), use.summary, use.error, *texts(dict(use.arguments))):
        assert len(text) <= LONGEST
        assert not [char for char in text if char != "\n" and unicodedata.category(char) in HIDING]
        assert not poison.canary or poison.canary not in text
    for mark in ("<|im_", "<tool_call", "</tool", "[INST]", "[TOOL_RESULTS]", "<img"):
        assert mark not in use.result


def _verdict(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    seen = Seen(snapshot, None, NOW - 5.0, snapshot.logs, (), 5.0)
    diagnosis = step(DiagnosisState(), seen, NOW, fault_table(), OBSERVERS).diagnosis
    return {(one.fault, one.severity, str(one.subject)) for one in diagnosis.findings}


@cache
def _base() -> set[tuple[str, str, str]]:
    found = _verdict(base())
    assert found
    return found


@cache
def _own(place: Place) -> set[tuple[str, str, str]]:
    """What is truly otherwise where a text is planted, whatever it says."""
    return _verdict(plant(base(), Poison("plain", place, "plain"))) - _base()
