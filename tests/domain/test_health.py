"""Health of GPUs and nodes: which values make it what."""

from __future__ import annotations

import pytest

from app.domain.health import clock_events, gpu_health, node_health
from app.domain.snapshot import Gpu, Layer, Node

NOW = 1000.0


def gpu(lost_at: float | None = None, at: float = NOW, index: float = 0, **values: float) -> Gpu:
    """A GPU whose one source read `gpu.<name>` values at `at`, every 5 s."""
    layer = Layer("s", at, 5.0, {f"gpu.{name}": value for name, value in values.items()})
    return Gpu("n", int(index), None, layers=(layer,), lost_at=lost_at)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"utilization": 97.0, "temperature": 63.0}, "ok"),
        ({"row_remap_failure": 1.0}, "critical"),
        ({"ecc_dbe_volatile": 2.0}, "critical"),
        ({"health_status": 20.0}, "critical"),
        ({"row_remap_pending": 1.0}, "warning"),
        ({"retired_pages_pending": 1.0}, "warning"),
        ({"recovery_action": 2.0}, "warning"),
        ({"clock_event_reasons": 0x40}, "warning"),
        ({"clock_event_reasons": 0x5}, "ok"),
        ({"temperature": 90.0}, "warning"),
        ({"temperature": 90.0, "temperature_slowdown": 95.0}, "ok"),
        ({"temperature": 92.0, "temperature_slowdown": 95.0}, "warning"),
        ({"temperature": 70.0, "temperature_margin": 2.0}, "warning"),
        ({"pcie_width": 8.0, "pcie_width_max": 16.0, "utilization": 50.0}, "warning"),
        ({"pcie_width": 8.0, "pcie_width_max": 16.0, "utilization": 0.0}, "ok"),
    ],
)
def test_values_make_the_state(values: dict[str, float], state: str) -> None:
    """Each sign of trouble has its severity; everyday states have none."""
    assert state == gpu_health(gpu(**values), NOW).state


def test_a_lost_gpu_is_critical_whatever_its_last_values() -> None:
    """A lost GPU is critical."""
    assert "critical" == gpu_health(gpu(lost_at=NOW, utilization=97.0), NOW).state


def test_values_past_their_age_say_nothing() -> None:
    """A GPU all of whose values are past their age is unknown, not ok."""
    assert "unknown" == gpu_health(gpu(at=NOW - 26, utilization=97.0), NOW).state


def test_clock_events_are_named() -> None:
    """Set bits become names; no bits, an unknown or an absurd mask become none."""
    assert ("gpu_idle", "hw_slowdown") == clock_events(9.0)
    assert () == clock_events(0.0) == clock_events(None) == clock_events(1e30) == clock_events(float("nan"))


def test_a_node_is_as_well_as_its_worst_gpu() -> None:
    """The worst GPU gives the node its state and reason."""
    node = Node("n", gpus=(gpu(utilization=1.0), gpu(index=1, row_remap_failure=1.0)))

    verdict = node_health(node, NOW)

    assert "critical" == verdict.state
    assert verdict.reason.startswith("GPU 1: row remapping failed")


def test_a_node_that_misses_a_gpu_is_critical() -> None:
    """Fewer GPUs than expected is critical even when the others are well."""
    node = Node("n", gpus=(gpu(utilization=1.0),), gpus_expected=8)

    assert "1 of 8 GPUs" == node_health(node, NOW).reason
