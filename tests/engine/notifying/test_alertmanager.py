"""What an Alertmanager is told."""

from __future__ import annotations

from dataclasses import replace

from app.engine.notifying.alertmanager import gone, payload, shown
from app.engine.notifying.topics import World
from tests.engine.notifying.build import NOW, alert, alerts, diagnosis, finding


def test_alerts_and_incidents_are_shown_as_its_api_wants_them() -> None:
    """Labels that stay, annotations that may change, and an end four resends ahead."""
    one = alert("GpuXidFatal", "critical")
    world = World(alerts(one), diagnosis(("i-1", (finding("f-1"),))), "lab")

    hot, incident = payload(shown(world, NOW + 10, 60.0))

    assert {
        "labels": {"alertname": "GpuXidFatal", "severity": "critical", "node": "gpu-1", "gpu": "3", "cluster": "lab"},
        "annotations": {"summary": "GpuXidFatal on gpu-1", "id": one.id, "incident": "i-1"},
        "startsAt": "2025-11-24T16:00:00.000Z",
        "endsAt": "2025-11-24T16:04:10.000Z",
    } == hot
    assert ("Incident", "i-1", "critical") == tuple(
        incident["labels"][key] for key in ("alertname", "incident", "severity")
    )
    assert "Drain the node: scontrol update nodename=gpu-1" in incident["annotations"]["action"]


def test_what_is_muted_waits_or_is_long_over_is_not_shown() -> None:
    """And what has just ended is, with its end."""
    muted, waits = alert("Muted"), replace(alert("Waits"), state="pending", fired_at=None)
    over = replace(alert("Over"), state="resolved", resolved_at=NOW - 60)
    old = replace(alert("Old"), state="resolved", resolved_at=NOW - 1000)
    world = World(alerts(muted, waits, over, old, muted={muted.id: ("silence",)}))

    assert [("Over", NOW - 60)] == [(one.labels["alertname"], one.ends_at) for one in shown(world, NOW, 60.0)]


def test_what_is_shown_no_more_is_ended() -> None:
    """An incident that is over, or has become graver and so another alert, ends now."""
    mild = World(alerts(), diagnosis(("i-1", (finding("f-1", severity="warning"),))))
    grave = World(alerts(), diagnosis(("i-1", (finding("f-1"),))))

    ended = gone(shown(mild, NOW, 60.0), shown(grave, NOW + 5, 60.0), NOW + 5)

    assert [("warning", NOW + 5, True)] == [(one.labels["severity"], one.ends_at, one.is_over) for one in ended]
    assert () == gone(shown(grave, NOW, 60.0), shown(grave, NOW + 5, 60.0), NOW + 5)
