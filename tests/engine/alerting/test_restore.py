"""What a new start makes of alerts of the run before: Prometheus' own cases, and ours."""

from __future__ import annotations

import pytest

from app.domain.alert import Alert, Rule, labels_of
from app.engine.alerting.restore import Outage, restored, restored_active_at

HOT = labels_of({"gpu": "3"})
PROMETHEUS = Outage(tolerance_s=1800.0, grace_s=600.0)


@pytest.mark.parametrize(
    ("down_at", "now", "expected"),
    [
        (900.0, 900.0, 0.0),
        (900.0, 1800.0, 900.0),
        (900.0, 1860.0, 960.0),
        (900.0, 2760.0, None),
        (1440.0, 1560.0, 1560.0 + 600.0 - 1500.0),
        (1500.0, 1800.0, 0.0),
    ],
    ids=["no outage", "outage", "longer outage", "past the tolerance", "within the grace", "was firing"],
)
def test_for_state_is_restored_as_prometheus_does(down_at: float, now: float, expected: float | None) -> None:
    """A rule that holds 25 minutes, active since 0, seen last at `down_at`, restored at `now`."""
    assert expected == restored_active_at(1500.0, 0.0, down_at, now, PROMETHEUS)


def test_a_short_hold_begins_anew_where_there_is_a_grace() -> None:
    """Prometheus skips rules whose `for` is shorter than its grace period; ours has none by default."""
    assert None is restored_active_at(300.0, 0.0, 200.0, 210.0, PROMETHEUS)
    assert 10.0 == restored_active_at(300.0, 0.0, 200.0, 210.0, Outage())


def test_a_firing_alert_is_not_new_after_a_kill() -> None:
    """It goes on with the time it first fired; a pending one goes on where it stood; one without a rule is gone."""
    firing = Alert("Hot", "warning", HOT, "firing", 0.0, fired_at=60.0)
    pending = Alert("Slow", "warning", HOT, "pending", 100.0)
    rules = {"Hot": Rule("Hot", "x", for_s=60), "Slow": Rule("Slow", "x", for_s=300)}

    found = restored(
        rules, {"Hot": {HOT: firing}, "Slow": {HOT: pending}, "Gone": {HOT: firing}}, 200.0, 230.0, Outage()
    )

    assert firing == found["Hot"][HOT]
    assert 130.0 == found["Slow"][HOT].active_at
    assert "Gone" not in found
