"""What a device must be able to do to be burnt in: the seam between the phases and the two engines, plain and torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol  # noqa: UP035 - the nodes' Python may be 3.8

BLOCK_BYTES = 65536
"""Memory is checked in blocks; all words of a block hold the same value."""
Words = Callable[[int], int]
"""The value of the 64-bit words of a block, by its number."""


class Load(Protocol):
    """Work that is repeated and timed."""

    def step(self) -> float:
        """Do it once, to its end, and return how much it was: floating point operations, or bytes."""


class Matmul(Load, Protocol):
    """Matrix multiplication, the same one again and again."""

    def differences(self) -> int:
        """Elements of the last result that are not, bit for bit, those of the first one."""


class Reduction(Load, Protocol):
    """All-reduce among processes; `step` returns the bytes that went over each one's bus.

    All take equally many steps.
    """

    def agree(self, number: int) -> int:
        """The sum of everybody's number: what all know alike."""

    def wrong(self) -> int:
        """Elements of the last sum that are wrong."""

    def close(self) -> None:
        """Let the others go."""


@dataclass(frozen=True)
class Mismatches:
    """What a check of memory found."""

    count: int
    """64-bit words that do not hold what was written."""
    first: tuple[int, ...]
    """Byte addresses of the first of them, within the piece that was checked."""


class Memory(Protocol):
    """A piece of a device's memory."""

    blocks: int

    def fill(self, words: Words) -> None:
        """Write every word."""

    def check(self, words: Words) -> Mismatches:
        """Read every word back."""


@dataclass(frozen=True)
class Meeting:
    """Where processes find each other."""

    rank: int
    size: int
    address: str
    port: int
    token: str
    """Shared secret; who does not know it is sent away."""
    timeout_s: float


@dataclass(frozen=True)
class Place:
    """Which process this is among all of them."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    """Processes of this node."""


class Engine(Protocol):
    """One device and how it is put to work."""

    name: str
    """`plain` or `torch`."""
    kind: str
    """`cuda` or `cpu`."""
    model: str
    uuid: str | None
    bus_id: str | None

    def precisions(self) -> tuple[str, ...]:
        """What it multiplies in, the one for the sustained load last."""

    def matmul(self, precision: str) -> Matmul:
        """A multiplication that takes some hundredths of a second."""

    def copy(self) -> Load:
        """A copy within the device's memory; bytes read and written both count."""

    def read(self) -> Load:
        """A read of the device's memory."""

    def memory(self) -> Memory:
        """As much memory as may be taken, to be written and read back."""

    def to_device(self) -> Load | None:
        """A copy from pinned host memory; None where the device is the host."""

    def from_device(self) -> Load | None:
        """The other way."""

    def meet(self, place: Place, world: Meeting) -> None:
        """Prepare to reduce with the other processes; all of them come, or none."""

    def reduction(self, scope: str, place: Place, world: Meeting) -> Reduction:
        """An all-reduce among those of this `node`, or of `all`."""

    def forget(self) -> None:
        """Give memory back between two phases."""

    def close(self) -> None:
        """Leave the other processes; after that the engine is of no use."""
