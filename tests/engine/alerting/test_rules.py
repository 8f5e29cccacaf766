"""Every built-in rule: it fires in its story and stays quiet in the other; and what rule files may say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.alert import Alert, labels_of
from app.engine.alerting.muting import muted
from app.engine.alerting.round import AlertingState, evaluate_all
from app.engine.alerting.rulebook import RuleBook, built_in, extended
from app.engine.alerting.windows import Windows
from tests.engine.alerting.stories import STEP_S, STORIES, Scene


def told(name: str, scene: Scene, seconds: float) -> list[Alert]:
    """What a rule makes of a scene that is looked at every 30 s."""
    rule = replace(built_in().rules[name], enabled=True)
    state, windows, at = AlertingState(), Windows(), 0.0
    while at <= seconds:
        state, _ = evaluate_all([rule], state, scene(at), windows)
        assert {} == state.troubles
        at += STEP_S
    return [alert for alert in state.all() if alert.state == "firing"]


def test_there_are_forty_two_and_each_has_a_story() -> None:
    """A rule that is added brings its story along."""
    assert 42 == len(built_in().rules)
    assert sorted(built_in().rules) == sorted(STORIES)
    assert () == built_in().problems


@pytest.mark.parametrize("name", STORIES)
def test_rule_fires_in_its_story(name: str) -> None:
    """One alert or more, with a line for a person whose places are all filled in."""
    alerts = told(name, STORIES[name].fires, STORIES[name].seconds)

    assert alerts
    assert not any("{" in alert.text for alert in alerts)


@pytest.mark.parametrize("name", STORIES)
def test_rule_is_quiet_in_the_look_alike(name: str) -> None:
    """What only looks like it is no alert, however long it lasts."""
    assert [] == told(name, STORIES[name].quiet, 4 * STORIES[name].seconds)


@pytest.mark.parametrize("name", STORIES)
def test_rule_waits_out_its_hold(name: str) -> None:
    """Nothing fires before the rule's `for` has passed."""
    rule = built_in().rules[name]
    if rule.for_s >= STEP_S:
        assert [] == told(name, STORIES[name].fires, rule.for_s - STEP_S)


@pytest.mark.parametrize("name", STORIES)
def test_rule_says_where_it_comes_from(name: str) -> None:
    """Source and text are there."""
    rule = built_in().rules[name]

    assert rule.source
    assert rule.text


def with_user(text: str) -> RuleBook:
    """Our rules and a user's file."""
    return extended(built_in(), text, "my.toml")


def test_a_users_rule_is_added_and_ours_are_changed_or_turned_off() -> None:
    """What a table does not say stays as it was."""
    book = with_user(
        """
[[rule]]
name = "Idle"
metric = "utilization"
below = 5
for_s = 60
where = { node = "gpu-1" }
[[rule]]
name = "GpuHot"
for = "2m"
[[rule]]
name = "GpuMissing"
enabled = false
"""
    )

    assert () == book.problems
    assert 'gpu.utilization{node="gpu-1"} < 5' == book.rules["Idle"].expr
    idle = book.rules["Idle"]
    assert ("gpu.utilization", "below", 5.0, 60.0) == (idle.metric, idle.comparison, idle.threshold, idle.for_s)
    assert (120.0, 300.0) == (book.rules["GpuHot"].for_s, book.rules["GpuHot"].keep_firing_for_s)
    assert "GpuMissing" not in [rule.name for rule in book.enabled()]


def test_a_limit_may_be_written_with_a_unit() -> None:
    """70 GiB of memory are so many MiB."""
    book = with_user('[rule.Full]\nmetric = "gpu.memory_used"\nabove = "70 GiB"\n')

    assert 71680.0 == book.rules["Full"].threshold


CIRCLE = """[[inhibit]]
name = "a"
source = 'alertname="X"'
target = 'alertname="Y"'
[[inhibit]]
name = "b"
source = 'alertname="Y"'
target = 'alertname="X"'
"""


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[rule.A\n", 1, "not valid TOML"),
        ('[rule.A]\nmetric = "gpu.temprature"\nabove = 85\n', 2, "did you mean 'gpu.temperature'"),
        ('\n[rule.A]\nmetric = "gpu.temperature"\nabove = "85 %"\n', 4, "gpu.temperature is in °C"),
        ('[rule.A]\nmetric = "gpu.utilization"\nabove = 120\n', 3, "never above 120"),
        ('[rule.A]\nexpr = "gpu.utilization > 100"\n', 2, "never above 100"),
        ('[rule.A]\nexpr = "gpu.utilisation > 1"\n', 2, "did you mean 'gpu.utilization'"),
        ('[rule.A]\nexpr = "gpu.utilization >"\n', 2, "not the end"),
        ('[rule.A]\nmetric = "gpu.temperature"\nabvoe = 85\n', 3, "did you mean 'above'"),
        ('[rule.A]\nmetric = "gpu.temperature"\nabove = 1\nbelow = 2\n', 4, "needs one of above, below"),
        ('[rule.A]\nmetric = "gpu.temperature"\nabove = 85\nfor = "soon"\n', 4, "must be a span of time"),
        ('[rule.A]\nmetric = "gpu.temperature"\nabove = 85\nseverity = "bad"\n', 4, "severity cannot be 'bad'"),
        ("[rule.A]\n", 1, "neither expr nor metric"),
        ('[[rule]]\nname = "a b"\nmetric = "gpu.power"\nabove = 1\n', 2, "is no name"),
        ("[ruel.A]\nx = 1\n", 1, "unknown table 'ruel'"),
        (
            CIRCLE,
            7,
            "closes a circle: X mutes Y mutes X",
        ),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_named_with_file_and_line_and_the_others_go_on(text: str, line: int, words: str) -> None:
    """One problem, at its line; our 42 are still there."""
    book = with_user(text)

    assert [("my.toml", line)] == [(one.file, one.line) for one in book.problems]
    assert words in book.problems[0].text
    assert 42 <= len(book.rules)


def firing(rule: str, **labels: str) -> Alert:
    """An alert that fires."""
    return Alert(rule, built_in().rules[rule].severity, labels_of(labels), "firing", 0.0, fired_at=0.0)


def test_a_gpu_off_the_bus_mutes_its_other_alerts_and_not_its_neighbours() -> None:
    """The cause is told, its symptoms are not."""
    gone = firing("GpuXidFatal", node="a", gpu="0", code="79")
    also = firing("GpuXidFatal", node="a", gpu="0", code="48")
    missing, other = firing("GpuMissing", node="a"), firing("GpuHot", node="a", gpu="1")

    assert {also.id, missing.id} == set(muted([gone, also, missing, other], (), built_in().inhibitions, {}, 10.0))


def test_a_dead_node_mutes_its_gpus() -> None:
    """Only those of its own, and not itself."""
    dead, hot, other = (
        firing("SlurmNodeDown", node="a"),
        firing("GpuHot", node="a", gpu="0"),
        firing("GpuHot", node="b", gpu="0"),
    )

    assert [hot.id] == list(muted([dead, hot, other], (), built_in().inhibitions, {}, 10.0))


def test_a_planned_drain_mutes_warnings_and_no_critical_alert() -> None:
    """Somebody works on the node, but a fatal Xid is told all the same."""
    hot = firing("GpuHot", node="a", gpu="0")
    fatal = firing("GpuXidFatal", node="a", gpu="0", code="48")

    assert [hot.id] == list(muted([hot, fatal], (), (), {"a": "drained: new PSU"}, 10.0))


def test_what_comes_and_goes_is_told_no_more() -> None:
    """The fourth time within an hour."""
    often = replace(firing("GpuHot", node="a", gpu="0"), fired=(0.0, 900.0, 1800.0, 2700.0))

    assert [often.id] == list(muted([often], (), (), {}, 2700.0))
    assert {} == muted([often], (), (), {}, 3700.0)
