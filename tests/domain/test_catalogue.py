"""Every row of the catalogue: well formed, complete, and without two meanings for one name."""

from __future__ import annotations

import re
from collections import Counter
from typing import get_args

import pytest

from app.domain.health import clock_events
from app.domain.metric import Fold, Kind, Merge, Metric, Scope
from app.domain.metrics import METRICS, by_key, by_wire, find

UNITS = {"%", "MiB", "°C", "W", "J", "MHz", "B/s", "B", "s", "rpm", "tok/s", "/s", "$/h", ""}


def test_keys_are_unique_and_there_are_enough() -> None:
    """A key is a column, a series and a rule's subject: two rows must not share it."""
    assert len(METRICS) == len(by_key())
    assert len(METRICS) >= 45


def test_rows_are_well_formed() -> None:
    """Key, unit, words and folds are such that every column, chart and table can be made from the row."""
    assert {} == {metric.key: trouble for metric in METRICS if (trouble := _troubles(metric))}


def _troubles(metric: Metric) -> list[str]:
    claims = {
        "key": re.fullmatch(r"[a-z]+\.[a-z0-9_]+", metric.key) is not None,
        "scope": metric.scope in get_args(Scope),
        "unit": metric.unit in UNITS,
        "fold": metric.fold in get_args(Fold),
        "merge": metric.merge in get_args(Merge),
        "kind": metric.kind in get_args(Kind),
        "quantum": metric.quantum > 0,
        "title": 0 < len(metric.title) <= 24,
        "help": metric.help.endswith(".") and metric.help.isprintable(),
        "scale of the chart": metric.high is None or metric.low is None or metric.low < metric.high,
        "a counter has no top": metric.kind == "gauge" or (metric.low is None and metric.high is None),
        "parts become one": metric.merge != "last" or not any(name.parts for name in metric.names),
        "names once": max(Counter(metric.names).values(), default=1) == 1,
    }
    return [claim for claim, holds in claims.items() if not holds]


def test_growth_is_of_counters_of_the_same_subject() -> None:
    """A rate or a mean over an interval rests on counters that exist."""
    rows = by_key()
    pairs = [(m, key) for m in METRICS for key in (m.rate_of, *(m.quotient or ())) if key is not None]

    assert [] == [(m.key, key) for m, key in pairs if rows[key].kind != "counter" or rows[key].scope != m.scope]


def test_one_sample_has_one_meaning_of_a_kind() -> None:
    """A wire name under the same label values feeds several rows only where one is the sum of cases of the other."""
    shared = {
        wire: sorted(metric.key for metric, _ in pairs)
        for wire, pairs in by_wire().items()
        if len({(name.where, metric.key) for metric, name in pairs}) > len({name.where for _, name in pairs})
    }

    assert {
        "node_filesystem_avail_bytes": ["node.disk_free", "node.disk_free_percent"],
        "nv_inference_request_success": ["service.e2e_count", "service.queue_count", "service.requests_finished"],
    } == shared


def test_names_of_several_rows_go_by_labels_or_are_known() -> None:
    """Which rows a name feeds is a decision, seen here when it changes."""
    several = {wire for wire, pairs in by_wire().items() if len({metric.key for metric, _ in pairs}) > 1}

    assert {
        "gpu_clock",
        "gpu_max_clock",
        "node_cpu_seconds_total",
        "node_filesystem_avail_bytes",
        "nv_inference_request_success",
        "vllm:num_requests_waiting_by_reason",
        "vllm:request_success_total",
    } == several


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("utilization", "gpu.utilization"),
        ("gpu.power", "gpu.power"),
        ("kv_cache_usage", "service.kv_cache_usage"),
        ("Load_1m", "node.load_1m"),
    ],
)
def test_row_is_found_as_people_type_it(text: str, key: str) -> None:
    """The last part of a key is enough; the GPU's row comes first."""
    found = find(text)

    assert found is not None
    assert key == found.key


def test_row_is_found_within_a_scope() -> None:
    """Where node and GPU share a short name, the scope decides; nonsense finds nothing."""
    found = find("memory_used", "node")

    assert found is not None
    assert "node.memory_used" == found.key
    assert None is find("nonsense")


def test_clock_events_are_named_by_their_bits() -> None:
    """A mask is a set of reasons."""
    assert ("power_cap", "sw_thermal") == clock_events(0x24)
    assert () == clock_events(0)
    assert () == clock_events(None)
