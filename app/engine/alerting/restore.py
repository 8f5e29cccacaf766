"""Alerts of the run before, taken up again: clocks go on where they stood. Pure.

Source: rules/manager.go of prometheus v2.42 (`Group.RestoreForState`). Prometheus knows only when an alert became
active; this program's store knows the whole alert, so one that was firing goes on firing without being new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.domain.alert import Alert, Labels, Rule
from app.domain.frozen import frozen


@frozen
class Outage:
    """How a time without evaluations is treated."""

    tolerance_s: float = 3600.0
    """After a longer one, pending alerts begin anew (Prometheus' `rules.alert.for-outage-tolerance`)."""
    grace_s: float = 0.0
    """A restored alert fires so long after the start at the earliest, and rules with a shorter `for` are not restored
    (`rules.alert.for-grace-period`, there ten minutes; here none: an alarm must not start its wait anew)."""


def restored_active_at(for_s: float, active_at: float, down_at: float, now: float, outage: Outage) -> float | None:
    """When an alert that was active at `down_at` counts as having become active; None where it begins anew."""
    if now - down_at > outage.tolerance_s or for_s < outage.grace_s:
        return None
    remaining_s = for_s - (down_at - active_at)
    if remaining_s <= 0:
        return active_at
    if remaining_s < outage.grace_s:
        return now + outage.grace_s - for_s
    return active_at + (now - down_at)


def restored(
    rules: Mapping[str, Rule], alerts: Mapping[str, Mapping[Labels, Alert]], down_at: float, now: float, outage: Outage
) -> Mapping[str, Mapping[Labels, Alert]]:
    """The alerts by rule as a new run takes them up; those of rules that are gone are left out.

    One that was firing goes on, however long the outage: whether it still is so the next evaluation says.
    """
    found: dict[str, dict[Labels, Alert]] = {}
    for name, some in alerts.items():
        rule = rules.get(name)
        if rule is None:
            continue
        kept: dict[Labels, Alert] = {}
        for labels, alert in some.items():
            after = _taken_up(rule, alert, down_at, now, outage)
            if after is not None:
                kept[labels] = after
        found[name] = kept
    return found


def _taken_up(rule: Rule, alert: Alert, down_at: float, now: float, outage: Outage) -> Alert | None:
    if alert.state != "pending":
        if alert.keep_since is not None:
            return replace(alert, keep_since=alert.keep_since + max(0.0, now - down_at))
        return alert
    active_at = restored_active_at(rule.for_s, alert.active_at, down_at, now, outage)
    return None if active_at is None else replace(alert, active_at=active_at)
