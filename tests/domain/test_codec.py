"""Values as JSON text in pieces: the same text as at once."""

from __future__ import annotations

import json

import pytest

from app.domain.codec import encode, json_pieces
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Snapshot

PICTURE = SlurmPicture(
    "slurm", 5.0, "commands", jobs={'a"b': SlurmJob("1", 1, nodes=("x", "y")), "2": SlurmJob("2", 2)}
)


@pytest.mark.parametrize("value", [Snapshot(slurm=PICTURE), Snapshot(), {}, {"a": {}}, [1, "x"], None], ids=str)
def test_the_pieces_are_the_text(value: object) -> None:
    """However deep it is written member by member."""
    whole = json.dumps(encode(value), separators=(",", ":"))

    assert [whole] * 5 == ["".join(json_pieces(value, deep)) for deep in range(5)]


def test_a_fleet_is_a_piece_a_member() -> None:
    """No piece holds two jobs."""
    assert 2 == sum('"job_id"' in piece for piece in json_pieces(Snapshot(slurm=PICTURE)))
