"""A server's own alerts: shown as the server's, found by GPU and node, never ours to tell."""

from __future__ import annotations

import pytest

from app.domain.series import FLEET, Event, Subject
from app.sources.prometheus_alerts import alerts_of, events_of, runs, severity_of, subject_of
from app.transport.prometheus import FiringAlert
from app.transport.prometheus_answer import Row


def firing(state: str = "firing", **labels: str) -> FiringAlert:
    """An alert as a server has it."""
    return FiringAlert("GpuHot", {"severity": "page", **labels}, "91 °C", state, 1000.0, 91.0)


def test_an_alert_of_the_servers_carries_its_mark() -> None:
    """Its label says whose it is, its text begins with it, and the GPU is found by the exporter's labels."""
    (alert,) = alerts_of([firing(Hostname="gpu-7", gpu="3", instance="gpu-7:9400")], "prom:9090")

    assert ("GpuHot", "critical", "firing", 1000.0, 91.0) == (
        alert.rule, alert.severity, alert.state, alert.since, alert.value,
    )  # fmt: skip
    assert "prom:9090: gpu-7/3: 91 °C" == alert.text
    assert ("gpu-7", "3", "prom:9090") == tuple(dict(alert.labels)[name] for name in ("node", "gpu", "prometheus"))


def test_two_servers_alerts_are_two() -> None:
    """The server is part of the identity: our own alert of the same name and labels is another one."""
    one, other = (alerts_of([firing(gpu="3")], server)[0].id for server in ("a:9090", "b:9090"))

    assert one != other


def test_only_what_waits_or_fires_is_an_alert() -> None:
    """A state nobody knows is none."""
    found = alerts_of([firing(), firing("pending", gpu="1"), firing("inactive"), firing("?")], "p")

    assert ["firing", "pending"] == [one.state for one in found]


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"instance": "gpu-7:9400"}, Subject("node", "gpu-7")),
        ({"node": "gpu-7", "instance": "10.0.0.7:9400", "gpu": "0"}, Subject("gpu", "gpu-7", 0)),
        ({"job": "api"}, FLEET),
        ({"gpu": "3"}, FLEET),
    ],
)
def test_whom_an_alert_is_about(labels: dict[str, str], subject: Subject) -> None:
    """The node by the exporter's label before the target's; a GPU without a node is nobody's."""
    assert subject == subject_of(labels)


def test_severities_of_others_become_ours() -> None:
    """Everybody has words of their own; one that is unknown is a warning."""
    assert ["critical", "critical", "info", "warning", "warning"] == [
        severity_of(word) for word in ("page", "CRITICAL", "none", "p2", "")
    ]


def test_what_fired_and_was_over_are_events() -> None:
    """Each run of samples of ALERTS is one alert, from its begin to its end; one that still fires has no end."""
    labels = {"__name__": "ALERTS", "alertname": "GpuHot", "severity": "page", "instance": "gpu-7:9400"}
    row = Row(labels, [30.0, 45.0, 60.0, 285.0, 300.0], [1.0] * 5)
    node = Subject("node", "gpu-7")

    assert [
        Event(30.0, "alert.firing", "critical", node, "GpuHot fires (p)"),
        Event(75.0, "alert.resolved", "info", node, "GpuHot is over (p)"),
        Event(285.0, "alert.firing", "critical", node, "GpuHot fires (p)"),
    ] == events_of([row], 0.0, 300.0, 15.0, "p")


def test_runs_of_times() -> None:
    """A gap of more than a step and a half ends a run."""
    assert [(0.0, 30.0), (60.0, 60.0)] == runs([0.0, 15.0, 30.0, 60.0], 15.0)
    assert [] == runs([], 15.0)
