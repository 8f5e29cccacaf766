"""Reads the GPUs at an interval in a thread of its own, so that a request never waits for a driver.

Goes on through anything: while NVML cannot be used it says why and tries again, less and less often.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from pod.gpu import MachineReading
from pod.nvml import NvmlUnavailableError

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 60.0
LONGEST_DEADLINE_S = 1.0


class Reading(Protocol):
    """What is opened and read; `pod.nvml.Reader` is one."""

    @property
    def expected_gpus(self) -> int: ...
    def read(self, deadline_s: float) -> MachineReading: ...
    def close(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class State:
    """The newest that is known."""

    reading: MachineReading | None = None
    """None before the first round, and while NVML cannot be used."""
    error: NvmlUnavailableError | None = None
    expected_gpus: int | None = None


class Sampler:
    """Holds the newest state; safe to ask from any thread."""

    def __init__(
        self,
        open_reader: Callable[[], Reading],
        interval_s: float,
        expected_gpus: int | None = None,
        first_retry_s: float = FIRST_RETRY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`expected_gpus` is what was configured; else the first reader tells."""
        self._open = open_reader
        self._interval_s = interval_s
        self._first_retry_s = first_retry_s
        self._monotonic = monotonic
        self._state = State(expected_gpus=expected_gpus)
        self._stopping = threading.Event()
        self._first = threading.Event()
        self._closed_cleanly = True
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    @property
    def state(self) -> State:
        return self._state

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait_first(self, timeout_s: float) -> bool:
        """Wait until there is something to say, good or bad; False when time ran out first."""
        return self._first.wait(timeout_s)

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; False when a thread hangs in the driver."""
        self._stopping.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and self._closed_cleanly

    def _run(self) -> None:
        retry_s = self._first_retry_s
        while not self._stopping.is_set():
            try:
                reader = self._open()
            except NvmlUnavailableError as error:
                self._fail(error)
            else:
                retry_s = self._first_retry_s
                self._state = replace(self._state, expected_gpus=reader.expected_gpus)
                self._read_until_it_fails(reader)
                self._closed_cleanly = reader.close()
            self._stopping.wait(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    def _read_until_it_fails(self, reader: Reading) -> None:
        due = self._monotonic()
        while not self._stopping.is_set():
            try:
                reading = reader.read(min(LONGEST_DEADLINE_S, 0.8 * self._interval_s))
            except NvmlUnavailableError as error:
                self._fail(error)
                return
            self._state = State(reading, None, self._state.expected_gpus)
            self._first.set()
            # A round that took longer than the interval skips slots; it never runs two at once to catch up.
            now = self._monotonic()
            due = max(due + self._interval_s, now)
            self._stopping.wait(due - now)

    def _fail(self, error: NvmlUnavailableError) -> None:
        self._state = State(None, error, self._state.expected_gpus)
        self._first.set()
