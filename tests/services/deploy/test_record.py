"""The record on disk: whole, private, and read with tolerance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.deployment import (
    Billing,
    Deployment,
    Node,
    Offer,
    State,
    Step,
    Trouble,
    Wish,
)
from app.services.deploy.folder import folder_of
from app.services.deploy.record import RecordError, decode, encode, names, read_record, write_record

OFFER = Offer("NVIDIA H100 80GB HBM3", 8, "US-KS-2", "SECURE", 2.79, "LOW")
WHOLE = Deployment(
    Wish(
        "lab", 3, 8, ("H100",), data_centers=("US-KS-2",), model="m", max_cost_per_hour=90.0, ttl_s=3600.0, burn_in=True
    ),
    "1a2b3c4d",
    1000.0,
    State.FAILED,
    (Step.CHECK, Step.PLAN),
    (Node("head", "lab-head", OFFER, "p1"), Node("w1", "lab-w1", OFFER)),
    Trouble("The disk is full.", "Make room.", Step.INSTALL, "lab-w1", ("line", "line"), "disk_full"),
    Billing(1.5, 22.32, 2000.0),
    5000.0,
    None,
)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    """What was written is read, in files only their owner can open."""
    folder = folder_of(tmp_path, "lab")

    write_record(folder, WHOLE)

    assert WHOLE == read_record(folder)
    assert (0o600, 0o700) == (folder.record.stat().st_mode & 0o777, folder.path.stat().st_mode & 0o777)
    assert ["deployment.json"] == [one.name for one in folder.path.iterdir()]


def test_a_newer_record_is_read_as_far_as_it_is_known() -> None:
    """Unknown keys, steps and states are passed over; the next run looks into it."""
    told = json.loads(json.dumps(encode(WHOLE)))
    told |= {"colour": "red", "state": "hibernating", "done": ["check", "paint"]}
    told["wish"]["shape"] = "round"

    found = decode(told)

    assert (State.FAILED, (Step.CHECK,), WHOLE.wish) == (found.state, found.done, found.wish)


def test_an_older_record_has_what_is_missing_by_default() -> None:
    """Name and id are enough."""
    assert Deployment(Wish("lab"), "1a2b3c4d", 0.0, State.FAILED) == decode({"wish": {"name": "lab"}, "id": "1a2b3c4d"})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"wish": {"name": "Lab"}, "id": "1a2b3c4d"}', '{"id": "../../x"}']
)
def test_what_is_no_record_is_an_error(tmp_path: Path, text: str) -> None:
    """It is never taken for an empty deployment: that would hide what is billed."""
    folder = folder_of(tmp_path, "lab")
    folder.make()
    folder.record.write_text(text, encoding="utf-8")

    with pytest.raises(RecordError):
        read_record(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(told=st.dictionaries(st.sampled_from(sorted(encode(WHOLE))), JSON))
def test_a_hostile_record_is_read_or_refused(told: dict[str, object]) -> None:
    """Whatever stands in it, reading raises no other error."""
    try:
        decode({**json.loads(json.dumps(encode(WHOLE))), **told})
    except ValueError:
        return


def test_only_folders_that_can_be_deployments_are_named(tmp_path: Path) -> None:
    """Ssh's own file and folders with other names are none."""
    for name in ("lab", "two", "..x", "History"):
        (tmp_path / "deployments" / name).mkdir(parents=True)
    (tmp_path / "deployments" / "ssh_config").touch()

    assert ("lab", "two") == names(tmp_path)
    assert () == names(tmp_path / "nowhere")
