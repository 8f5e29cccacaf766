"""The form of a new deployment: what its fields mean, and where their help comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.settings import Deploy
from app.services.deploy.wishing import DEFAULT_MODEL
from app.tui import infra_disk
from app.tui.infra_form import MOST_HELP, VARIABLES, fields_of, short, wish_of

TYPED = {one.key: one.value for one in fields_of(Deploy(), "lab")}


@pytest.mark.parametrize(("typed", "model"), [("default", DEFAULT_MODEL), (" org/m ", "org/m"), ("", "")])
def test_default_is_the_model_that_the_agent_is_made_for(typed: str, model: str) -> None:
    """As the command and the configuration have it."""
    assert model == wish_of({**TYPED, "model": typed}, Deploy(), ()).model


@pytest.mark.parametrize(("typed", "ttl_s"), [("12h", 43_200.0), ("never", None), ("0", None), ("", None)])
def test_never_is_no_limit(typed: str, ttl_s: float | None) -> None:
    """As the command has it."""
    assert ttl_s == wish_of({**TYPED, "ttl": typed}, Deploy(), ()).ttl_s


def test_help_of_a_variable_is_the_modules_own() -> None:
    """What Terraform's file says of a variable is not said a second time; it fits its line."""
    helps = infra_disk.read_helps()
    shown = {one.key: one.help for one in fields_of(Deploy(), "lab", helps)}
    own = {one.key: one.help for one in fields_of(Deploy(), "lab")}

    assert set(VARIABLES) == {key for key in shown if shown[key] != own[key]}
    assert "Disk of each pod, in GB; it is lost with the pod." == shown["disk"]
    assert "The network volume to make: its size in GB, which can only grow, and its data centre." == shown["volume"]
    assert [] == [text for text in shown.values() if len(text) > MOST_HELP]


def test_module_that_cannot_be_read_leaves_the_forms_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form without Terraform's files is a form all the same."""
    monkeypatch.setattr("app.services.terraform.workspace.modules_dir", lambda: tmp_path / "none")
    infra_disk.read_helps.cache_clear()
    try:
        assert {} == dict(infra_disk.read_helps())
    finally:
        infra_disk.read_helps.cache_clear()


def test_long_help_ends_with_a_part_of_it() -> None:
    """It is cut where a comma is, else at its length."""
    assert ("a, b", f"{'x' * 60}.", f"{'x' * MOST_HELP}.") == (
        short("a, b"), short(f"{'x' * 60}, {'y' * 60}"), short("x" * 200)
    )  # fmt: skip
