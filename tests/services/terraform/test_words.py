"""Kinds of failure, read from words."""

from __future__ import annotations

import pytest

from app.services.terraform.events import Diagnostic
from app.services.terraform.words import failure_kind

TERRAFORM = [
    (Diagnostic(True, "Saved plan is stale", "The given plan file can no longer be applied"), "stale"),
    (Diagnostic(True, "Error acquiring the state lock", "resource temporarily unavailable"), "locked"),
    (Diagnostic(True, "Missing required provider"), "init"),
    (Diagnostic(True, "Inconsistent dependency lock file"), "init"),
    (Diagnostic(True, "registry.terraform.io/runpod/runpod: there is no package for registry.terraform.io"), "init"),
    (Diagnostic(True, "Unsupported Terraform Core version", "", "", "versions.tf:2"), "version"),
    (Diagnostic(True, "Invalid value for variable", "nodes needs one"), "config"),
    (Diagnostic(True, "Reference to undeclared resource", "", "", "user_x.tf:3"), "config"),
    (Diagnostic(True, "Unable to read pod", "HTTP 401: no", "runpod_pod.head", "main.tf:1"), "auth"),
    (Diagnostic(True, "Missing RunPod API key", "", 'provider["x"]', "<empty>:0"), "auth"),
    (Diagnostic(True, "Unable to read pod", "HTTP 500: no", "runpod_pod.head", "main.tf:1"), "failed"),
]


@pytest.mark.parametrize(("error", "kind"), TERRAFORM)
def test_terraforms_words_tell_their_kind(error: Diagnostic, kind: str) -> None:
    """What a person must do differs by kind, so each is told apart."""
    assert kind == failure_kind([error])


def test_text_without_a_message_is_read_as_well() -> None:
    """`init` and `import` speak no JSON."""
    assert "locked" == failure_kind((), "Error: Error acquiring the state lock")
    assert "failed" == failure_kind((), "")
