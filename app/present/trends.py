"""Recent values of one metric of every GPU, for sparklines: a short memory filled from snapshots as they come.

Values are kept in equal buckets of time. A bucket in which a GPU had no value is None, so a gap stays a gap. Kept are
single-precision numbers: thousands of GPUs with ten minutes each must fit into a few megabytes.
"""

from __future__ import annotations

from array import array
from math import isnan, nan

from app.domain.pieces import Pieces, whole
from app.domain.series import Series
from app.domain.snapshot import Gpu, Snapshot
from app.domain.values import believed

_AT_ONCE = 128
"""Nodes looked at in one piece: two milliseconds."""


class Trends:
    """The last `keep` buckets of `step_s` seconds each, of one metric, for each GPU."""

    def __init__(self, metric: str = "gpu.utilization", step_s: float = 5.0, keep: int = 120) -> None:
        self.metric = metric
        self.step_s = step_s
        self._keep = keep
        self._bucket: int | None = None
        self._values: dict[tuple[str, int], array[float]] = {}
        self._told: dict[tuple[str, int], tuple[float | None, ...]] = {}

    def add(self, snapshot: Snapshot, now: float) -> bool:
        """Take the values of a snapshot if a new bucket has begun; whether it had."""
        return whole(self.adding(snapshot, now))

    def adding(self, snapshot: Snapshot, now: float) -> Pieces[bool]:
        """As `add`, some nodes a piece."""
        bucket = int(now // self.step_s)
        if self._bucket is not None and bucket <= self._bucket:
            return False
        skipped = 0 if self._bucket is None else min(bucket - self._bucket - 1, self._keep)
        self._bucket = bucket
        self._told.clear()
        for count, node in enumerate(snapshot.nodes.values(), 1):
            for gpu in node.gpus:
                self._append(gpu, skipped, now)
            if count % _AT_ONCE == 0:
                yield
        if len(self._values) > 2 * sum(len(node.gpus) for node in snapshot.nodes.values()):
            present = {(gpu.node, gpu.index) for gpu in snapshot.gpus()}
            self._values = {key: kept for key, kept in self._values.items() if key in present}
        return True

    def _append(self, gpu: Gpu, skipped: int, now: float) -> None:
        """Keep a GPU's value, behind the gap of buckets in which nobody looked."""
        kept = self._values.get((gpu.node, gpu.index))
        if kept is None:
            kept = self._values[gpu.node, gpu.index] = array("f")
        elif skipped:
            kept.extend([nan] * skipped)
        kept.append(nan if gpu.is_lost else believed(gpu.layers, now).get(self.metric, nan))
        if len(kept) > self._keep:
            del kept[: len(kept) - self._keep]

    def seed(self, node: str, index: int, series: Series) -> None:
        """Begin a GPU's memory with stored history, replacing what is there."""
        means = (nan if point.mean is None else point.mean for point in series.points[-self._keep :])
        self._values[node, index] = array("f", means)
        self._told.pop((node, index), None)

    def of(self, node: str, index: int) -> tuple[float | None, ...]:
        """A GPU's recent values, oldest first; empty where there are none. The same object while they are the same."""
        told = self._told.get((node, index))
        if told is None:
            kept = self._values.get((node, index), ())
            told = self._told[node, index] = tuple([None if isnan(value) else value for value in kept])
        return told

    def clear(self) -> None:
        """Forget everything, as when the clock jumps to another time."""
        self._bucket = None
        self._values.clear()
        self._told.clear()
