"""Rules as a Prometheus rule file: promtool reads it, and means the same by it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.domain.alert import Rule, labels_of
from app.engine.alerting.export import Names, expression, rule_file, template
from app.engine.alerting.rulebook import built_in

HOT = Rule("Hot", "gpu.temperature > 85", for_s=60, keep_firing_for_s=90, text="{where}: {value} °C")


def test_a_metric_goes_by_its_exporters_names_or_by_ours() -> None:
    """Each exporter's name joined by `or`; or the name on our own page."""
    assert expression(HOT, "exporters").startswith("(DCGM_FI_DEV_GPU_TEMP or ")
    assert "gpu_watchdog_gpu_temperature > 85" == expression(HOT, "own")


def test_a_unit_is_scaled_and_parts_are_folded() -> None:
    """Bytes become MiB; what an exporter gives by engine is summed first, within the rate's span."""
    memory = Rule("M", "node.memory_available < 5")
    preemptions = Rule("P", "rate(service.preemptions[5m]) > 1")

    assert "node_memory_MemAvailable_bytes * 9.5367431640625e-07" in expression(memory, "exporters")
    assert expression(preemptions, "exporters").startswith(
        "sum without (engine, version) (rate(vllm:num_preemptions_total[5m]))"
    )


def test_a_rule_speaks_one_language() -> None:
    """Where a signal is part of it, the metrics beside it go by our names too."""
    rule = Rule("B", "node.gpus_missing > 0 and on (node) node.load_1m > 4")

    assert "gpu_watchdog_node_gpus_missing > 0 and on (node) gpu_watchdog_node_load_1m > 4" == expression(
        rule, "exporters"
    )


def test_text_from_a_rule_is_no_template() -> None:
    """Braces that a user wrote cannot run Prometheus' template functions."""
    assert "{{ $value | humanize }} { { query }}" == template("{value} {{ query }}")


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("names", ["exporters", "own"])
def test_promtool_reads_every_rule(names: Names, tmp_path: Path) -> None:
    """All 42, with all that a rule may hold."""
    odd = Rule(
        "Odd", "gpu.power > 1", labels=labels_of({"team": 'a "b" {{ x }}\n'}), text="{where}\n: {value}", source="\\"
    )
    file = tmp_path / "rules.yml"
    file.write_text(rule_file([*built_in().rules.values(), odd], names), "utf-8")

    told = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)

    assert (0, True) == (told.returncode, "43 rules found" in told.stdout), told.stderr


@pytest.mark.real("prometheus")
def test_an_exported_rule_fires_there_when_it_fires_here(tmp_path: Path) -> None:
    """Pending for its hold, firing, kept, over: at the evaluations at which ours would be."""
    (tmp_path / "rules.yml").write_text(rule_file([HOT], interval_s=30), "utf-8")
    states = ["pending", "pending", "firing", "firing", "firing", "firing", "firing", None]
    asked = [
        {
            "expr": "count by (alertstate) (ALERTS)",
            "eval_time": f"{place * 30}s",
            "exp_samples": [] if state is None else [{"labels": f'{{alertstate="{state}"}}', "value": 1}],
        }
        for place, state in enumerate(states)
    ]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": [
                    {"series": 'DCGM_FI_DEV_GPU_TEMP{gpu="0",Hostname="a"}', "values": "90 90 90 90 80x9"}
                ],
                "promql_expr_test": asked,
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))

    told = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "test.yml")], capture_output=True, text=True, check=False
    )

    assert 0 == told.returncode, told.stdout + told.stderr
