"""The digest: what is told of a time when nobody looked."""

from __future__ import annotations

from app.domain.digest import Change, Digest, Fired, digest
from app.domain.series import FLEET, Event, Severity, Subject

START, END = 1000.0, 5000.0
GPU = Subject("gpu", node="gpu-01", index=5)


def event(at: float, kind: str, text: str, severity: Severity = "warning", about: Subject = FLEET) -> Event:
    """An event."""
    return Event(at, kind, severity, about, text)


def test_what_is_not_over_comes_first_and_each_thing_once() -> None:
    """An incident that grew worse is one, with its gravest word; one that ended says when."""
    found = digest(
        [
            event(1100, "incident.began", "GPU gpu-01/5 is hot", about=GPU),
            event(1200, "incident.worse", "graver: GPU gpu-01/5 is hot (2 consequences)", "critical", GPU),
            event(1300, "incident.began", "NFS is slow"),
            event(1400, "incident.ended", "over: NFS is slow", "info"),
            event(1250, "alert.firing", "gpu-01/5 is hot: 91", about=GPU),
        ],
        START,
        END,
    )

    assert (
        Fired(1100, "critical", "GPU gpu-01/5 is hot"),
        Fired(1300, "warning", "NFS is slow", 1400),
    ) == found.fired


def test_alerts_are_told_where_nobody_diagnoses() -> None:
    """Without an incident the alert itself is what fired."""
    found = digest([event(1100, "alert.firing", "gpu-01 is down", "critical")], START, END)

    assert (Fired(1100, "critical", "gpu-01 is down"),) == found.fired


def test_ended_jobs_are_counted_and_bad_ends_are_named() -> None:
    """By the state they ended in; the newest bad end first."""
    ends = [
        event(1100, "job.ended", "job 1 (ana, a) ended: COMPLETED", "info"),
        event(1200, "job.ended", "job 2 (ana, b) ended: FAILED"),
        event(1300, "job.ended", "job 3 (bo, c) ended: TIMEOUT"),
        event(1400, "job.ended", "job 4 (bo, d) ended: COMPLETED", "info"),
    ]
    found = digest(ends, START, END)

    assert {"COMPLETED": 2, "FAILED": 1, "TIMEOUT": 1} == found.ended
    assert (ends[2], ends[1]) == found.failed


def test_what_came_back_is_only_counted() -> None:
    """A node that went down twice and stayed down is told with how often; a GPU that came back is not."""
    node = Subject("node", node="gpu-02")
    found = digest(
        [
            event(1100, "gpu.lost", "gpu-01/5 is lost", "critical", GPU),
            event(1200, "gpu.found", "gpu-01/5 is back", "info", GPU),
            event(1300, "node.down", "gpu-02 is down", "critical", node),
            event(1400, "node.up", "gpu-02 is up", "info", node),
            event(1500, "node.down", "gpu-02 is down", "critical", node),
        ],
        START,
        END,
    )

    assert (Change(1500, "critical", "gpu-02 is down", 2),) == found.changed
    assert 1 == found.passing


def test_what_was_away_before_and_is_back_is_a_change() -> None:
    """Good news is news."""
    found = digest([event(1200, "gpu.found", "gpu-01/5 is back", "info", GPU)], START, END)

    assert (Change(1200, "info", "gpu-01/5 is back"),) == found.changed


def test_a_time_without_news_is_quiet() -> None:
    """Events of another time do not count."""
    found = digest([event(900, "node.down", "gpu-02 is down")], START, END)

    assert Digest(START, END) == found
    assert found.is_quiet
