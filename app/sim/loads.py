"""Loads: what one job asks of each of its GPUs, by the kind of job.

Shapes and ranges come from public data: utilisation has two peaks (Acme: a quarter of all samples at 0, the median at
97-99 %), training moves all nodes in step (MLPerf v4.0 power tables), inference is idle most of the time but for bursts
(Alibaba GenAI), vLLM drives an H100 to 450-470 W at 97 %. No public series holds temperature, power, clocks and
throttle reasons of one GPU together, so how these go together is modelled, not replayed.
"""

from __future__ import annotations

import math
from dataclasses import field
from functools import cache
from typing import Literal

from app.domain.frozen import frozen
from app.sim.dice import Dice
from app.sim.waves import FLAT, Wave, arrivals, hum, notebook, training

JobKind = Literal["train", "serve", "notebook", "hold"]

DAY_S = 86400.0
_OMEGA = 2.0 * math.pi / DAY_S
_WAVES = 12
"""Waves of each kind; jobs share them at different phases."""


@frozen
class Load:
    """What activity 1 means in each quantity. Shares are 0-1, traffic is in bytes a second and a GPU."""

    power: float = 0.0
    """Share of the board's power limit that the board draws at activity 1."""
    knee: float = 1.0
    """Activity from which the GPU counts as always busy."""
    top: float = 0.0
    """Utilisation beyond the knee, percent; 0 for a job that holds memory and never runs a kernel."""
    memory: float = 0.0
    """Share of device memory held."""
    sm: float = 0.0
    occupancy: float = 0.0
    tensor: float = 0.0
    dram: float = 0.0
    fp32: float = 0.0
    nvlink: float = 0.0
    pcie_tx: float = 0.0
    pcie_rx: float = 0.0
    infiniband: float = 0.0
    cores: float = 0.0
    """CPU cores busy on the node for each GPU."""
    host_mib: float = 0.0
    capped: float = 0.0
    """Share of its active time that the board sits at its power limit."""
    jitter_w: float = 0.4
    """Spread of the power reading around what activity says."""


@frozen
class Run:
    """A load over time. GPUs that share a run are in step, whatever their node."""

    start: float
    end: float
    load: Load
    wave: Wave = FLAT
    base: float = 0.0
    swing: float = 0.0
    """Height of the daily swing around `base`."""
    phase: float = 0.0
    gain: float = 1.0

    def activity(self, t: float) -> float:
        """How hard the load runs at `t`: 0 (waiting) to about 1."""
        level = self.base + self.gain * self.wave.value(t - self.start)
        return level + self.swing * math.sin(_OMEGA * t + self.phase) if self.swing else level

    def lag(self, t: float) -> float:
        """The activity behind the thermal lag, once settled; a day's swing is too slow to lag."""
        level = self.base + self.gain * self.wave.lag(t - self.start)
        return level + self.swing * math.sin(_OMEGA * t + self.phase) if self.swing else level

    def area(self, since: float, until: float) -> float:
        """The integral of the activity between two moments."""
        area = self.base * (until - since)
        area += self.gain * (self.wave.area(until - self.start) - self.wave.area(since - self.start))
        if self.swing:
            area -= (
                self.swing / _OMEGA * (math.cos(_OMEGA * until + self.phase) - math.cos(_OMEGA * since + self.phase))
            )
        return area


IDLE = Run(0.0, math.inf, Load())
"""Nothing runs and nothing is held."""


@frozen
class Waves:
    """The tables that all runs of a cluster share."""

    training: tuple[Wave, ...] = field(repr=False)
    notebook: tuple[Wave, ...] = field(repr=False)
    arrivals: tuple[Wave, ...] = field(repr=False)
    hum: Wave = field(repr=False)
    """Noise of readings."""


@cache
def waves_of(seed: int) -> Waves:
    """The tables of a seed."""
    return Waves(
        tuple(training(Dice(seed, "training", n)) for n in range(_WAVES)),
        tuple(notebook(Dice(seed, "notebook", n)) for n in range(_WAVES)),
        tuple(arrivals(Dice(seed, "arrivals", n)) for n in range(_WAVES // 3)),
        hum(Dice(seed, "hum")),
    )


def draw(kind: JobKind, start: float, end: float, nodes: int, waves: Waves, dice: Dice) -> Run:
    """Draw a run of a kind; `nodes` is how many it spans."""
    match kind:
        case "train":
            return Run(start, end, _train(nodes, dice), dice.pick(waves.training))
        case "notebook":
            return Run(start, end, _notebook(dice), dice.pick(waves.notebook))
        case "serve":
            phase = dice.between(0.0, 2.0 * math.pi)
            return Run(start, end, _serve(dice), dice.pick(waves.arrivals), base=0.5, swing=0.15, phase=phase)
        case "hold":
            return Run(start, end, _hold(dice), base=dice.between(0.01, 0.07))


def _train(nodes: int, dice: Dice) -> Load:
    is_capped = dice.chance(0.2)
    return Load(
        power=0.985 if is_capped else dice.between(0.88, 0.94),
        knee=0.6,
        top=96.7,
        memory=dice.between(0.72, 0.96),
        sm=dice.between(0.82, 0.94),
        occupancy=dice.between(0.15, 0.3),
        tensor=dice.between(0.38, 0.58),
        dram=dice.between(0.35, 0.6),
        fp32=dice.between(0.03, 0.08),
        nvlink=dice.between(40e9, 140e9),
        pcie_tx=dice.between(0.5e9, 2e9) * (4 if nodes > 1 else 1),
        pcie_rx=dice.between(0.5e9, 2e9) * (4 if nodes > 1 else 1),
        infiniband=dice.between(6e9, 25e9) if nodes > 1 else 0.0,
        cores=dice.between(1.2, 2.6),
        host_mib=dice.between(20_000, 60_000),
        capped=0.9 if is_capped else 0.0,
        jitter_w=3.0,
    )


def _serve(dice: Dice) -> Load:
    return Load(
        power=dice.between(0.62, 0.7),
        knee=0.7,
        top=97.0,
        memory=0.9,
        sm=dice.between(0.55, 0.75),
        occupancy=dice.between(0.1, 0.2),
        tensor=dice.between(0.1, 0.2),
        dram=dice.between(0.5, 0.72),
        fp32=dice.between(0.02, 0.06),
        nvlink=dice.between(8e9, 30e9),
        pcie_tx=dice.between(30e6, 200e6),
        pcie_rx=dice.between(30e6, 200e6),
        cores=dice.between(0.6, 1.4),
        host_mib=dice.between(8_000, 20_000),
        jitter_w=4.0,
    )


def _notebook(dice: Dice) -> Load:
    return Load(
        power=dice.between(0.35, 0.7),
        knee=0.95,
        top=92.0,
        memory=dice.between(0.06, 0.6),
        sm=dice.between(0.4, 0.8),
        occupancy=dice.between(0.2, 0.5),
        tensor=dice.between(0.02, 0.3),
        dram=dice.between(0.2, 0.5),
        fp32=dice.between(0.05, 0.3),
        pcie_tx=dice.between(20e6, 400e6),
        pcie_rx=dice.between(50e6, 2e9),
        cores=dice.between(0.8, 3.0),
        host_mib=dice.between(4_000, 30_000),
        jitter_w=2.0,
    )


def _hold(dice: Dice) -> Load:
    return Load(
        power=0.9, memory=dice.between(0.5, 0.97), cores=0.05, host_mib=dice.between(4_000, 20_000), jitter_w=0.6
    )
