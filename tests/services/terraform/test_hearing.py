"""What an apply's messages mean, and what is told of a command that failed."""

from __future__ import annotations

import json

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.commands import failed, refuse_other_speech, unboxed
from app.services.terraform.events import Diagnostic
from app.services.terraform.hearing import Hearing

W1 = 'runpod_pod.worker["w1"]'


def hear(*messages: dict[str, object], total: int = 0) -> tuple[Hearing, list[tuple[object, ...]], list[str]]:
    """Let these messages be heard; what was told and logged."""
    told: list[tuple[object, ...]] = []
    logged: list[str] = []

    def tell(text: str, node: str = "", fraction: float | None = None, **more: object) -> None:
        told.append((node, text, fraction, more))

    hearing = Hearing(tell, logged.append, lambda key: f"lab-{key}", total)
    for message in messages:
        hearing.heard(json.dumps(message).encode())
    return hearing, told, logged


def doing(kind: str, address: str = W1, action: str = "create", **more: object) -> dict[str, object]:
    """A message about a resource."""
    return {"type": f"apply_{kind}", "hook": {"resource": {"addr": address}, "action": action, **more}}


def error(summary: str, address: str = "", detail: str = "") -> dict[str, object]:
    """A diagnostic."""
    body = {"severity": "error", "summary": summary, "detail": detail, "address": address}
    return {"type": "diagnostic", "diagnostic": body}


def test_course_of_a_create_is_told_with_its_pod() -> None:
    """Begun, still at it, made: by the node's name, with the id as soon as there is one, and the share that is done."""
    hearing, told, _ = hear(
        doing("start"),
        doing("progress", elapsed_seconds=10),
        doing("complete", id_key="id", id_value="p1", elapsed_seconds=12),
        total=2,
    )

    assert [
        ("lab-w1", "its pod is being made", 0.0, {"stage": "start", "action": "create"}),
        ("lab-w1", "its pod is being made after 10 s", 0.0, {"stage": "progress", "action": "create"}),
        ("lab-w1", "pod p1 is made after 12 s", 0.5, {"stage": "complete", "action": "create", "pod": "p1"}),
    ] == told
    assert hearing.has_begun


def test_end_of_a_pod_is_told_with_its_id() -> None:
    """A delete says the id at its start alone."""
    _, told, _ = hear(doing("start", action="delete", id_value="p1"), doing("complete", action="delete"), total=1)

    assert ("lab-w1", "pod p1 is ended", 1.0, {"stage": "complete", "action": "delete", "pod": "p1"}) == told[-1]


def test_errors_are_joined_to_nodes_without_those_of_an_interrupt() -> None:
    """`execution halted` is no error of a node; one of a volume or of nothing belongs to no node."""
    hearing, _, logged = hear(
        error("Unable to create pod", W1, "HTTP 400: no"),
        error("execution halted", "runpod_pod.head"),
        error("Unable to create volume", "runpod_network_volume.cache"),
    )

    assert (("w1", "Unable to create pod: HTTP 400: no"), ("", "Unable to create volume")) == hearing.by_node()
    assert 2 == len(logged)


def test_interrupt_and_lock_are_told() -> None:
    """Somebody's signal, whoever sent it, and another run that holds the state."""
    hearing, told, _ = hear(
        {"type": "log", "@message": "Interrupt received.\nPlease wait"},
        {"type": "state_lock_acquire", "@message": "Acquiring state lock"},
    )

    assert hearing.is_interrupted
    assert [
        "Terraform ends what is under way and begins nothing new",
        "another Terraform works on this deployment; waiting for it",
    ] == [text for _, text, _, _ in told]


def test_overrides_are_no_warning() -> None:
    """Terraform warns at every command of a developer's provider; nobody needs to read that."""
    body = {"severity": "warning", "summary": "Provider development overrides are in effect"}
    hearing, _, logged = hear({"type": "diagnostic", "diagnostic": body})

    assert ([], []) == (hearing.warnings, logged)


@pytest.mark.parametrize(("ui", "is_known"), [("1.2", True), ("1.9", True), ("2.0", False)])
def test_messages_of_another_major_version_are_refused(ui: str, is_known: bool) -> None:
    """What they would mean is not known, so nothing is made of them."""
    hearing, _, _ = hear({"type": "version", "terraform": "9.0.0", "ui": ui})

    if is_known:
        refuse_other_speech(hearing)
    else:
        with pytest.raises(InfraError, match=r"version 2\.0"):
            refuse_other_speech(hearing)


BOXED = """\x1b[33m╷\x1b[0m
│ Warning: Provider development overrides are in effect
│
│ The following
╵
╷
│ Error: Failed to query available provider packages
│
│ Could not retrieve the list
│ of available versions
╵
"""


def test_errors_are_taken_out_of_their_boxes() -> None:
    """A line an error, without frames, colours and warnings."""
    told = BOXED.replace("\x1b[33m", "").replace("\x1b[0m", "")

    expected = "Failed to query available provider packages Could not retrieve the list of available versions"
    assert (expected,) == unboxed(told)
    assert ("plain words",) == unboxed("plain words\n")
    assert () == unboxed("")


def test_failure_says_the_first_error_and_keeps_the_others() -> None:
    """A person reads one sentence; the rest is there to be looked at."""
    errors = [Diagnostic(True, "Saved plan is stale"), Diagnostic(True, "B")]

    caught = failed("apply", errors)

    expected = ("terraform apply: Saved plan is stale", "stale", ("Saved plan is stale", "B"))
    assert expected == (str(caught), caught.kind, caught.details)
    assert "terraform init: it ended without a word" == str(failed("init", (), ""))
