"""Notices as text and JSON: everything a person needs, and nothing that is markup or a mention."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from app.domain.affects import Affects
from app.domain.finding import Advice
from app.domain.notice import Notice
from app.present import notices

AT = 1_764_000_000.0
ONE = Notice(
    "incident:i-17",
    "incident",
    "began",
    "critical",
    "GPU 3 of gpu-1 fell off the bus",
    AT,
    AT - 60,
    "lab",
    "Xid 79: the GPU does not answer.",
    ("job 812 has failed",),
    2,
    Affects(("812", "813"), 1, 2.5),
    ("ana",),
    (Advice("Drain the node", "scontrol update nodename=gpu-1 state=drain"), Advice("Reset the GPU")),
)


def test_a_message_says_cause_harm_and_what_to_do() -> None:
    """The subject says how grave and where; the body begins with the cause."""
    assert "[CRITICAL] lab: GPU 3 of gpu-1 fell off the bus" == notices.subject(ONE)
    assert """\
Since 2025-11-24 15:59:00 UTC.
Cause: Xid 79: the GPU does not answer.
Affects: 1 GPU, jobs 812, 813, of ana, $2.50/h
Follows from it:
- job 812 has failed
- … and 2 more
Do: Drain the node
    scontrol update nodename=gpu-1 state=drain
Then: Reset the GPU
(incident i-17)""" == notices.body(ONE, UTC)


def test_an_end_says_how_long_it_was_and_what_it_was_part_of() -> None:
    """And proposes nothing any more."""
    over = Notice("rule:Hot", "alerts", "over", "warning", "gpu-1 is hot", AT, AT - 2520, ended=AT)
    assert "OVER: gpu-1 is hot" == notices.subject(over)
    assert "Over since 2025-11-24 16:00:00 UTC; it lasted 42 min.\n(rule Hot)" == notices.body(over, UTC)
    joined = Notice("rule:Hot", "alerts", "over", "warning", "hot", AT, AT, ended=AT, joined="incident:i-17")
    assert notices.body(joined, UTC).startswith("This is a part of i-17, which is told by itself.")


def test_names_from_the_cluster_wake_nobody_and_forge_no_line() -> None:
    """Mentions are broken up; line ends and control characters are gone."""
    bad = Notice("rule:x", "alerts", "began", "warning", "job @everyone <!channel>\r\nBcc: x\x1b[2J", AT, AT)

    line = notices.subject(bad)

    assert "@everyone" not in line
    assert "<!channel>" not in line
    assert line.isprintable() or "\u2060" in line
    assert not {"\n", "\r", "\x1b"} & set(line)


def test_a_service_with_little_room_is_told_what_to_do_first() -> None:
    """What follows goes first, and is counted; then the cause is cut."""
    long = replace(ONE, root="x" * 500, lines=tuple(f"consequence {number}" for number in range(20)))

    for most, shown in ((2000, 20), (900, 5), (500, 0)):
        text = notices.body(long, UTC, most=most)
        assert len(text) <= most
        assert shown == text.count("consequence")
        assert f"… and {22 - shown} more" in text
        assert "scontrol update nodename=gpu-1 state=drain" in text
    assert 160 == len(notices.body(long, UTC, most=160))


def test_a_webhook_is_told_the_same_as_json() -> None:
    """With the id of the message, and the key that all messages of the incident share."""
    told = notices.webhook_body(ONE, "abc-7", "hook")

    assert ("abc-7", "gpu-watchdog/abc/incident:i-17", "i-17") == (told["id"], told["key"], told["incident"])
    assert {"gpus": 1, "jobs": ["812", "813"], "users": ["ana"], "cost_per_hour": 2.5} == told["affects"]
