"""A rule being written: its fields, what they mean, and what is wished of the desk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.alert import Rule
from app.engine.alerting.rule_table import rule_from
from app.engine.alerting.rulebook import built_in
from app.services.queries_alerts import rule_of, rule_status
from app.services.rule_draft import Draft, DraftError, draft_of, rule_of_draft, value_unit, wish_of

SIMPLE = Draft("Warm", "gpu.temperature", "above", "80 °C", "5m", "", "warning", "{where} is warm")


def test_metric_alone_is_compared_with_the_limit() -> None:
    """Also by the last part of its name; the limit in any unit of it."""
    rule = rule_of_draft(replace(SIMPLE, condition="memory_used", limit="70 GiB"), None)

    assert ("gpu.memory_used > 71680", 300.0, 0.0) == (rule.expr, rule.for_s, rule.keep_firing_for_s)
    assert "absent(gpu.power)" == rule_of_draft(replace(SIMPLE, condition="gpu.power", comparison="absent"), None).expr


def test_anything_else_is_a_whole_condition() -> None:
    """The comparison and the limit beside it then mean nothing."""
    rule = rule_of_draft(replace(SIMPLE, condition="gpu.temperature > 80 and gpu.power > 600", limit="nonsense"), None)

    assert ("gpu.temperature > 80 and gpu.power > 600", None) == (rule.expr, rule.metric)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"name": "a b"}, "name", "is no name"),
        ({"condition": ""}, "condition", "write a metric"),
        ({"condition": "gpu.temprature"}, "condition", "did you mean 'gpu.temperature'"),
        ({"condition": "gpu.temperature >"}, "condition", "not the end"),
        ({"condition": "rate(gpu.temperature)> 1"}, "condition", "a span"),
        ({"limit": "80 W"}, "limit", "gpu.temperature is in °C"),
        ({"limit": ""}, "limit", "cannot be compared"),
        ({"condition": "gpu.utilization", "limit": "120 %"}, "limit", "never above 120"),
        ({"hold": "soon"}, "hold", "span of time"),
        ({"keep": "90d"}, "keep", "30 days"),
        ({"severity": "loud"}, "severity", "severity cannot be"),
    ],
)
def test_mistake_names_its_field(changes: dict[str, str], field: str, words: str) -> None:
    """One sentence, and where to mend it."""
    with pytest.raises(DraftError) as caught:
        rule_of_draft(replace(SIMPLE, **changes), None)  # type: ignore[arg-type]  # fields of Draft

    assert field == caught.value.field
    assert words in str(caught.value)


@pytest.mark.parametrize("rule", built_in().rules.values(), ids=lambda rule: rule.name)
def test_every_rule_of_ours_comes_back_from_its_draft(rule: Rule) -> None:
    """Opened and left as it is it means the same, and nothing is wished."""
    again = rule_of_draft(draft_of(rule), rule)

    assert {} == wish_of(draft_of(rule), rule)
    assert (rule.expr, rule.for_s, rule.keep_firing_for_s, rule.severity) == (
        again.expr, again.for_s, again.keep_firing_for_s, again.severity,
    )  # fmt: skip


def test_new_rule_is_wished_whole_and_a_changed_one_by_what_changed() -> None:
    """So that what ours says else may still get better with an upgrade."""
    rule = rule_of_draft(SIMPLE, None)

    assert {"name", "metric", "above", "for", "keep_firing_for", "severity", "text"} == set(wish_of(SIMPLE, None))
    assert {"for": "10m"} == wish_of(replace(draft_of(rule), hold="10m"), rule)
    assert {"metric": "gpu.temperature", "above": "85", "where": None} == wish_of(
        replace(draft_of(rule), limit="85"), rule
    )
    assert {"expr": "gpu.temperature > 1"} == wish_of(replace(draft_of(rule), condition="gpu.temperature > 1"), rule)
    assert {"for": 0.0} == wish_of(replace(draft_of(rule), hold=""), rule)


def test_narrowed_rule_is_shown_as_a_whole_condition() -> None:
    """A metric alone could not say where it holds."""
    rule = rule_from("Warm", {"metric": "gpu.temperature", "above": 80, "where": {"node": "gpu-1"}}, None, "")

    assert 'gpu.temperature{node="gpu-1"} > 80' == draft_of(rule).condition
    assert {} == wish_of(draft_of(rule), rule)


@pytest.mark.parametrize("rule", built_in().rules.values(), ids=lambda rule: rule.name)
def test_rule_comes_back_from_what_the_desk_tells(rule: Rule) -> None:
    """Here and at a daemon the same."""
    assert rule == rule_of(rule_status(rule))


def test_simple_rule_comes_back_too() -> None:
    """With its metric, its comparison and its limit."""
    rule = rule_of_draft(replace(SIMPLE, comparison="below"), None)

    assert rule == rule_of(rule_status(rule))
    with pytest.raises(ValueError, match="severity"):
        rule_of({**rule_status(rule), "severity": "loud"})


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("gpu.temperature > 85", "°C"),
        ("gpu.temperature > 85 and gpu.power > 600", "°C"),
        ("gpu.temperature > 85 or gpu.power > 600", ""),
        ("rate(gpu.pcie_replay[5m]) > 1", ""),
        ("node.memory_available / node.memory_total * 100 < 10", ""),
        ("gpu.allocated_idle > 1800", "s"),
    ],
)
def test_unit_of_values_is_that_of_what_is_compared(expr: str, unit: str) -> None:
    """Where several are, and differ, nobody can say."""
    assert unit == value_unit(Rule("x", expr))
