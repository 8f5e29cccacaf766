"""The alert language: what is read, what is refused with which words, and what it is true of."""

from __future__ import annotations

import math

import pytest

from app.domain.alert import labels_of
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.expression import render
from app.engine.alerting.parse import ExpressionError, parse
from app.engine.alerting.series import Series, SeriesBook

G0, G1 = labels_of({"node": "a", "gpu": "0"}), labels_of({"node": "a", "gpu": "1"})
NODE = labels_of({"node": "a"})


def book() -> SeriesBook:
    """Two GPUs' temperatures, a counter, and a node that is up, every 30 s."""
    return SeriesBook(
        {
            "temp": [Series(G0, [(0, 80.0), (30, 90.0)]), Series(G1, [(0, 70.0), (30, math.nan)])],
            "count": [Series(G0, [(0, 1.0), (30, 1.0), (60, 4.0)])],
            "up": [Series(NODE, [(0, 1.0)])],
        }
    )


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("temp > 85", 30, {G0: 90.0}),
        ("85 < temp", 30, {G0: 90.0}),
        ("temp != 90", 30, {G1: math.nan}),
        ("temp > bool 85", 0, {G0: 0.0, G1: 0.0}),
        ('temp{gpu=~"0|2"} > 1', 0, {G0: 80.0}),
        ("max by (node) (temp)", 30, {NODE: 90.0}),
        ("count without (gpu) (temp) == 2", 0, {NODE: 2.0}),
        ("temp and on (node) up", 0, {G0: 80.0, G1: 70.0}),
        ("temp unless on (node) up", 0, {}),
        ("temp * 2 - temp", 0, {G0: 80.0, G1: 70.0}),
        ("temp > 75 or temp < 72", 0, {G0: 80.0, G1: 70.0}),
        ('absent(nothing{node="a",gpu!="1"})', 0, {NODE: 1.0}),
        ("absent(up)", 0, {}),
        ("changes(count[1m])", 60, {G0: 1.0}),
        ("increase(count[1m])", 60, {G0: 3.0}),
        ("predict_linear(count[1m], 60) > 5", 60, {G0: 6.5}),
        ("-temp < -75", 0, {G0: -80.0}),
        ("2 ^ 3 ^ 0 * temp", 0, {G0: 160.0, G1: 140.0}),
    ],
)
def test_expressions_mean_what_promql_means(text: str, at: float, expected: object) -> None:
    """Each of these as Prometheus evaluates it."""
    assert repr(expected) == repr(dict(evaluate(parse(text), book(), at)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("temp >", "not the end"),
        ("temp > 85 90", "an operator expected"),
        ("temp{gpu=0}", "a text in quotes"),
        ("rat(temp[5m]) > 1", "did you mean 'rate'"),
        ("rate(temp) > 1", "a metric with a span"),
        ("temp[5m] > 1", "span of values"),
        ("1 > 2", "two numbers are compared"),
        ("1 and temp", "metrics on both sides"),
        ('temp{gpu=~"("}', "is not a pattern"),
        ("temp offset 5m", "offset is not known"),
        ("temp ~ 5", "unexpected '~' at character 6"),
        ("predict_linear(temp[1h])", "takes 2 arguments"),
        ("(" * 60 + "temp" + ")" * 60, "nested"),
        ("x" * 5000, "5,000 characters"),
    ],
)
def test_mistakes_are_named_where_they_are(text: str, words: str) -> None:
    """A sentence says what is wrong."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "temp > 85",
        "(a + b) * c > 0",
        "a + b * c > 0",
        "a - (b - c) > 0",
        "2 ^ 3 ^ x > 1",
        "(2 ^ x) ^ 2 > 1",
        'sum by (node) (increase(count{gpu="0"}[1h30m])) >= 5',
        "a > 1 and on (node) (b == 0 or c == 0)",
        "a unless ignoring (gpu) b",
        "-x > 1",
        "a > bool 1 == 1",
    ],
)
def test_what_is_written_is_read_again_as_the_same(text: str) -> None:
    """Rendering and reading are inverses."""
    assert parse(text) == parse(render(parse(text)))


def test_pairs_that_are_not_one_to_one_are_refused() -> None:
    """Two GPUs of a node cannot both be its one."""
    with pytest.raises(EvaluationError, match="same labels"):
        evaluate(parse("up + on (node) temp"), book(), 0)
