"""Values for the store's benchmark: GPUs at work, idle and serving, and the plain random walk of other measurements.

Cheap enough to make a day of them, and no friendlier to a compressor than real ones: noise is independent from GPU to
GPU, and nothing but what is constant on a real board is constant here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.apply import Change
from app.domain.series import Subject
from app.domain.snapshot import Layer

KEYS = (
    "gpu.utilization",
    "gpu.memory_utilization",
    "gpu.temperature",
    "gpu.memory_temperature",
    "gpu.power",
    "gpu.sm_clock",
    "gpu.memory_clock",
    "gpu.memory_used",
    "gpu.memory_free",
    "gpu.pcie_tx",
    "gpu.pcie_rx",
    "gpu.nvlink_tx",
    "gpu.nvlink_rx",
    "gpu.sm_active",
    "gpu.tensor_active",
    "gpu.dram_active",
    "gpu.energy",
    "gpu.pcie_replay",
    "gpu.ecc_dbe_volatile",
    "gpu.xid_last",
)
GPUS_OF_NODE = 8
_NOISE = 1 << 14


@dataclass(slots=True)
class _Board:
    """One GPU's state between ticks."""

    mode: str
    phase: int
    stride: int
    until: int
    temperature: float = 40.0
    energy: float = 0.0


class Realistic:
    """Training in step with check-point dips, serving by request arrivals, idling; modes change every few hours."""

    def __init__(self, gpus: int, interval_s: float, seed: int = 1) -> None:
        self._dice = random.Random(seed)
        self._interval_s = interval_s
        self._noise = [self._dice.gauss(0, 1) for _ in range(_NOISE)]
        self._boards = [self._board(gpu) for gpu in range(gpus)]

    def _board(self, gpu: int) -> _Board:
        node = random.Random(gpu // GPUS_OF_NODE)
        mode = node.choice(("train", "train", "serve", "idle"))
        dice = self._dice
        return _Board(
            mode,
            dice.randrange(_NOISE),
            dice.randrange(1, 97, 2),
            dice.randrange(400, 6000),
            40.0,
            dice.uniform(1e6, 1e9),
        )

    def tick(self, number: int) -> Iterator[tuple[float, ...]]:
        """The values of every GPU, in the order of KEYS."""
        noise, size = self._noise, _NOISE - 8
        for board in self._boards:
            if number >= board.until:
                board.mode = self._dice.choice(("train", "train", "serve", "idle"))
                board.until = number + self._dice.randrange(400, 6000)
            place = (board.phase + number * board.stride) % size
            n0, n1, n2, n3, n4 = noise[place : place + 5]
            if board.mode == "train":
                dip = number % 120 > 116
                power = 250 + 30 * n0 if dip else 620 + 25 * n0
                activity = (
                    (abs(20 * n1), 3.0, 4.0, 5.0)
                    if dip
                    else (99 + (n1 > 1) - (n1 < -1), 90 + 2.5 * n2, 42 + 3 * n3, 35 + 2 * n4)
                )
                memory, clock, link, bus = (
                    71423.0,
                    1980.0 - (15 * int(abs(n2) * 4) if n3 > 0 else 0),
                    150e9 + 8e9 * n4,
                    2e9 + 3e8 * n1,
                )
            elif board.mode == "serve":
                power = 250 + abs(80 * n0)
                activity = (min(100.0, abs(40 * n1) // 1), abs(40 * n2) % 100, abs(8 * n3), abs(30 * n4))
                memory, clock, link, bus = 74210.0, 1980.0, abs(1e9 * n1), abs(5e8 * n2)
            else:
                power, activity = 71.2 + 0.4 * n0, (0.0, 0.0, 0.0, 0.0)
                memory, clock, link, bus = 4.0, 345.0, 0.0, 120e3 if n1 > 1 else 0.0
            board.temperature += (32 + power / 14 - board.temperature) * 0.05 + 0.2 * n2
            board.energy += power * self._interval_s
            warm = float(round(board.temperature))
            yield (
                activity[0] // 1, activity[3] * 1.1 // 1, warm, warm + 8, power, clock, 2619.0, memory, 81559 - memory,
                bus, bus * 0.7, link, link * 0.99, activity[1], activity[2], activity[3], board.energy, 3.0, 0.0, 0.0,
            )  # fmt: skip


_WALK = (
    (0, 100, 8), (0, 100, 6), (35, 90, 2), (40, 95, 2), (90, 700, 30), (1200, 1980, 60), (2600, 2619, 0),
    (1000, 80000, 300), (1000, 80000, 0), (0, 9.216e9, 4.096e8), (0, 4.096e9, 2.048e8), (0, 5.12e10, 3.072e9),
    (0, 5.12e10, 3.072e9), (0, 100, 8), (0, 100, 8), (0, 100, 8), (0, 0, 0), (0, 1, 0), (0, 0, 0), (0, 0, 0),
)  # fmt: skip
"""(lowest, highest, most a step) of each key: the random walk that the layouts were first measured with."""


class Walk:
    """Every value a random walk within its range, nothing ever frozen; energy adds up."""

    def __init__(self, gpus: int, interval_s: float, seed: int = 1) -> None:
        self._random = random.Random(seed).random
        self._interval_s = interval_s
        self._values = [[low + (high - low) * self._random() for low, high, _ in _WALK] for _ in range(gpus)]

    def tick(self, number: int) -> Iterator[tuple[float, ...]]:
        """The values of every GPU, in the order of KEYS."""
        draw = self._random
        for values in self._values:
            for place, (low, high, step) in enumerate(_WALK):
                if step:
                    values[place] = min(high, max(low, values[place] + step * (2 * draw() - 1)))
            values[16] += values[4] * self._interval_s
            yield tuple(value // 1 if place not in (4, 16) else value for place, value in enumerate(values))


def changes(rows: Iterator[tuple[float, ...]], at: float, interval_s: float) -> tuple[Change, ...]:
    """Values as the board hands them to the store: one source a node, each at its own moment before the tick."""
    made = []
    for gpu, values in enumerate(rows):
        node, index = divmod(gpu, GPUS_OF_NODE)
        layer = Layer(
            f"node-{node}",
            at - (node * 37 % 1000) / 1000 * interval_s,
            interval_s,
            dict(zip(KEYS, values, strict=True)),
            10,
        )
        made.append(Change(Subject("gpu", node=f"node-{node}", index=index), layer, f"GPU-{gpu + 1:032x}"))
    return tuple(made)
