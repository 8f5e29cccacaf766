"""Many GPUs at once: a sick one delays only itself, and is never read twice at a time."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from pod.crew import GRACE_S, Clocks, Crew, Round, Seat
from pod.driver import NvmlUnavailableError
from pod.gpu import GpuReading, Identity

CLOCKS = Clocks(lambda: 1000.0, time.monotonic)
LONG_S = 10.0


class FakeProbe:
    """Answers at once unless its gate is shut."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.gate = threading.Event()
        self.gate.set()
        self.takes_s = 0.0
        self.reads = 0
        self.inside = 0
        self.most_inside = 0
        self.error: Exception | None = None

    def read(self, at: float, ticks: float) -> GpuReading:
        """Read as the test says."""
        self.reads += 1
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.gate.wait(LONG_S)
        time.sleep(self.takes_s)
        self.inside -= 1
        if self.error is not None:
            raise self.error
        return GpuReading(Identity(self.index), at, {"reads": float(self.reads)})


class Machine:
    """A crew over fake GPUs."""

    def __init__(self, count: int) -> None:
        self.probes = [FakeProbe(index) for index in range(count)]
        self.seats = [Seat(GpuReading(Identity(probe.index), None), probe, CLOCKS) for probe in self.probes]
        self.crew = Crew(self.seats, CLOCKS)
        self.round = 0

    def read(self, deadline_s: float = LONG_S) -> Sequence[GpuReading]:
        """One round."""
        self.round += 1
        self.crew.read_all(self.round, deadline_s)
        return [seat.newest(self.round) for seat in self.seats]

    def free(self) -> None:
        """Open every gate, so that threads can end."""
        for probe in self.probes:
            probe.gate.set()


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Four GPUs."""
    made = Machine(4)
    yield made
    made.free()
    assert made.crew.close()


def test_healthy_gpus_are_all_read_by_one_thread(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four quick GPUs are fresh in each round, and one thread was enough."""
    monkeypatch.setattr("pod.crew.HEAD_START_S", LONG_S)  # a busy machine may take a while to start a thread
    first, second = machine.read(), machine.read()

    assert [1.0] * 4 == [gpu.values["reads"] for gpu in first]
    assert [(2.0, False)] * 4 == [(gpu.values["reads"], gpu.is_late) for gpu in second]
    assert 1 == len(machine.crew._threads)


def test_slow_round_of_healthy_gpus_stays_with_one_thread(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four GPUs that each come in within the head start keep one thread, however long all of them take together."""
    monkeypatch.setattr("pod.crew.HEAD_START_S", 0.1)
    for probe in machine.probes:
        probe.takes_s = 0.07

    assert [False] * 4 == [gpu.is_late for gpu in machine.read()]
    assert len(machine.crew._threads) < 3


def test_hanging_gpu_does_not_keep_the_others(machine: Machine) -> None:
    """While the first GPU hangs, the other three are read, and the round ends with the deadline."""
    machine.probes[0].gate.clear()
    began = time.monotonic()
    gpus = machine.read(deadline_s=1.0)

    assert [True, False, False, False] == [gpu.is_late for gpu in gpus]
    assert (None, {}) == (gpus[0].at, gpus[0].values)
    assert time.monotonic() - began < 0.5 * LONG_S


def test_all_but_one_hanging_leaves_that_one(machine: Machine) -> None:
    """Three GPUs hang; the last still gets a thread."""
    for probe in machine.probes[:3]:
        probe.gate.clear()

    assert [True, True, True, False] == [gpu.is_late for gpu in machine.read(deadline_s=1.0)]


def test_gpu_that_hangs_is_not_asked_again_meanwhile(machine: Machine) -> None:
    """Rounds go on around a hanging GPU, which is inside one call only; once free, it is read in the next round."""
    machine.read()
    machine.probes[2].gate.clear()
    late = [machine.read(deadline_s=0.05)[2] for _ in range(3)][-1]
    assert (1.0, True) == (late.values["reads"], late.is_late)
    machine.probes[2].gate.set()
    # Its thread may still be on the way out of the long call during the first of these rounds.
    rounds = [machine.read()[2] for _ in range(50)]

    assert not rounds[-1].is_late
    assert 1 == machine.probes[2].most_inside


def test_slow_gpu_is_not_waited_for(machine: Machine) -> None:
    """A GPU whose last reading outlasted the deadline is read last, and the round ends without it."""
    machine.read()
    machine.seats[0]._took_s = 2 * LONG_S
    machine.probes[0].gate.clear()
    began = time.monotonic()
    gpus = machine.read(deadline_s=LONG_S)

    assert time.monotonic() - began < 0.5 * LONG_S
    assert [True, False, False, False] == [gpu.is_late for gpu in gpus]


def test_mistake_in_one_reading_shows_at_its_gpu(machine: Machine) -> None:
    """A probe that raises something unexpected keeps its GPU's numbers and says so there; others are read."""
    machine.read()
    machine.probes[1].error = ValueError("oops")
    gpus = machine.read()

    assert "reader failed: ValueError('oops')" == gpus[1].error
    assert [2.0, 1.0, 2.0, 2.0] == [gpu.values["reads"] for gpu in gpus]


def test_driver_that_is_gone_is_raised(machine: Machine) -> None:
    """When a probe finds NVML gone, asking for the readings raises that."""
    machine.probes[3].error = NvmlUnavailableError(9, "gone")

    with pytest.raises(NvmlUnavailableError, match="gone"):
        machine.read()


def test_close_says_when_a_thread_hangs() -> None:
    """A crew with a thread inside the driver cannot be closed cleanly."""
    machine = Machine(2)
    machine.probes[0].gate.clear()
    machine.read(deadline_s=0.05)

    assert not machine.crew.close()
    machine.free()


def test_newcomer_that_hangs_costs_less_than_the_deadline(machine: Machine) -> None:
    """In the first round, a GPU far behind the others is given up before the deadline: first numbers come early."""
    machine.probes[1].gate.clear()
    began = time.monotonic()
    gpus = machine.read(deadline_s=LONG_S)

    assert time.monotonic() - began < 0.5 * LONG_S
    assert [False, True, False, False] == [gpu.is_late for gpu in gpus]


class Trickle(Round):
    """A round of newcomers of which one comes in at each of the first looks, and one never does."""

    def __init__(self, *done: int) -> None:
        super().__init__(1, 0.0, [], [])
        self._done_then = [*done]
        self.waited_s = 0.0

    def progress(self) -> tuple[int, bool]:
        """How many have been read by this look."""
        return (self._done_then.pop(0) if len(self._done_then) > 1 else self._done_then[0]), True

    def wait(self, timeout_s: float) -> bool:
        """Nobody waits in truth."""
        self.waited_s += timeout_s
        return False


def test_a_newcomer_is_waited_for_one_grace_after_the_last_of_the_others(machine: Machine) -> None:
    """Two come in at the first two looks; from then on one grace, not one that begins anew where the first ended."""
    trickle = Trickle(5, 6, 7)
    machine.crew._await(trickle, end=CLOCKS.monotonic() + LONG_S)

    assert GRACE_S < trickle.waited_s < 1.5 * GRACE_S
