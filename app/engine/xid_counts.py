"""Xids known from metrics alone: what an exporter's counts and last values say between two snapshots. Pure.

Only a fallback for nodes whose kernel log nobody reads, and it says so: a last value never clears, the same Xid twice
in a row is invisible, and of two within one interval one is lost. Counts (this program's own exporter) lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.boards import short_address
from app.domain.evidence import LogEvidence
from app.domain.snapshot import Gpu, Snapshot
from app.domain.xids import xid_severity
from app.engine.columns import compared, gpu_table
from app.engine.episodes import METRIC

_KEY = "gpu.xid_last"


def counted(before: Snapshot, after: Snapshot, at: float) -> tuple[LogEvidence, ...]:
    """What the metrics of two snapshots say of new Xids; what stood there at first sight is history."""
    found: list[LogEvidence] = []
    gpus = compared(gpu_table, before, after, at)
    told = [row for row, gpu in enumerate(gpus.table.subjects) if gpu.xids]
    for gpu in gpus.picked(told, gpus.moved(_KEY)):
        old = before.gpu(gpu.node, gpu.index)
        if old is not None and old is not gpu:
            found.extend(_of_gpu(old, gpu, at))
    return tuple(found)


def _of_gpu(was: Gpu, gpu: Gpu, at: float) -> Iterator[LogEvidence]:
    if gpu.xids:
        before = {one.code: one.count for one in was.xids}
        for one in gpu.xids:
            more = one.count - before.get(one.code, 0)
            if more > 0 and was.seen_at:
                yield _evidence(gpu, one.code, one.last_at or at, more, "counted by the exporter")
        return
    for layer in gpu.layers:
        code = layer.values.get(_KEY)
        if not code:
            continue
        old = next((one.values.get(_KEY) for one in was.layers if one.source == layer.source), None)
        if old is not None and code != old:
            yield _evidence(gpu, int(code), at, 1, f"last value of {layer.source}: repeats and quick ones are lost")
            return


def _evidence(gpu: Gpu, code: int, at: float, count: int, how: str) -> LogEvidence:
    return LogEvidence(
        kind="xid",
        at=at,
        text=f"Xid {code} ({how})",
        severity=xid_severity(code),
        timed="read",
        node=gpu.node,
        code=code,
        gpu=gpu.index,
        pci=short_address(gpu.facts.get("pci_bus_id")),
        uuid=gpu.uuid,
        details={"from": METRIC},
        repeats=count,
    )
