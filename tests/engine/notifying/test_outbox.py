"""The queue: what is sent next, what gives way, how long a failure is waited for."""

from __future__ import annotations

from dataclasses import replace

from app.domain.notice import DONE, Delivery, Notice, Outcome
from app.domain.series import Severity
from app.engine.notifying import outbox
from tests.engine.notifying.build import NOW

AWAY = Outcome(ok=False, error="away")


def delivery(key: str, topic: str = "rule:a", severity: Severity = "warning", channel: str = "chat") -> Delivery:
    """One that is due now."""
    kind = "alerts" if topic.startswith("rule:") else "digest"
    notice = Notice(topic, kind, "began", severity, topic, NOW, NOW)  # type: ignore[arg-type]  # one of two kinds
    return Delivery(key, channel, notice, NOW, NOW)


def test_a_newer_message_about_the_same_takes_the_place_of_one_that_has_not_arrived() -> None:
    """But for digests, and messages to others or about other things."""
    queue = outbox.enqueued(
        {}, [delivery("1"), delivery("2", "rule:b"), delivery("3", channel="x"), delivery("4", "digest")]
    )

    assert ["2", "3", "4", "5", "6"] == list(outbox.enqueued(queue, [delivery("5"), delivery("6", "digest")]))


def test_the_gravest_goes_first_and_what_failed_keeps_nobody_waiting() -> None:
    """A message whose pause lasts is passed over; one that failed comes after those that were never tried."""
    tried = replace(delivery("1", severity="critical"), attempts=1)
    queue = {one.id: one for one in (tried, delivery("2", "rule:b"), delivery("3", "rule:c", "critical"))}

    assert "3" == getattr(outbox.due(queue, "chat", NOW), "id", None)
    del queue["3"]
    assert "2" == getattr(outbox.due(queue, "chat", NOW), "id", None)
    queue = {"1": replace(tried, due_at=NOW + 5)}
    assert (None, NOW + 5) == (outbox.due(queue, "chat", NOW), outbox.next_at(queue, "chat"))


def test_pauses_double_up_to_five_minutes_or_as_the_receiver_asks() -> None:
    """5, 10, 20, … 300 s; a Retry-After counts, and not for longer than an hour."""
    pauses = [outbox.pause_s(replace(delivery("1"), attempts=number), AWAY) for number in (1, 2, 3, 7, 99)]

    assert [5.0, 10.0, 20.0, 300.0, 300.0] == pauses
    one = replace(delivery("1"), attempts=1)
    assert [60.0, 3600.0] == [outbox.pause_s(one, replace(AWAY, retry_after_s=seconds)) for seconds in (60.0, 86400.0)]


def test_what_will_never_be_taken_is_given_up_at_once() -> None:
    """A refusal is not tried again; silence is, until it has lasted too long."""
    one = outbox.began(delivery("1"))

    assert None is outbox.tried(one, DONE, NOW, 3600)
    refused = outbox.tried(one, Outcome(ok=False, error="HTTP 403", may_pass=False), NOW, 3600)
    waiting, given_up = (outbox.tried(one, AWAY, NOW + after, 3600) for after in (1, 3600))
    assert ["failed", "waiting", "failed"] == [getattr(some, "state", None) for some in (refused, waiting, given_up)]


def test_what_nobody_needs_is_forgotten() -> None:
    """Given up a week ago, or to a channel that is gone from the file."""
    old = replace(delivery("1"), state="failed", due_at=NOW - 8 * 86400)
    gone = replace(delivery("2", channel="gone"), made_at=NOW - 7200)
    queue = {one.id: one for one in (old, gone, delivery("3"))}

    assert {"1", "2"} == set(outbox.forgotten(queue, {"chat"}, NOW, 3600))
