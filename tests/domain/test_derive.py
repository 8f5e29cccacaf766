"""Values that follow from others, and those that only growth can tell."""

from __future__ import annotations

import pytest

from app.domain.derive import DERIVED, GROWN, derive_gpu, derive_node, grow, grows
from app.domain.metrics import by_key


def test_every_rule_speaks_of_catalogue_rows_of_one_subject() -> None:
    """Keys exist, and a rule does not mix subjects."""
    for rule in (*DERIVED, *GROWN):
        assert {by_key()[key].scope for key in (rule.key, *rule.needs)} == {by_key()[rule.key].scope}
        assert rule.text


def test_memory_of_a_gpu_is_completed() -> None:
    """Total is used, free and reserved together; percent is used over total."""
    values = derive_gpu({"gpu.memory_used": 60.0, "gpu.memory_free": 19.0, "gpu.memory_reserved": 1.0})

    assert (80.0, 75.0) == (values["gpu.memory_total"], values["gpu.memory_percent"])


def test_published_value_is_never_replaced() -> None:
    """A total that is given stands, even if its parts do not add up to it."""
    values = derive_gpu({"gpu.memory_used": 60.0, "gpu.memory_free": 19.0, "gpu.memory_total": 100.0})

    assert (100.0, 60.0) == (values["gpu.memory_total"], values["gpu.memory_percent"])


def test_nothing_follows_from_nothing() -> None:
    """Unknown stays unknown, and no share is taken of a total of zero."""
    assert {"gpu.memory_used": 1.0} == derive_gpu({"gpu.memory_used": 1.0})
    assert "gpu.memory_percent" not in derive_gpu({"gpu.memory_used": 0.0, "gpu.memory_total": 0.0})


def test_memory_of_a_machine_is_completed() -> None:
    """Used is total less what is available; percent follows in the same go; swap likewise."""
    given = {"node.memory_total": 8.0, "node.memory_available": 2.0, "node.swap_total": 4.0, "node.swap_free": 1.0}

    assert {"node.memory_used": 6.0, "node.memory_percent": 75.0, "node.swap_used": 3.0} == {
        key: value for key, value in derive_node(given).items() if key not in given
    }


def test_growth_needs_both_looks() -> None:
    """A counter that was not there before, or fell, has not grown."""
    after = {"node.network_rx_bytes": 100.0, "node.network_tx_bytes": 100.0}

    assert {} == grow({"node.network_tx_bytes": 200.0}, after, 10.0, "node")
    assert {} == grow(after, after, 0.0, "node")
    assert {"node.network_rx": 5.0} == grow({"node.network_rx_bytes": 50.0}, after, 10.0, "node")


@pytest.mark.parametrize(("idle", "utilization"), [(0.0, 100.0), (10.0, 0.0), (12.0, 0.0)])
def test_cpu_utilization_stays_within_bounds(idle: float, utilization: float) -> None:
    """Idle time may run ahead of all time by a tick; a share is still between 0 and 100."""
    before = {"node.cpu_seconds": 0.0, "node.cpu_idle_seconds": 0.0}
    after = {"node.cpu_seconds": 10.0, "node.cpu_idle_seconds": idle}

    assert {"node.cpu_utilization": utilization} == grow(before, after, 10.0, "node")


def test_keys_that_grow_are_known_by_scope() -> None:
    """What must be carried over when a subject gives the same values once more."""
    assert {"gpu.nvlink_tx", "gpu.nvlink_rx"} == grows("gpu")
    assert "service.tokens_per_s" in grows("service")
    assert "node.cpu_utilization" in grows("node")
