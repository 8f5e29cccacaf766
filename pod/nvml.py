"""The NVML reader: this machine's GPUs, read in parallel with a deadline. No HTTP, no files, no printing.

    with Reader() as reader:
        machine = reader.read(deadline_s=1.0)

Used by the pod exporter and, through `app.sources.nvml`, by the local machine. Blocking: call it from a thread.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pod import driver
from pod.crew import Clocks, Crew, Seat
from pod.driver import NvmlUnavailableError
from pod.gpu import GpuReading, Identity, MachineReading
from pod.probe import Probe, ReadOptions
from pod.processes import ProcessDetails
from pod.xid import Ledger, Watch

__all__ = ["MachineReading", "NvmlUnavailableError", "ReadOptions", "Reader"]


class Reader:
    """All GPUs of this machine. One at a time; close it before opening another."""

    def __init__(
        self,
        options: ReadOptions | None = None,
        ledger: Ledger | None = None,
        *,
        epoch: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start NVML; raises NvmlUnavailableError, whose text says what to do.

        `ledger` receives Xid events; give the same one to the next reader and its counts go on.
        """
        self._options = options or ReadOptions()
        self._ledger = ledger or Ledger()
        self._clocks = Clocks(epoch, monotonic)
        self._turn = threading.Lock()
        self._is_clean: bool | None = None
        self._number = 0
        driver.initialise()
        try:
            self._driver_version, self._cuda_version = driver.versions()
            count = driver.gpu_count()
            self._watch = self._open_watch()
        except (driver.UnsupportedError, driver.LostError, driver.CallError) as error:
            driver.shut_down()
            raise NvmlUnavailableError(999, f"NVML started but does not answer: {error}") from error
        self.expected_gpus = count if self._options.expected_gpus is None else self._options.expected_gpus
        self._seats = tuple(self._seat(index) for index in range(count))
        self._crew = Crew(self._seats, self._clocks)

    def read(self, deadline_s: float) -> MachineReading:
        """Read every GPU at once and return at the latest after `deadline_s` seconds.

        A GPU that has not come back keeps its previous numbers, with their time (`at`) and `is_late`; one that is
        known to be slow is not waited for again until it is quick. Raises NvmlUnavailableError when the driver is
        gone; this reader is closed then, and another may be opened.
        """
        with self._turn:
            self._number += 1
            if self._watch is not None:
                self._watch.ensure_running()
            self._crew.read_all(self._number, deadline_s)
            try:
                gpus = tuple(seat.newest(self._number) for seat in self._seats)
            except NvmlUnavailableError:
                self.close()
                raise
            return MachineReading(
                self._number,
                self._clocks.epoch(),
                self._driver_version,
                self._cuda_version,
                gpus,
                self.expected_gpus,
                self._ledger.counts(),
            )

    def close(self) -> bool:
        """Stop the threads and NVML; False when one hangs in the driver, which then keeps NVML open until exit.

        Returns at once from healthy threads, and again what it returned when called twice.
        """
        if self._is_clean is None:
            self._is_clean = self._crew.close()
            # nvmlShutdown under a running call crashes; hung threads are daemons and end with the process.
            finish = driver.shut_down if self._is_clean else None
            if self._watch is not None:
                self._watch.close(finish)
            elif finish is not None:
                finish()
        return self._is_clean

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seat(self, index: int) -> Seat:
        probe = Probe(index, self._options, ProcessDetails(), self._watch)
        return Seat(GpuReading(Identity(index), None), probe, self._clocks)

    def _open_watch(self) -> Watch | None:
        if not self._options.events:
            return None
        try:
            return Watch(self._ledger, self._clocks.epoch)
        except (driver.UnsupportedError, driver.CallError):
            return None
