"""What is gathered of an answer, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.slurm import parsed
from app.sources.slurm.parsed import Skips, SlurmParseError, lines_of, once


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


@given(
    st.lists(st.sampled_from([b"\n", b"a", b"\xe2\x82", b"\xac", b"\xff", b"\r", b"\x85", b"\x1f"])), st.integers(0, 5)
)
def test_lines_are_those_of_the_whole_text(pieces: list[bytes], most: int) -> None:
    """However little is made text at once, and whatever bytes are broken, lines come as the whole would be split."""
    output = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsed, "LINES_BYTES", most)

        assert output.decode("utf-8", "replace").split("\n") == list(lines_of(output, "squeue"))


def test_absurd_amounts_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than any cluster says is an error before anything of it is text."""
    monkeypatch.setattr(parsed, "MOST_BYTES", 3)

    with pytest.raises(SlurmParseError, match="squeue line 1: 0 MiB of output, more than is read"):
        next(lines_of(b"1\n2\n", "squeue"))
