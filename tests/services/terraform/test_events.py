"""Terraform's messages turned into values."""

from __future__ import annotations

import json

import pytest

from app.services.terraform.events import Counted, Diagnostic, Doing, Event, Planned, Said, Versions, parse_event


def line(kind: str, **body: object) -> bytes:
    """A message as Terraform writes it."""
    head = {"@level": "info", "@message": "said", "@module": "terraform.ui", "@timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps({**head, "type": kind, **body}).encode()


WORKER = {"addr": 'runpod_pod.worker["w1"]', "resource_type": "runpod_pod", "resource_key": "w1"}
MESSAGES: list[tuple[bytes, Event | None]] = [
    (line("version", terraform="1.11.4", ui="1.2"), Versions("Terraform 1.11.4", "1.2")),
    (line("version", tofu="1.9.0", ui="1.2"), Versions("OpenTofu 1.9.0", "1.2")),
    (
        line("apply_start", hook={"resource": WORKER, "action": "create"}),
        Doing("start", 'runpod_pod.worker["w1"]', "create"),
    ),
    (
        line("apply_progress", hook={"resource": WORKER, "action": "create", "elapsed_seconds": 10}),
        Doing("progress", 'runpod_pod.worker["w1"]', "create", "", 10.0),
    ),
    (
        line(
            "apply_complete",
            hook={
                "resource": WORKER,
                "action": "create",
                "id_key": "id",
                "id_value": "pod1",
                "elapsed_seconds": 2,
            },
        ),
        Doing("complete", 'runpod_pod.worker["w1"]', "create", "pod1", 2.0),
    ),
    (
        line("apply_errored", hook={"resource": WORKER, "action": "delete", "elapsed_seconds": 0}),
        Doing("errored", 'runpod_pod.worker["w1"]', "delete"),
    ),
    (
        line("planned_change", change={"resource": WORKER, "action": "replace", "reason": "requested"}),
        Planned('runpod_pod.worker["w1"]', "replace", "requested"),
    ),
    (
        line("resource_drift", change={"resource": WORKER, "action": "delete"}),
        Planned('runpod_pod.worker["w1"]', "delete", is_drift=True),
    ),
    (
        line("change_summary", changes={"add": 2, "change": 0, "remove": 1, "operation": "apply"}),
        Counted("apply", 2, 0, 1),
    ),
    (line("log"), Said("said")),
    (line("state_lock_acquire"), Said("said", waits_for_lock=True)),
    (line("outputs", outputs={}), None),
    (line("something_new", hook=3), None),
    (b"", None),
    (b"panic: runtime error", Said("panic: runtime error")),
    (b"[1, 2]", Said("[1, 2]")),
]


@pytest.mark.parametrize(("message", "event"), MESSAGES)
def test_message_becomes_the_value_it_stands_for(message: bytes, event: Event | None) -> None:
    """Each kind that is of use is read, others are left out, and what is no message is something said."""
    assert event == parse_event(message)


def test_diagnostic_keeps_where_it_is_and_whose_it_is() -> None:
    """A resource's error is told without the place in our file; one of a file says the line."""
    body = {
        "severity": "error",
        "summary": "Unable to create pod",
        "detail": "HTTP 400: no luck\n",
        "address": "runpod_pod.head",
        "range": {"filename": "main.tf", "start": {"line": 10}},
    }

    owned = parse_event(line("diagnostic", diagnostic=body))
    loose = parse_event(line("diagnostic", diagnostic={**body, "address": None}))

    assert isinstance(owned, Diagnostic)
    assert isinstance(loose, Diagnostic)
    assert (True, "runpod_pod.head", "main.tf:10") == (owned.is_error, owned.address, owned.where)
    assert "Unable to create pod: HTTP 400: no luck" == owned.words
    assert "main.tf:10: Unable to create pod: HTTP 400: no luck" == loose.words


@pytest.mark.parametrize(
    "broken",
    [
        line("diagnostic", diagnostic=3),
        line("apply_start", hook=[]),
        line("apply_start", hook={"resource": "x", "elapsed_seconds": "soon"}),
        line("planned_change"),
        line("change_summary", changes={"add": "many"}),
        line("version"),
        b'{"type": 7}',
        b"\xff\xfe\x00",
        b"null",
    ],
)
def test_no_message_breaks_the_reader(broken: bytes) -> None:
    """Whatever stands in a line, reading it raises nothing."""
    parse_event(broken)


def test_control_characters_never_come_through() -> None:
    """A provider's words are cleaned and cut before anybody shows them."""
    body = {"severity": "error", "summary": "a\x1b[31mb\x07", "detail": "x" * 9999}

    event = parse_event(line("diagnostic", diagnostic=body))

    assert isinstance(event, Diagnostic)
    assert "a[31mb" == event.summary
    assert 1200 == len(event.detail)
