"""The alert engine beside Prometheus' own: what we say is pending and firing, promtool must say too.

promtool runs the rules over the series and compares every `ALERTS` series at every evaluation with what this engine
found; a single difference fails it.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.alerts import run_case

CASES = 500
EXPRESSIONS = (
    "x == 1", "x > 0", "x != 1", "x >= bool 1 == 1", "-x < 0", "x * 2 > 1", 'absent(x{i="0"})', "sum by (h) (x) >= 2",
    "count(x == 1) > 1", "avg without (i) (x) > 0.5", "max by (h) (x) - min by (h) (x) > 0", "x == 1 unless y == 1",
    "x == 1 and on (h) y == 1", "y == 1 or x == 1", "x > ignoring (z) y", "increase(x[2m]) > 0", "rate(x[90s]) > 0",
    "changes(x[3m]) >= 2", "avg_over_time(x[2m]) > 0.6", "max_over_time(x[1m]) == 1", "delta(x[4m]) < 0",
    "deriv(x[5m]) > 0", "predict_linear(x[4m], 60) > 0.9", "count_over_time(x[3m]) < 4", "resets(x[5m]) > 1",
    "absent_over_time(x[2m])", "last_over_time(x[10m]) == 1", "present_over_time(x[1m]) == 1",
    "stddev by (h) (x) > 0.2",
)  # fmt: skip


def random_case(dice: random.Random, number: int) -> dict[str, Any]:
    """A rule and some series with gaps, stale marks and NaN."""
    step_s = dice.choice((15, 30, 60))
    evaluation_s = step_s * dice.choice((1, 1, 1, 2, 4))
    count = dice.randint(16, 40)
    words = ["0", "1"] * 8 + ["_", "stale", "NaN"]
    series = []
    for name in ("x", "y"):
        for index in range(dice.randint(1, 3)):
            stay, word, values = dice.choice((0.3, 0.6, 0.85)), "0", []
            for _ in range(count):
                word = word if dice.random() < stay else dice.choice(words)
                values.append(word)
            series.append({"series": f'{name}{{i="{index}",h="{index % 2}"}}', "values": " ".join(values)})
    rule = {
        "alert": "A",
        "expr": dice.choice(EXPRESSIONS),
        "for_s": dice.choice((0, 0, 1, 2, 3, 5)) * evaluation_s + dice.choice((0, 0, 7)),
        "keep_firing_for_s": dice.choice((0, 0, 1, 2, 4)) * evaluation_s + dice.choice((0, 0, 7)),
    }
    times = range(0, (count + 12) * step_s, evaluation_s)
    return {
        "id": f"case-{number}",
        "rules": [rule],
        "input_series": series,
        "series_step_s": step_s,
        "eval_interval_s": evaluation_s,
        "timeline": [{"t": at, "A": {}} for at in times],
    }


def demanded(case: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The promtool test that demands of Prometheus what this engine found, and how many alerts that are."""
    asked, alerts = [], 0
    for at, found in run_case(case):
        samples = [
            {
                "labels": "ALERTS" + json.dumps(dict(labels) | {"alertname": "A", "alertstate": state})
                .replace('": ', "=").replace(', "', ",").replace('{"', "{"),
                "value": 1,
            }
            for state in ("pending", "firing")
            for labels in found["A"][state]
        ]  # fmt: skip
        alerts += len(samples)
        asked.append({"expr": "ALERTS", "eval_time": f"{int(at)}s", "exp_samples": samples})
    return {
        "interval": f"{case['series_step_s']}s",
        "input_series": case["input_series"],
        "promql_expr_test": asked,
    }, alerts


def rule_file(case: dict[str, Any]) -> dict[str, Any]:
    """The rule as Prometheus reads it (JSON is YAML)."""
    rule = case["rules"][0]
    spans = {"for": f"{rule['for_s']}s", "keep_firing_for": f"{rule['keep_firing_for_s']}s"}
    told = {key: rule[key] for key in ("alert", "expr")} | {key: span for key, span in spans.items() if span != "0s"}
    group = {"name": "g", "interval": f"{case['eval_interval_s']}s", "rules": [told]}
    return {"groups": [group]}


@pytest.mark.real("prometheus")
def test_random_rules_over_random_series_give_prometheus_own_alerts(tmp_path: Path) -> None:
    """500 random rules × series: the same alerts are pending and firing at every evaluation."""
    dice = random.Random(20261128)
    files, alerts = [], 0
    for number in range(CASES):
        case = random_case(dice, number)
        test, some = demanded(case)
        alerts += some
        (tmp_path / f"rules-{number}.yml").write_text(json.dumps(rule_file(case)))
        whole = {
            "rule_files": [f"rules-{number}.yml"],
            "evaluation_interval": f"{case['eval_interval_s']}s",
            "tests": [test],
        }
        files.append(tmp_path / f"test-{number}.yml")
        files[-1].write_text(json.dumps(whole))

    told = subprocess.run(
        ["promtool", "test", "rules", *map(str, files)], capture_output=True, text=True, timeout=500, check=False
    )

    assert (0, CASES) == (told.returncode, told.stdout.count("SUCCESS")), (told.stdout + told.stderr)[-4000:]
    assert alerts > 5 * CASES
