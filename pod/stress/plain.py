"""The engine that needs nothing but Python: a processor core, its memory, and TCP among the processes.

It is slow at arithmetic and says so by its figures. Its use is to run the whole flow where there is no torch, and to
compare the hosts of a cluster with each other; of a GPU it says nothing.
"""

from __future__ import annotations

import platform
from operator import mul
from pathlib import Path

from pod.stress.engine import BLOCK_BYTES, Load, Matmul, Meeting, Memory, Mismatches, Place, Reduction, Words
from pod.stress.patterns import MOST_ADDRESSES
from pod.stress.ring import WORD, Ring, join

_SIDE = 96
"""Rows and columns of the matrices: some hundredths of a second."""
_COPY_BYTES = 32 * 1024 * 1024
_CHECK_BYTES = 8 * 1024 * 1024
_REDUCE_WORDS = 32 * 1024
"""Of each process's share of the ring."""
_CPUINFO = Path("/proc/cpuinfo")


class PlainMatmul:
    """Two matrices of floats, multiplied row by column."""

    def __init__(self, side: int = _SIDE) -> None:
        numbers = [((7 * at) % 97) / 97 for at in range(side * side)]
        self._rows = [numbers[at * side : (at + 1) * side] for at in range(side)]
        self._columns = [numbers[at::side] for at in range(side)]
        self.last = self._multiply()
        self._first = self.last

    def _multiply(self) -> list[list[float]]:
        return [[sum(map(mul, row, column)) for column in self._columns] for row in self._rows]

    def step(self) -> float:
        self.last = self._multiply()
        return 2.0 * len(self._rows) ** 3

    def differences(self) -> int:
        side = range(len(self._rows))
        return sum(1 for row in side for at in side if self.last[row][at] != self._first[row][at])


class PlainCopy:
    """Memory to memory."""

    def __init__(self, size: int = _COPY_BYTES) -> None:
        self._of, self._to = bytearray(size), bytearray(size)

    def step(self) -> float:
        memoryview(self._to)[:] = self._of
        return 2.0 * len(self._of)


class PlainRead:
    """Memory searched for what is not in it."""

    def __init__(self, size: int = _COPY_BYTES) -> None:
        self._of = bytearray(size)

    def step(self) -> float:
        self._of.find(b"\x01")
        return float(len(self._of))


class PlainMemory:
    """A piece of the host's memory."""

    def __init__(self, size: int = _CHECK_BYTES) -> None:
        self.blocks = size // BLOCK_BYTES
        self.raw = bytearray(self.blocks * BLOCK_BYTES)

    def fill(self, words: Words) -> None:
        for block in range(self.blocks):
            self.raw[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = _filled(words(block))

    def check(self, words: Words) -> Mismatches:
        count = 0
        first: list[int] = []
        view = memoryview(self.raw)
        for block in range(self.blocks):
            begin = block * BLOCK_BYTES
            if view[begin : begin + BLOCK_BYTES] == _filled(words(block)):
                continue
            wanted = words(block).to_bytes(WORD, "little")
            places = range(begin, begin + BLOCK_BYTES, WORD)
            wrong = [place for place in places if view[place : place + WORD] != wanted]
            count += len(wrong)
            first += wrong[: MOST_ADDRESSES - len(first)]
        return Mismatches(count, tuple(first))


def _filled(word: int) -> bytes:
    return word.to_bytes(WORD, "little") * (BLOCK_BYTES // WORD)


class PlainReduction:
    """The ring's all-reduce of numbers whose sum is known."""

    def __init__(self, ring: Ring, words: int = _REDUCE_WORDS) -> None:
        self._ring = ring
        self._words = words * ring.size
        self._mine = self._numbers(ring.rank + 1)
        self.last = b""

    def _numbers(self, factor: int) -> bytes:
        """1 to 256 times the factor, again and again."""
        return b"".join((factor * (at + 1)).to_bytes(WORD, "little") for at in range(256)) * (self._words // 256)

    def step(self) -> float:
        self.last = self._ring.all_reduce(self._mine)
        return 2.0 * (self._ring.size - 1) / self._ring.size * len(self._mine)

    def wrong(self) -> int:
        wanted = self._numbers(self._ring.size * (self._ring.size + 1) // 2)
        places = range(0, len(wanted), WORD)
        return 0 if wanted == self.last else sum(wanted[at : at + WORD] != self.last[at : at + WORD] for at in places)

    def agree(self, number: int) -> int:
        mine = number.to_bytes(WORD, "little") * self._ring.size
        return int.from_bytes(self._ring.all_reduce(mine)[:WORD], "little")

    def close(self) -> None:
        self._ring.close()


class PlainEngine:
    """One core of this host."""

    name = "plain"
    kind = "cpu"
    uuid: str | None = None
    bus_id: str | None = None

    def __init__(self) -> None:
        self.model = cpu_model()

    def precisions(self) -> tuple[str, ...]:
        return ("fp64",)

    def matmul(self, precision: str) -> Matmul:
        del precision
        return PlainMatmul()

    def copy(self) -> Load:
        return PlainCopy()

    def read(self) -> Load:
        return PlainRead()

    def memory(self) -> Memory:
        return PlainMemory()

    def to_device(self) -> Load | None:
        return None

    def from_device(self) -> Load | None:
        return None

    def meet(self, place: Place, world: Meeting) -> None:
        """Nothing is to be prepared: each ring is closed by itself."""

    def reduction(self, scope: str, place: Place, world: Meeting) -> Reduction:
        if scope == "all":
            return PlainReduction(
                join(Meeting(place.rank, place.size, world.address, world.port, world.token, world.timeout_s))
            )
        here = Meeting(place.local_rank, place.local_size, "127.0.0.1", world.port + 1, world.token, world.timeout_s)
        return PlainReduction(join(here))

    def forget(self) -> None:
        """Python gives it back by itself."""

    def close(self) -> None:
        """Each ring is closed already."""


def cpu_model(source: Path = _CPUINFO) -> str:
    """What /proc/cpuinfo calls the processor."""
    try:
        lines = source.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return named[0] if named and named[0] else platform.machine() or "processor"
