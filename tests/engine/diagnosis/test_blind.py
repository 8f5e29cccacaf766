"""Blind spots: what nobody could look at is said, once for many, and nothing is said of what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.domain.reading import PageHealth, SourceSpec
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Service, Snapshot, SourceState
from app.engine.diagnosis.blind import MOST_ROWS, blind
from app.engine.diagnosis.sign import Look

NOW = 1_764_000_000.0
ALL: Mapping[str, float] = {
    "gpu.utilization": 90.0,
    "gpu.ecc_dbe_volatile": 0.0,
    "gpu.clock_event_reasons": 4.0,
    "gpu.nvlink_crc": 0.0,
}
HOST: Mapping[str, float] = {"node.memory_total": 1e6}


def node(name: str, values: Mapping[str, float] = ALL, **said: Any) -> Node:  # noqa: ANN401 - fields of the value
    """A node with two GPUs that tell all there is, unless told otherwise."""
    layer = Layer(f"exporter {name}", NOW, 5.0, values)
    gpus = tuple(Gpu(name, index, None, layers=(layer,), processes=()) for index in range(2))
    layers = (Layer(f"host {name}", NOW, 5.0, HOST),)
    return Node(name, **{"layers": layers, "gpus": gpus, "gpus_expected": 2, **said})


def source(name: str, kind: Any, flavour: str, **said: Any) -> SourceState:  # noqa: ANN401 - a kind, fields
    """A source that answers, unless told otherwise."""
    of = said.pop("node", None)
    page = PageHealth(flavour) if flavour else None
    given = {"tried_at": NOW, "ok_at": NOW, "page": page, **said}
    return SourceState(SourceSpec(name, kind, f"http://{name}", 5.0, of), **given)


def kernel(name: str, **said: Any) -> SourceState:  # noqa: ANN401 - fields of the value
    """The kernel log of a node."""
    return source(f"kernel log {name}", "log", "kernel log", node=name, **said)


def seen(nodes: tuple[Node, ...] = (), *sources: SourceState, **said: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - fields
    """What could not be looked at in a snapshot of these."""
    snapshot = Snapshot(nodes={one.name: one for one in nodes}, sources={one.spec.name: one for one in sources}, **said)
    return [(one.what, one.why) for one in blind(Look(snapshot, NOW, 5.0))]


def test_where_all_is_seen_nothing_is_blind() -> None:
    """And without Slurm configured nothing is said of Slurm."""
    assert [] == seen((node("gpu-1"),), kernel("gpu-1"), source("exporter gpu-1", "exporter", "dcgm-exporter"))


def test_nodes_whose_kernel_log_nobody_reads_are_one_row() -> None:
    """By name as far as they fit, in natural order; the one that is read is not among them."""
    nodes = tuple(node(f"gpu-{number}") for number in range(1, 12))
    assert [
        (
            "Xids and kernel messages of 10 nodes (gpu-2, gpu-3, gpu-4, gpu-5 and 6 more)",
            "no kernel log is read there, and no exporter tells Xids",
        )
    ] == seen(nodes, kernel("gpu-1"))


def test_what_exporters_tell_of_xids_is_said() -> None:
    """A count loses nothing but the words, a last value nearly all."""
    counted, last = node("gpu-1", {**ALL, "gpu.xid_errors": 0.0}), node("gpu-2", {**ALL, "gpu.xid_last": 0.0})
    assert [
        "no kernel log is read there; Xids are known as an exporter counts them",
        "no kernel log is read there; of Xids only the last number is known: repeats and quick ones are lost",
    ] == [why for _, why in seen((counted, last))]


def test_a_kernel_log_that_cannot_be_read_is_named_with_its_error() -> None:
    """Permission is another matter than a line missing in the configuration."""
    broken = kernel("gpu-1", ok_at=None, error="Permission denied", failures=3)
    assert [("Xids and kernel messages of gpu-1", "Permission denied, and no exporter tells Xids")] == seen(
        (node("gpu-1"),), broken
    )


def test_one_log_of_many_machines_covers_them() -> None:
    """A gatherer as rsyslog is one: whose lines come is seen when they come."""
    assert [] == seen((node("gpu-1"), node("gpu-2")), source("kernel log all", "log", "kernel log"))


def test_sources_that_fail_alike_are_one_row() -> None:
    """With the error of the first, and since when it is silent."""
    refused = "connection refused by {}: is the exporter running?"
    down = [
        source(f"gpu-{number}:9400", "exporter", "dcgm-exporter", ok_at=NOW - 600, error=refused.format(number))
        for number in (1, 2)
    ]
    assert [
        (
            "what dcgm-exporter tells: gpu-1:9400, gpu-2:9400",
            "refuses connections: connection refused by 1: is the exporter running?; last heard 10 min ago",
        )
    ] == seen((), *down)


def test_slurm_that_fails_is_said_with_its_error() -> None:
    """Configured, and not to be had."""
    state = source("slurm", "slurm", "", ok_at=None, error="squeue: no such command on head", failures=2)
    assert [("jobs, nodes and partitions of Slurm", "cannot be read: squeue: no such command on head")] == seen(
        (), state
    )


def test_what_slurm_would_not_tell_is_said() -> None:
    """Notes of its last look."""
    picture = SlurmPicture("slurm", 5.0, "commands", at=NOW, notes=("sacct: slurmdbd is away",))
    assert [("a part of Slurm", "sacct: slurmdbd is away")] == seen((), slurm=picture)


def test_what_some_gpus_do_not_tell_is_said_where_others_do() -> None:
    """NVLink and processes; ECC and clock reasons every GPU of a data centre has."""
    poor = node("gpu-2", {"gpu.utilization": 1.0})
    poor = replace(poor, gpus=tuple(replace(one, processes=None) for one in poor.gpus))
    assert [
        "ECC errors of the GPUs of gpu-2",
        "reasons for low clocks of the GPUs of gpu-2",
        "NVLink errors of the GPUs of gpu-2",
        "processes of the GPUs of gpu-2",
    ] == [what for what, _ in seen((node("gpu-1"), poor), kernel("gpu-1"), kernel("gpu-2"))]


def test_what_nobody_has_is_not_missed() -> None:
    """GPUs without NVLink, exporters that list no processes: as it is everywhere here."""
    plain = {key: value for key, value in ALL.items() if "nvlink" not in key}
    assert [] == seen((node("gpu-1", plain), node("gpu-2", plain)), kernel("gpu-1"), kernel("gpu-2"))


def test_gpus_and_machines_that_nobody_reads_are_said() -> None:
    """Slurm knows of GPUs without an exporter; a GPU exporter knows nothing of the machine."""
    assert [
        ("the GPUs of gpu-2", "no exporter of theirs is read"),
        ("memory, disks and network of gpu-1", "no node_exporter of theirs is read"),
    ] == seen((node("gpu-1", layers=()), node("gpu-2", gpus=())), kernel("gpu-1"))


def test_model_servers_without_a_log_are_said() -> None:
    """Their metrics show that they fail, not why; the log of the node covers the server on it."""
    services = {
        f"vllm {name}#m": Service("vllm", f"vllm {name}", f"http://{name}:8000", "m", {"node": name})
        for name in ("gpu-1", "gpu-2")
    }
    states = (
        *(source(f"vllm {name}", "exporter", "vllm") for name in ("gpu-1", "gpu-2")),
        source("vllm log gpu-1", "log", "vllm log", node="gpu-1"),
        *(kernel(name) for name in ("gpu-1", "gpu-2")),
    )
    assert [("what model servers log: vllm gpu-2#m", "no log of theirs is read: why one fails is not seen")] == seen(
        (node("gpu-1"), node("gpu-2")), *states, services=services
    )


def test_rows_have_an_end() -> None:
    """Of very many the last row says how many are left out."""
    many = [source(f"s{number}", "exporter", f"flavour-{number}", ok_at=NOW - 99, error="x") for number in range(30)]
    rows = seen((), *many)
    assert (MOST_ROWS + 1, "10 more") == (len(rows), rows[-1][0])
