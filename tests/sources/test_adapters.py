"""The rows that tell exporters apart: consistent with the catalogue and with one another."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from app.domain.apply import RANKS
from app.domain.metrics import by_wire
from app.domain.reading import GpuProcess
from app.sources.adapter import Adapter
from app.sources.adapters import ADAPTERS, adapter_of, mark_of
from pod.families import FAMILIES

SERVERS_OWN = "process_resident_memory_bytes"


def test_every_catalogue_name_belongs_to_an_exporter() -> None:
    """A name that no row owns could never be read; one is any server's own, and is given to the page's server."""
    assert [SERVERS_OWN] == [name for name in by_wire() if adapter_of(name) is None]


def test_flavours_are_unique_and_known_to_the_order_of_belief() -> None:
    """Whom to believe first is decided by flavour; Triton and vLLM have no rival."""
    flavours = [adapter.flavour for adapter in ADAPTERS]

    assert len(set(flavours)) == len(flavours)
    assert {"triton", "vllm"} == set(flavours) - set(RANKS)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.flavour)
def test_marks_are_the_adapters_own_and_found(adapter: Adapter) -> None:
    """Every sample that is no metric is owned by its row, under one meaning."""
    for mark in adapter.marks:
        found = adapter_of(mark.wire)
        assert found is not None
        assert (adapter, mark.wire) == found
        assert mark == mark_of(adapter, mark.wire)
    assert len({mark.wire for mark in adapter.marks}) == len(adapter.marks)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.flavour)
def test_process_samples_name_a_field_and_no_others_do(adapter: Adapter) -> None:
    """A number of a process goes to a field of it, or counts back from now, or is none."""
    known = {one.name for one in fields(GpuProcess)} | {"running_s", "none"}

    assert {mark.wire for mark in adapter.marks if mark.role == "process"} == {m.wire for m in adapter.marks if m.field}
    assert known >= {mark.field for mark in adapter.marks if mark.field}
    assert {one.name for one in fields(GpuProcess)} >= {name for _, name in adapter.process}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.flavour)
def test_row_that_lists_gpus_says_how_to_tell_them(adapter: Adapter) -> None:
    """Without a label for UUID or index every GPU would be one."""
    assert not adapter.lists_gpus or adapter.uuid or adapter.index
    re.compile(adapter.owns)


@pytest.mark.parametrize(
    ("name", "flavour"),
    [
        ("gpu_power_usage_W", "nvitop-exporter"),
        ("gpu_power_usage", "amd-device-metrics-exporter"),
        ("amd_gpu_power_usage", "amd-device-metrics-exporter"),
        ("gpu_watchdog_gpu_lost", "gpu-watchdog"),
        ("host_net_io_tx_data_MiB", "nvitop-exporter"),
        ("process_info_info", "nvitop-exporter"),
    ],
)
def test_names_that_look_alike_are_told_apart(name: str, flavour: str) -> None:
    """Names of nvitop end in their unit, AMD's do not; ours begin like AMD's."""
    found = adapter_of(name)

    assert found is not None
    assert flavour == found[0].flavour


@pytest.mark.parametrize("name", ["jvm_threads", "process_cpu_seconds_total", "slurm_nodes", "up", "gpu", "Node_x"])
def test_other_names_are_nobodys(name: str) -> None:
    """What we do not read is not claimed."""
    assert None is adapter_of(name)


def test_everything_our_own_exporter_publishes_is_understood() -> None:
    """Each family of the pod's exporter is a metric or a mark: its page has no unknown names."""
    understood = {family.name for family in FAMILIES if family.name in by_wire() or _is_mark(family.name)}

    assert set() == {family.name for family in FAMILIES} - understood


def _is_mark(wire: str) -> bool:
    found = adapter_of(wire)
    return found is not None and mark_of(*found) is not None
