"""Plans for nodes: drain with a reason, give back, delete only what is dead and dynamic."""

from __future__ import annotations

import pytest

from app.services.action_targets import ActionError
from app.services.actions import plan
from tests.engine.slurm_builders import NOW, node, picture, running

DEAD = ("DYNAMIC_NORM", "NOT_RESPONDING")
LAB = picture(
    [running(812, "gpu-1", 8)],
    [
        node("gpu-1", used=8),
        node("gpu-2"),
        node("gpu-3", flags=("DRAIN",), reason="fan", reason_by="bo"),
        node("pod-1", state="DOWN", flags=DEAD),
        node("pod-2", flags=("DYNAMIC_NORM",)),
        node("rack-1", state="DOWN", flags=("NOT_RESPONDING",)),
    ],
)


def test_drain_names_the_jobs_that_go_on() -> None:
    """The nodes in short, the reason as one word, the jobs there, and what gives the nodes back."""
    found = plan("drain", ["gpu-[1-2]"], LAB, now=NOW, reason="fan swap; $(id)")

    assert (("scontrol", "update", "NodeName=gpu-[1-2]", "State=DRAIN", "Reason=fan swap; $(id)"),) == found.commands
    assert "1 job there goes on to the end; no new job starts" == found.hits[0]
    assert found.hits[1].startswith("812 ana train: RUNNING")
    assert "scontrol update NodeName=gpu-[1-2] State=RESUME" == found.undo
    assert found.is_severe


def test_drain_of_an_empty_node_is_no_great_thing() -> None:
    """No job is there."""
    found = plan("drain", ["gpu-2"], LAB, now=NOW, reason="fan")

    assert (("no job is there; no new one starts",), False) == (found.hits, found.is_severe)


def test_drain_needs_a_reason() -> None:
    """Slurm would refuse it too, but later."""
    with pytest.raises(ActionError, match="say why"):
        plan("drain", ["gpu-2"], LAB, now=NOW)


def test_drain_of_a_drained_node_says_whose_reason_goes() -> None:
    """The reason of before is told, since it is replaced."""
    found = plan("drain", ["gpu-3", "gpu-9"], LAB, now=NOW, reason="fan")

    assert ("Slurm lists no node gpu-9", "gpu-3 is draining already: fan; the reason is replaced") == found.warnings


def test_giving_back_says_why_it_was_taken() -> None:
    """Who gives a node back reads by whom and why it was taken out, and which do not answer."""
    found = plan("undrain", ["gpu-3", "rack-1", "gpu-2"], LAB, now=NOW)

    assert (("scontrol", "update", "NodeName=gpu-[2-3],rack-1", "State=RESUME"),) == found.commands
    assert (
        "gpu-3 was taken out by bo: fan",
        "rack-1 does not answer: it stays down until its slurmd does",
        "gpu-2 takes jobs already (IDLE)",
    ) == found.warnings


def test_a_dead_dynamic_node_is_deleted() -> None:
    """One command a node: Slurm refuses each for itself."""
    found = plan("delete", ["pod-1"], LAB, now=NOW)

    assert (("scontrol", "delete", "NodeName=pod-1"),) == found.commands
    assert ("pod-1: DOWN+DYNAMIC_NORM+NOT_RESPONDING, 8 GPUs fewer",) == found.hits
    assert found.is_severe


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpu-1", "busy with 1 job"),
        ("rack-1", "slurm.conf"),
        ("pod-2", "alive"),
        ("gone-1", "not among the nodes"),
    ],
)
def test_what_may_not_be_deleted_is_refused(name: str, said: str) -> None:
    """A node that is busy, static, alive or unknown."""
    with pytest.raises(ActionError, match=said):
        plan("delete", [name], LAB, now=NOW)


def test_a_live_one_is_deleted_if_it_is_meant() -> None:
    """--anyway, with the warning that it does not come back by itself; it saves neither a busy nor a static one."""
    assert any("alive" in line for line in plan("delete", ["pod-2"], LAB, now=NOW, anyway=True).warnings)
    with pytest.raises(ActionError):
        plan("delete", ["gpu-1"], LAB, now=NOW, anyway=True)
    with pytest.raises(ActionError):
        plan("delete", ["pod-1"], None, now=NOW, anyway=True)
