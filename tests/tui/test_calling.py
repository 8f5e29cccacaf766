"""Calling for attention: only what is new and grave rings, and the window's title says how things stand."""

from __future__ import annotations

import pytest

from app.domain.diagnosis import Diagnosis, Incident
from app.domain.series import Severity
from app.tui.calling import RESTORE_TITLE, SAVE_TITLE, Caller

KITTY = {"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}


def found(at: float, *incidents: tuple[str, Severity]) -> Diagnosis:
    """A diagnosis with incidents of these severities."""
    some = tuple(
        Incident(key, f"f-{key}", f"{key} is wrong", severity, at, at, (f"f-{key}",)) for key, severity in incidents
    )
    return Diagnosis(at, (), some)


def test_what_was_there_before_does_not_ring_and_what_begins_does() -> None:
    """The title is set at once, and again when it changes."""
    caller = Caller("warning", KITTY)
    first = caller.heard(found(1.0, ("i-1", "critical")), "lab", "live")
    assert "\a" == first.removeprefix(f"{SAVE_TITLE}\x1b]2;! lab: 1 critical")
    second = caller.heard(found(2.0, ("i-1", "critical"), ("i-2", "warning")), "lab", "live")
    assert "i-2 is wrong" in second
    assert second.startswith("\x1b]2;! lab: 1 critical, 1 warning\a\x1b]9;")
    assert "" == caller.heard(found(3.0, ("i-1", "critical"), ("i-2", "warning")), "lab", "live")
    assert RESTORE_TITLE == caller.farewell()


def test_growing_worse_rings_again() -> None:
    """A warning that became critical."""
    caller = Caller("warning", KITTY)
    caller.heard(found(1.0, ("i-1", "warning")), "lab", "live")
    assert "i-1 is wrong" in caller.heard(found(2.0, ("i-1", "critical")), "lab", "live")


@pytest.mark.parametrize(("call", "rings"), [("never", False), ("critical", False), ("warning", True)])
def test_from_which_severity_on_is_asked_for(call: str, rings: bool) -> None:
    """A warning, for three wishes."""
    caller = Caller(call, KITTY)
    caller.heard(found(1.0), "lab", "live")
    assert rings is ("i-2 is wrong" in caller.heard(found(2.0, ("i-2", "warning")), "lab", "live"))


def test_a_simulated_cluster_does_not_ring() -> None:
    """Nothing is wrong there."""
    caller = Caller("warning", KITTY)
    caller.heard(found(1.0), "lab", "simulated")
    assert "" == caller.heard(found(2.0, ("i-2", "critical")), "lab", "simulated")


def test_a_terminal_without_windows_gets_the_bell_alone() -> None:
    """The console of a machine."""
    caller = Caller("warning", {"TERM": "linux"})
    caller.heard(found(1.0), "lab", "live")
    assert "\a" == caller.heard(found(2.0, ("i-2", "critical")), "lab", "live")
    assert "" == caller.farewell()


def test_a_hostile_title_ends_no_sequence() -> None:
    """Control characters are gone."""
    caller = Caller("warning", KITTY)
    caller.heard(found(1.0), "lab", "live")
    incident = Incident("i-2", "f-2", "x\x1b]0;owned\a\x07y", "critical", 2.0, 2.0, ("f-2",))
    told = caller.heard(Diagnosis(2.0, (), (incident,)), "lab\x1b[2J", "live")
    body = told.partition("\x1b]9;")[2].partition("\a")[0]
    assert "owned" in body
    assert "\x1b" not in body
    assert "[2J\x1b" not in told
