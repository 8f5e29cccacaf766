"""What tests of diagnosing are built from: a list of three faults, one GPU, lines of a kernel log."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.apply_logs import apply_logs
from app.domain.evidence import LogEvidence
from app.domain.reading import SourceSpec
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState
from app.engine.diagnosis.fault_table import FaultTable, read_faults

NOW = 1_764_000_000.0
FAULTS = """
[T1]
key = "test.cause"
title = "{where}: the cause"
scope = "gpu"
severity = "critical"
any = [{ sign = "gpu.ecc_dbe_volatile+", above = 0 }, { sign = "xid.48" }]
leads_to = ["T2"]
means = "It broke."
do = [{ text = "mend it", command = "mend {node}" }]
source = "ours"

[T2]
key = "test.effect"
title = "{where}: the effect"
scope = "gpu"
severity = "warning"
any = [{ sign = "gpu.row_remap_pending", at_least = 1 }]
severity_when = [{ severity = "critical", all = [{ sign = "gpu.row_remap_pending", at_least = 1, for = "5m" }] }]
means = "It waits."
source = "ours"

[T3]
key = "test.note"
title = "{where}: by the way"
scope = "gpu"
severity = "info"
any = [{ sign = "gpu.retired_pages_pending", at_least = 1 }]
means = "Nothing to do."
source = "ours"
"""
PENDING, NOTED = {"gpu.row_remap_pending": 1.0}, {"gpu.retired_pages_pending": 1.0}


def faults() -> FaultTable:
    """The three: T1 leads to T2, T3 is information."""
    return read_faults({"test.toml": FAULTS})


def cluster(
    at: float, values: Mapping[str, float] | None = None, *said: LogEvidence, before: Snapshot | None = None
) -> Snapshot:
    """One GPU with these values, and what its node's log has said; `before` gives what it had said by then."""
    layer = Layer("exporter", at, 5.0, {"gpu.ecc_dbe_volatile": 0.0, "gpu.utilization": 50.0, **(values or {})})
    facts = {"pci_bus_id": "00000000:1B:00.0", "model": "NVIDIA H100 80GB HBM3"}
    gpu = Gpu("gpu-1", 3, "GPU-00000003-1111", facts, (layer,), seen_at=at)
    sources = {
        "exporter": SourceState(SourceSpec("exporter", "exporter", "http://gpu-1:9400", 5.0, "gpu-1"), at, at),
        "kernel": SourceState(SourceSpec("kernel", "log", "/var/log/kern.log", 5.0, "gpu-1"), at, at),
    }
    fresh = Snapshot(
        version=1,
        at=at,
        sources=sources,
        nodes={"gpu-1": Node("gpu-1", gpus=(gpu,), gpus_expected=1, sources=("exporter",))},
        logs=before.logs if before is not None else (),
        logs_count=before.logs_count if before is not None else 0,
    )
    return apply_logs(fresh, said, at)[0]


def xid(at: float, code: int = 48, *, is_history: bool = False) -> LogEvidence:
    """A line of the kernel's about the GPU."""
    return LogEvidence(
        "xid",
        at,
        f"NVRM: Xid (PCI:0000:1b:00): {code}, pid=77, name=train.py",
        "critical",
        source="kernel",
        node="gpu-1",
        code=code,
        pci="0000:1b:00",
        is_history=is_history,
    )
