"""The sampler goes on through anything."""

import threading
from collections.abc import Iterator

from pod.driver import NvmlUnavailableError
from pod.gpu import MachineReading
from pod.sampler import Sampler

PATIENCE_S = 60.0


class FakeReader:
    """Gives rounds until told to fail."""

    expected_gpus = 2

    def __init__(self, rounds: int | None = None) -> None:
        self._left = rounds
        self.read_twice = threading.Event()
        self._number = 0
        self.is_closed = False

    def read(self, deadline_s: float) -> MachineReading:
        """One round, or the driver's end."""
        if self._left == self._number:
            raise NvmlUnavailableError(9, "driver gone")
        self._number += 1
        if self._number >= 2:
            self.read_twice.set()
        return MachineReading(self._number, 1000.0, "580", None, (), 2)

    def close(self) -> bool:
        """Done with."""
        self.is_closed = True
        return True


def test_newest_round_is_there_for_everyone() -> None:
    """Asking returns what the last round said, however many ask."""
    reader = FakeReader()
    sampler = Sampler(lambda: reader, interval_s=0.001)
    sampler.start()
    assert reader.read_twice.wait(PATIENCE_S)
    state = sampler.state

    assert state.reading is not None
    assert (None, 2) == (state.error, state.expected_gpus)
    assert sampler.stop(PATIENCE_S)
    assert reader.is_closed


def test_driver_that_goes_and_comes_back() -> None:
    """A reader that fails is closed and its reason kept; the next one's rounds replace it."""
    readers: Iterator[FakeReader] = iter((first := FakeReader(rounds=1), second := FakeReader()))
    sampler = Sampler(lambda: next(readers), interval_s=0.001, first_retry_s=0.001)
    sampler.start()
    assert second.read_twice.wait(PATIENCE_S)

    assert first.is_closed
    assert sampler.state.error is None
    assert sampler.stop(PATIENCE_S)


def test_machine_without_nvml_says_why() -> None:
    """Without NVML there is no reading, only the reason and the configured count, and stopping works at once."""

    def refuse() -> FakeReader:
        raise NvmlUnavailableError(12, "no library")

    sampler = Sampler(refuse, interval_s=1.0, expected_gpus=8)
    sampler.start()
    assert sampler.wait_first(PATIENCE_S)
    state = sampler.state

    assert (None, 8) == (state.reading, state.expected_gpus)
    assert state.error is not None
    assert str(state.error).startswith("no library")
    assert sampler.stop(PATIENCE_S)


def test_last_error_is_kept_until_a_round_succeeds() -> None:
    """Between a failure and the next round, the state has the reason and no old reading."""
    failed = threading.Event()

    def open_reader() -> FakeReader:
        if failed.is_set():
            raise NvmlUnavailableError(9, "still gone")
        failed.set()
        return FakeReader(rounds=1)

    sampler = Sampler(open_reader, interval_s=0.001, first_retry_s=PATIENCE_S)
    sampler.start()
    while sampler.state.error is None:
        assert sampler.wait_first(PATIENCE_S)
    state = sampler.state

    assert (None, 2) == (state.reading, state.expected_gpus)
    assert sampler.stop(PATIENCE_S)
