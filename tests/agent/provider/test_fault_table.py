"""Whatever a server or a model gets wrong: what the person sees, and that nothing is lost."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.agent.provider.asking import FakeLooker, answered, sent
from tests.agent.provider.faults import FAULTS, Fault, rows


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.server)
async def test_person_sees_what_the_table_says(fault: Fault) -> None:
    """Text, thought, notes and the closing sentence are those of the table; the looks that were made stay."""
    model, looker = copy.deepcopy(fault.model), FakeLooker()
    looker.results["diagnose"] = fault.result

    seen = await answered(model, settings=fault.settings, looker=looker)

    assert (fault.text, fault.reasoning, fault.withdrawn) == (seen.text, seen.reasoning, seen.withdrawn)
    assert list(fault.looks) == [(use.tool, use.arguments) for use in looker.made]
    assert len(fault.notes) == len(seen.notes), seen.notes
    pairs = list(zip(fault.notes, seen.notes, strict=True))
    assert [] == [pair for pair in pairs if pair[0] not in pair[1]]
    assert fault.problem in seen.problem
    assert bool(fault.problem) == bool(seen.problem)
    assert fault.is_offline == seen.is_offline
    last = "\n".join(text for _, text in sent(model.asked[-1])) if model.asked else ""
    assert [True] * len(fault.told) == [words in last for words in fault.told]


def test_documentation_shows_the_table() -> None:
    """docs/models.md has every row, word by word."""
    text = (Path(__file__).parents[3] / "docs/models.md").read_text("utf-8")

    assert [] == [row for row in rows() if row not in text]
