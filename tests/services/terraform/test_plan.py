"""A saved plan as a person is shown it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.deployment import Change
from app.services.deploy.ports import InfraError
from app.services.terraform.plan import parse_plan

HEAD, W1 = "runpod_pod.head", 'runpod_pod.worker["w1"]'


def resource(address: str, actions: list[str], before: Any = None, after: Any = None, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """One resource of a plan."""
    body = {"actions": actions, "before": before, "after": after, **change}
    return {"address": address, "mode": "managed", "type": address.partition(".")[0], "change": body}


def told(*changes: dict[str, Any], costs: dict[str, float | None] | None = None, drift: tuple[Any, ...] = ()) -> bytes:
    """A plan as `show -json` has it."""
    held = [
        {"address": address, "type": "runpod_pod", "values": {"cost": cost}} for address, cost in (costs or {}).items()
    ]
    state = {"values": {"root_module": {"resources": held}}}
    return json.dumps({"resource_changes": changes, "resource_drift": drift, "prior_state": state}).encode()


def test_create_shows_what_is_asked_for_at_its_price() -> None:
    """Values that are not known yet are left out of a create; nested ones have dotted names."""
    after = {"name": "gw-head", "disk": 50, "env": {"A": "1"}, "network_volumes": [{"path": "/w"}], "id": None}

    plan = parse_plan(
        told(resource(HEAD, ["create"], None, after, after_unknown={"id": True})), "f", {"head": 2.5}, is_destroy=False
    )

    expected = (
        ("disk", "(none)", "50"),
        ("env.A", "(none)", "1"),
        ("name", "(none)", "gw-head"),
        ("network_volumes.0.path", "(none)", "/w"),
    )
    assert (Change(HEAD, "create", "", expected, "head", 2.5),) == plan.changes
    assert (0.0, 2.5, "f") == (plan.per_hour_before, plan.per_hour_after, plan.file)


def test_only_what_differs_is_shown_of_an_update() -> None:
    """Equal values are left out; one that is computed anew is known later."""
    before, after = {"disk": 50, "cost": 1.0, "name": "a"}, {"disk": 60, "name": "a"}
    change = resource(HEAD, ["update"], before, after, after_unknown={"cost": True})

    plan = parse_plan(told(change, costs={HEAD: 1.0}), "f", {"head": 9.0}, is_destroy=False)

    assert (("cost", "1.0", "(known after apply)"), ("disk", "50", "60")) == plan.changes[0].attributes
    assert (1.0, 1.0) == (plan.per_hour_before, plan.per_hour_after)


def test_sensitive_values_are_masked() -> None:
    """`show -json` prints them in clear; we never do, whether the whole or a part is marked."""
    change = resource(
        HEAD,
        ["update"],
        {"env": {"A": "old", "B": "1"}, "args": "s1"},
        {"env": {"A": "new", "B": "2"}, "args": "s2"},
        before_sensitive={"env": {"A": True}},
        after_sensitive={"args": True},
    )

    plan = parse_plan(told(change), "f", {}, is_destroy=False)

    assert (("args", "***", "***"), ("env.A", "***", "***"), ("env.B", "1", "2")) == plan.changes[0].attributes


def test_replacing_costs_the_difference() -> None:
    """A replacement is one change, with Terraform's reason; money is what it costs more."""
    change = {**resource(W1, ["delete", "create"], {}, {}), "action_reason": "replace_by_request"}

    plan = parse_plan(told(change, costs={HEAD: 1.0, W1: 0.5}), "f", {"w1": 2.0}, is_destroy=False)

    assert [("replace", "replace_by_request", "w1", 1.5)] == [
        (one.action, one.reason, one.node, one.price) for one in plan.changes
    ]
    assert (1.5, 3.0) == (plan.per_hour_before, plan.per_hour_after)


def test_unknown_price_makes_the_sum_unknown() -> None:
    """A node without a price is never counted as free."""
    plan = parse_plan(told(resource(HEAD, ["create"], None, {})), "f", {"head": None}, is_destroy=False)

    assert (0.0, None) == (plan.per_hour_before, plan.per_hour_after)


def test_stopped_pod_costs_its_price_once_it_is_started() -> None:
    """The provider says 0 for a stopped pod; starting it adds what it is offered for."""
    change = resource(HEAD, ["update"], {"desired_state": "EXITED"}, {"desired_state": "RUNNING"})

    plan = parse_plan(told(change, costs={HEAD: 0.0}), "f", {"head": 0.7}, is_destroy=False)

    assert 0.7 == plan.changes[0].price


def test_nothing_is_left_out_but_what_changes_nothing() -> None:
    """No-ops and data sources are no changes; nodes come first, in natural order; others follow."""
    changes = [
        resource("terraform_data.x", ["create"], None, {}),
        resource('runpod_pod.worker["w10"]', ["delete"], {"id": "p"}, None),
        resource('runpod_pod.worker["w2"]', ["forget"], {"id": "q"}, None),
        resource(HEAD, ["no-op"], {}, {}),
        {**resource("data.runpod_gpu_types.all", ["read"], None, {}), "mode": "data"},
    ]

    plan = parse_plan(told(*changes), "f", {}, is_destroy=True)

    assert [("w2", "forget", ()), ("w10", "delete", ()), ("", "create", ())] == [
        (one.node, one.action, one.attributes) for one in plan.changes
    ]
    assert (True, 0.0) == (plan.is_destroy, plan.per_hour_after)


def test_drift_is_what_a_person_would_call_so() -> None:
    """A pod that is gone, or stopped, is drift; a price that moved is none."""
    gone = resource(W1, ["delete"], {"id": "p"}, None)
    moved = resource(HEAD, ["update"], {"cost": 1.0, "status": "STARTING"}, {"cost": 2.0, "status": "RUNNING"})

    plan = parse_plan(told(drift=(gone, moved)), "f", {}, is_destroy=False)

    assert [("w1", "delete")] == [(one.node, one.action) for one in plan.drift]
    assert plan.is_empty


@pytest.mark.parametrize("text", [b"", b"[]", b"{"])
def test_what_is_no_plan_is_an_error(text: bytes) -> None:
    """Never an empty plan that looks like nothing to do."""
    with pytest.raises(InfraError):
        parse_plan(text, "f", {}, is_destroy=False)


def test_values_from_outside_are_cleaned_and_cut() -> None:
    """A value is one short line, whatever the provider put into it."""
    plan = parse_plan(told(resource(HEAD, ["create"], None, {"a": "\x1b[2J" + "x" * 500})), "f", {}, is_destroy=False)

    shown = plan.changes[0].attributes[0][2]
    assert shown.startswith("[2Jx")
    assert 120 == len(shown)
