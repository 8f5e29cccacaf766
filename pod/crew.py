"""Reads many GPUs at once, so that a sick one delays only itself.

A round starts with one thread that reads the GPUs in turn, which costs least: threads that run side by side fight over
the interpreter's lock at every call. Whenever no GPU came in within a head start, because one is slow or hangs, another
thread takes over those that are left; at worst there is a thread a GPU.
"""

import dataclasses
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from pod.driver import NvmlUnavailableError
from pod.gpu import GpuReading

HEAD_START_S = 0.005
"""How long the other GPUs wait for one: a healthy one has finished by then, or is waiting for its driver."""
GRACE_S = 0.2
"""How long GPUs that were never read yet may be behind the others before the round goes on without them."""
_GLANCES = 5
"""It is looked so often within that whether others came in: the grace begins with the last of them."""
LEAVE_S = 0.2
"""How long closing waits for a thread that is inside the driver."""


class Probing(Protocol):
    """What reads one GPU."""

    def read(self, at: float, ticks: float) -> GpuReading: ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks a reading needs."""

    epoch: Callable[[], float]
    monotonic: Callable[[], float]


class Seat:
    """One GPU and its newest finished reading; read by one thread at a time."""

    def __init__(self, first: GpuReading, probe: Probing, clocks: Clocks) -> None:
        """`first` is what is known before the first reading: an index and nothing else."""
        self._probe = probe
        self._clocks = clocks
        self._lock = threading.Lock()
        self._newest = first
        self._answered_round = 0
        self._took_s = 0.0
        self._is_busy = False
        self._failure: NvmlUnavailableError | None = None

    def claim(self) -> bool:
        """Reserve it for a reading; False while one is still under way."""
        with self._lock:
            was_busy, self._is_busy = self._is_busy, True
            return not was_busy

    def is_new(self) -> bool:
        """Whether it was never read, so that nobody knows how long it takes."""
        with self._lock:
            return self._answered_round == 0

    def is_slow(self, deadline_s: float) -> bool:
        """Whether its last reading took longer than the deadline, so that waiting for it makes no sense."""
        with self._lock:
            return self._took_s >= deadline_s

    def read(self, round_number: int, at: float) -> None:
        """Read now, whatever happens; ends the claim. `at`: when the round began, in epoch seconds."""
        began = self._clocks.monotonic()
        reading: GpuReading | None = None
        failure: NvmlUnavailableError | None = None
        try:
            reading = self._probe.read(at, began)
        except NvmlUnavailableError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a mistake in reading one GPU must show there, not silence all
            reading = dataclasses.replace(self._newest, error=f"reader failed: {error!r}")
        with self._lock:
            self._newest = reading or self._newest
            self._failure = failure
            self._answered_round = round_number
            self._took_s = self._clocks.monotonic() - began
            self._is_busy = False

    def newest(self, round_number: int) -> GpuReading:
        """The newest finished reading, late unless it was made for this round. Raises what made NVML unusable."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            is_late = self._answered_round < round_number
            return dataclasses.replace(self._newest, is_late=True) if is_late else self._newest


class Round:
    """The seats to read now, handed out one by one; over when all that are waited for have been read."""

    def __init__(self, number: int, at: float, quick: Sequence[Seat], slow: Sequence[Seat]) -> None:
        self.number = number
        self.at = at
        """When it began, in epoch seconds: all that it reads stands under one time."""
        self._lock = threading.Lock()
        self._left = deque((*quick, *slow))
        self._awaited = set(quick)
        self._done = 0
        self._over = threading.Event()
        if not quick:
            self._over.set()

    def take(self) -> Seat | None:
        """The next seat to read."""
        with self._lock:
            return self._left.popleft() if self._left else None

    def finished(self, seat: Seat) -> None:
        """This seat has been read."""
        with self._lock:
            self._awaited.discard(seat)
            self._done += 1
            if not self._awaited:
                self._over.set()

    def progress(self) -> tuple[int, bool]:
        """How many have been read, and whether only new ones are still awaited."""
        with self._lock:
            return self._done, all(seat.is_new() for seat in self._awaited)

    def has_left(self) -> bool:
        """Whether seats wait for a thread."""
        with self._lock:
            return bool(self._left)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the round is over; False when time ran out first."""
        return self._over.wait(timeout_s)


class Crew:
    """The threads that read; they are daemons, since one that hangs in the driver cannot be ended."""

    def __init__(self, seats: Sequence[Seat], clocks: Clocks) -> None:
        self._seats = tuple(seats)
        self._clocks = clocks
        self._inbox: SimpleQueue[Round | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads: list[threading.Thread] = []

    def read_all(self, number: int, deadline_s: float) -> None:
        """Have every idle seat read, and wait for those that are usually quick, until the deadline."""
        end = self._clocks.monotonic() + deadline_s
        idle = [seat for seat in self._seats if seat.claim()]
        slow = [seat for seat in idle if seat.is_slow(deadline_s)]
        work = Round(number, self._clocks.epoch(), [seat for seat in idle if seat not in slow], slow)
        head_start_s = min(HEAD_START_S, deadline_s / (2 * max(len(idle), 1)))
        self._send(work)
        before = 0
        # Slow seats come last and nobody waits for them, but somebody must have taken them.
        while work.has_left() and self._clocks.monotonic() < end:
            work.wait(head_start_s)
            done, _ = work.progress()
            if done == before and work.has_left():
                self._send(work)
            before = done
        self._await(work, end)

    def _await(self, work: Round, end: float) -> None:
        """Wait for the rest of a round, but for newcomers only while others still come in."""
        before, _ = work.progress()
        quiet = 0
        while (left_s := end - self._clocks.monotonic()) > 0 and not work.wait(min(left_s, GRACE_S / _GLANCES)):
            done, only_new = work.progress()
            quiet = quiet + 1 if done == before > 0 else 0
            if only_new and quiet == _GLANCES:
                return
            before = done

    def close(self) -> bool:
        """Send the threads home; False when one hangs in the driver."""
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            thread.join(LEAVE_S)
        return not any(thread.is_alive() for thread in self._threads)

    def _send(self, work: Round) -> None:
        """Give the round to one more thread, a new one if all are stuck."""
        with self._lock:
            if self._idle == 0 and len(self._threads) < len(self._seats):
                thread = threading.Thread(target=self._work, name=f"nvml-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                self._idle += 1
                thread.start()
        self._inbox.put(work)

    def _work(self) -> None:
        while (work := self._inbox.get()) is not None:
            with self._lock:
                self._idle -= 1
            while (seat := work.take()) is not None:
                seat.read(work.number, work.at)
                work.finished(seat)
            with self._lock:
                self._idle += 1
