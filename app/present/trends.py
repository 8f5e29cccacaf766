"""Recent values of one metric of every GPU, for sparklines: a short memory filled from snapshots as they come.

Values are kept in equal buckets of time. A bucket in which a GPU had no value is None, so a gap stays a gap.
"""

from __future__ import annotations

from collections import deque

from app.domain.series import Series
from app.domain.snapshot import Snapshot
from app.domain.values import believed


class Trends:
    """The last `keep` buckets of `step_s` seconds each, of one metric, for each GPU."""

    def __init__(self, metric: str = "gpu.utilization", step_s: float = 5.0, keep: int = 120) -> None:
        self.metric = metric
        self.step_s = step_s
        self._keep = keep
        self._bucket: int | None = None
        self._values: dict[tuple[str, int], deque[float | None]] = {}

    def add(self, snapshot: Snapshot, now: float) -> bool:
        """Take the values of a snapshot if a new bucket has begun; whether it had."""
        bucket = int(now // self.step_s)
        if self._bucket is not None and bucket <= self._bucket:
            return False
        skipped = 0 if self._bucket is None else min(bucket - self._bucket - 1, self._keep)
        self._bucket = bucket
        known = self._values
        for gpu in snapshot.gpus():
            key = (gpu.node, gpu.index)
            kept = known.get(key)
            if kept is None:
                kept = known[key] = deque(maxlen=self._keep)
            for _ in range(skipped):
                kept.append(None)
            kept.append(None if gpu.is_lost else believed(gpu.layers, now).get(self.metric))
        if len(known) > 2 * sum(len(node.gpus) for node in snapshot.nodes.values()):
            present = {(gpu.node, gpu.index) for gpu in snapshot.gpus()}
            self._values = {key: kept for key, kept in known.items() if key in present}
        return True

    def seed(self, node: str, index: int, series: Series) -> None:
        """Begin a GPU's memory with stored history, replacing what is there."""
        kept: deque[float | None] = deque(maxlen=self._keep)
        kept.extend(point.mean for point in series.points)
        self._values[node, index] = kept

    def of(self, node: str, index: int) -> tuple[float | None, ...]:
        """A GPU's recent values, oldest first; empty where there are none."""
        return tuple(self._values.get((node, index), ()))

    def clear(self) -> None:
        """Forget everything, as when the clock jumps to another time."""
        self._bucket = None
        self._values.clear()
