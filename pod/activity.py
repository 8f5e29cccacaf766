"""What a GPU's engines really did between two readings, from NVML's performance monitor (GPM; Hopper and newer)."""

from collections.abc import Mapping

from pod import driver
from pod.asker import Asker

LEAST_SPAN_S = 0.1
"""NVML refreshes its samples no faster; two closer ones would say nothing."""


class Activity:
    """Activity of one GPU, or of one of its MIG instances; belongs to that GPU's thread."""

    def __init__(self, of: driver.Handle, table: Mapping[int, tuple[str, float]], instance: int | None = None) -> None:
        """Prepare to read `table`: GPM metric to family and scale; raises UnsupportedError without a monitor."""
        self._families = tuple(table.values())
        self._samples = driver.GpmSamples(of, tuple(table), instance)
        self._sampled: float | None = None
        self._values: dict[str, float] = {}

    def read(self, ticks: float) -> dict[str, float]:
        """Families since the last reading; empty at the first, which has nothing to compare with."""
        if self._sampled is not None and ticks - self._sampled < LEAST_SPAN_S:
            return self._values
        first = self._sampled is None
        self._samples.take()
        self._sampled = ticks
        if first:
            return {}
        metrics = zip(self._families, self._samples.metrics(), strict=True)
        self._values = {name: value * scale for (name, scale), value in metrics if value is not None}
        return self._values

    def close(self) -> None:
        """Give the samples' memory back; the driver may be gone by then, and that is fine."""
        try:
            self._samples.free()
        except (driver.UnsupportedError, driver.LostError, driver.CallError, driver.NvmlUnavailableError):
            return


class ActivityOfGpu:
    """Opens the monitor when it can, and leaves it alone where there is none."""

    def __init__(self, table: Mapping[int, tuple[str, float]], instance: int | None = None) -> None:
        self._table = table
        self._instance = instance
        self._key = ("gpm", instance)
        self._open: Activity | None = None

    def read(self, of: driver.Handle, asker: Asker, ticks: float) -> dict[str, float]:
        """Families of the monitor; empty where the GPU has none. Raises Lost."""
        if not asker.is_awake(self._key, ticks):
            return {}
        try:
            self._open = self._open or Activity(of, self._table, self._instance)
            return self._open.read(ticks)
        except driver.UnsupportedError:
            self.close()
            asker.put_to_sleep(self._key, ticks)
        except driver.CallError as error:
            self.close()
            asker.note(error)
        return {}

    def close(self) -> None:
        """Forget the samples: the handle they belong to is no more."""
        if self._open is not None:
            self._open.close()
            self._open = None
