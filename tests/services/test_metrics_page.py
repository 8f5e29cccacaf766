"""The daemon's page of metrics: costs, findings and incidents, under names that are known beforehand."""

from __future__ import annotations

import re
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from app.domain.affects import Affects
from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import Blind, Diagnosis, Incident
from app.domain.finding import Finding, FindingSubject
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.services.metrics_page import names, page

NOW = 1_764_000_000.0


def finding() -> Finding:
    """GPU 3 of node-1 has fallen off the bus."""
    return Finding(
        id="f-1", fault="gpu.fell_off_bus", code="B1", title="gone", severity="critical",
        subject=FindingSubject("node-1", 3), first_seen=NOW - 60, last_seen=NOW, root=True,
        evidence=(), explanation="",
    )  # fmt: skip


def diagnosis() -> Diagnosis:
    """One incident, with a hostile title, and one thing not looked at."""
    incident = Incident(
        "i-1", "f-1", 'GPU "3"\nis\\gone', "critical", NOW - 60, NOW, ("f-1",), Affects(("812",), 1, 2.5)
    )
    return Diagnosis(NOW - 5, (finding(),), (incident,), (Blind("slurm", "no answer"), Blind("slurm", "again")))


def values(found: Diagnosis, snapshot: Snapshot = Snapshot()) -> dict[tuple[str, ...], float]:  # noqa: B008 - frozen
    """(name, label values …) → value, as the official parser reads the page."""
    text = page(snapshot, NOW, Watched(), AlertsNow(), found)
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_incidents_and_findings_are_on_the_page() -> None:
    """Counts by severity, ages, costs, what could not be looked at; text from outside harms nothing."""
    found = values(diagnosis())

    title = 'GPU "3"\nis\\gone'
    expected = {
        ("gpu_watchdog_finding", "B1", "gpu.fell_off_bus", "3", "", "node-1", ""): 1.0,
        ("gpu_watchdog_diagnosis_age",): 5.0,
        ("gpu_watchdog_diagnosis_blind", "slurm"): 1.0,
        ("gpu_watchdog_incidents", "critical"): 1.0,
        ("gpu_watchdog_incidents", "warning"): 0.0,
        ("gpu_watchdog_incidents", "info"): 0.0,
        ("gpu_watchdog_incidents_ended",): 0.0,
        ("gpu_watchdog_incident_age", "B1", "gpu.fell_off_bus", "3", "i-1", "node-1", "critical", title): 60.0,
        ("gpu_watchdog_incident_cost_per_hour", "i-1", "critical"): 2.5,
    }
    told = {key: value for key, value in found.items() if re.search("finding|incident|diagnosis", key[0])}
    assert {tuple(filter(None, key)): value for key, value in expected.items()} == {
        tuple(filter(None, key)): value for key, value in told.items()
    }


def test_before_the_first_diagnosis_nothing_is_said_of_it() -> None:
    """No incident is not the same as not looked yet."""
    assert not [key for key in values(replace(diagnosis(), at=0.0, findings=())) if "incident" in key[0]]


def test_names_are_known_beforehand() -> None:
    """Dashboards and their test rest on it."""
    assert {key[0] for key in values(diagnosis(), Snapshot(mode="simulated"))} <= names()
    assert {"gpu_watchdog_gpu_utilization", "gpu_watchdog_user_cost_per_hour"} <= names()
