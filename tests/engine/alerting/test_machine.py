"""A rule's alerts from evaluation to evaluation: pending, firing, kept firing, unseen, resolved."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.domain.alert import Alert, Labels, Rule, labels_of
from app.engine.alerting.evaluate import EvaluationError
from app.engine.alerting.machine import MOST_ALERTS, RESOLVED_KEPT_S, step, text_of

HOT = labels_of({"node": "gpu-1", "gpu": "3"})


def states(rule: Rule, looks: Iterable[tuple[float, bool | None]]) -> list[str | None]:
    """The state after each (time, whether it is true; None: unseen)."""
    alerts: dict[Labels, Alert] = {}
    found: list[str | None] = []
    for at, is_true in looks:
        unseen = frozenset({HOT} if is_true is None else ())
        alerts = dict(step(rule, alerts, {HOT: 90.0} if is_true else {}, at, unseen.__contains__).alerts)
        found.append(alerts[HOT].state if HOT in alerts else None)
    return found


def test_alert_waits_out_its_hold() -> None:
    """A rule that holds 60 s stays pending at 59 s and fires at 60 s."""
    assert ["pending", "pending", "firing"] == states(Rule("Hot", "", for_s=60), [(0, True), (59, True), (60, True)])


def test_without_a_hold_it_fires_at_once() -> None:
    """No `for`: the first evaluation fires."""
    assert ["firing"] == states(Rule("Hot", ""), [(0, True)])


def test_a_pending_alert_that_clears_vanishes() -> None:
    """It never fired, so nothing is resolved."""
    assert ["pending", None, "pending"] == states(Rule("Hot", "", for_s=60), [(0, True), (30, False), (60, True)])


def test_it_goes_on_firing_for_its_keep_and_then_resolves() -> None:
    """Kept for 60 s from the first evaluation that saw it over; true again in between, the clock starts anew."""
    rule = Rule("Hot", "", keep_firing_for_s=60)
    looks = [(0.0, True), (30.0, False), (60.0, True), (90.0, False), (149.0, False), (150.0, False)]

    assert ["firing", "firing", "firing", "firing", "firing", "resolved"] == states(rule, looks)


def test_a_resolved_alert_is_remembered_for_a_quarter_of_an_hour() -> None:
    """After that nothing is left; before it a new one begins with a new wait."""
    rule = Rule("Hot", "", for_s=60)
    looks = [(0.0, True), (60.0, True), (90.0, False), (90 + RESOLVED_KEPT_S, False), (91 + RESOLVED_KEPT_S, False)]

    assert ["pending", "firing", "resolved", "resolved", None] == states(rule, looks)
    assert "pending" == states(rule, [*looks[:3], (100.0, True)])[-1]


def test_what_gives_no_value_is_neither_firing_for_ever_nor_resolved() -> None:
    """Unseen it stays for its keep, then is `no_data`; a value that is well resolves it, one that is not fires on."""
    rule = Rule("Hot", "", keep_firing_for_s=60)
    unseen = [(0.0, True), (30.0, None), (89.0, None), (90.0, None), (9000.0, None)]

    assert ["firing", "firing", "firing", "no_data", "no_data"] == states(rule, unseen)
    assert "firing" == states(rule, [*unseen, (9030.0, True)])[-1]
    assert "resolved" == states(rule, [*unseen, (9030.0, False)])[-1]


def test_a_transition_is_told_once() -> None:
    """New, firing and resolved are one transition each; an evaluation that changes nothing tells nothing."""
    rule = Rule("Hot", "", for_s=60)
    first = step(rule, {}, {HOT: 90.0}, 0.0)
    second = step(rule, first.alerts, {HOT: 91.0}, 30.0)
    third = step(rule, second.alerts, {HOT: 91.0}, 60.0)

    assert [(None, "pending")] == [(one.before, one.alert.state) for one in first.transitions]
    assert () == second.transitions
    assert [("pending", "firing")] == [(one.before, one.alert.state) for one in third.transitions]


def test_ten_thousand_label_sets_are_a_mistake_in_the_rule() -> None:
    """None of them is told, and the message says how many there were."""
    found = {labels_of({"job": str(number)}): 1.0 for number in range(MOST_ALERTS + 1)}

    with pytest.raises(EvaluationError, match="9,001 label sets"):
        step(Rule("Many", ""), {}, found, 0.0)


def test_two_alerts_that_become_one_by_the_rules_labels_are_refused() -> None:
    """The rule's label hides what told them apart."""
    found = {labels_of({"gpu": "0"}): 1.0, labels_of({"gpu": "1"}): 1.0}

    with pytest.raises(EvaluationError, match="same labels"):
        step(Rule("Hidden", "", labels=labels_of({"gpu": "x"})), {}, found, 0.0)


def test_text_from_outside_is_cleaned() -> None:
    """A label cannot move the cursor."""
    rule = Rule("Hot", "", text="{node} is {value} °C")

    assert "gpu-1 is 90 °C" == text_of(rule, labels_of({"node": "gpu\x1b-1\u202e"}), 90.0)


def test_the_same_alert_has_the_same_id() -> None:
    """An id follows from rule and labels alone."""
    one = step(Rule("Hot", ""), {}, {HOT: 90.0}, 0.0).alerts[HOT]
    other = step(Rule("Hot", ""), {}, {HOT: 95.0}, 999.0).alerts[HOT]

    assert one.id == other.id
