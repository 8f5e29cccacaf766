"""The generated table of metrics: complete, and a table to every reader of Markdown."""

from __future__ import annotations

from app.domain.metrics import METRICS
from app.present.metrics_doc import metrics_table

ROWS = [line for line in metrics_table().splitlines() if line.startswith("| `")]


def test_every_metric_is_a_row_with_its_names() -> None:
    """Keys appear once and in order of the catalogue's scopes, each with all its wire names."""
    by_key = {line.split("`")[1]: line for line in ROWS}

    assert {metric.key for metric in METRICS} == set(by_key)
    assert len(METRICS) == len(ROWS)
    for metric in METRICS:
        assert all(f"`{name.wire}" in by_key[metric.key] for name in metric.names)


def test_every_row_has_four_cells_and_a_source() -> None:
    """No bar in a help text breaks the table, and nothing is known from nowhere."""
    assert {5} == {line.count("|") for line in ROWS}
    assert [] == [line for line in ROWS if line.rstrip(" |").endswith("|")]


def test_factors_and_labels_are_readable() -> None:
    """Bytes into MiB, labels that choose samples, and what the program works out itself."""
    text = metrics_table()

    assert "`nvidia_smi_memory_used_bytes` × 1/1,048,576" in text
    assert "`DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS` × 1e-09" in text
    assert '`node_cpu_seconds_total{mode="idle"}`' in text
    assert "ours: used + free + reserved" in text
    assert "ours: growth of `service.generation_tokens` a second" in text
