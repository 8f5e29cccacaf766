"""What is gathered of an answer, and what is said of the rest."""

from __future__ import annotations

import pytest

from app.sources.slurm import parsed
from app.sources.slurm.parsed import Skips, once


def test_each_name_stands_once_and_the_rest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row without a value, a name a second time and one too many are skipped, each with its own reason."""
    monkeypatch.setattr(parsed, "MOST_ITEMS", 2)
    skips = Skips("scontrol show thing")
    rows = ((at, one, "") for at, one in enumerate(("a", None, "A", "b", "c"), 1))

    assert ["a", "b"] == once(rows, skips, str.lower, "thing", "name")
    assert [
        "scontrol show thing line 2: no name",
        "scontrol show thing line 3: thing a a second time",
        "scontrol show thing line 5: more than 2 things",
    ] == skips.notes
