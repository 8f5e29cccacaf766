"""GpuState: everything one simulated GPU shows at one moment, consistent with itself.

Energy is the integral of power; temperature follows power with a lag; clocks fall as power nears the limit and the
clock-event bits say why; memory adds up to the board's.
"""

from __future__ import annotations

from typing import NamedTuple

from app.domain.frozen import frozen
from app.sim.timeline import NOTHING, Stretch, Timeline, Totals, memory_share, warmth
from app.sim.waves import HUM_S, Wave

IDLE_BIT, POWER_CAP_BIT, HW_SLOWDOWN_BIT, SW_THERMAL_BIT, HW_THERMAL_BIT, POWER_BRAKE_BIT = 1, 4, 8, 0x20, 0x40, 0x80
EMPTY_MIB = 4
"""Device memory in use when nobody uses the GPU."""
_CAP_SHARE = 0.955
"""Share of the power limit from which the driver holds the clocks down."""
_CLOCK_STEP = 15
_LONG_AGO_S = 8 * 86400.0


class Xid(NamedTuple):
    """An Xid event."""

    code: int
    at: float


class GpuState(NamedTuple):
    """What the driver says; units are the exporter's. What is well by default comes last."""

    sm_clock: int
    memory_clock: int
    memory_temperature: float
    temperature: float
    power: float
    energy_mj: float
    pstate: int
    pcie_replays: int
    utilization: float
    memory_utilization: float
    memory_free: int
    memory_used: int
    remapped_correctable: int
    power_violation_ns: float
    clock_events: int
    sbe_volatile: int
    sbe_aggregate: int
    margin: float
    pcie_gen: int
    engine_active: float
    sm_active: float
    sm_occupancy: float
    tensor_active: float
    dram_active: float
    fp32_active: float
    pcie_tx: float
    pcie_rx: float
    nvlink: float
    """Bytes a second, each way: collectives send what they receive."""
    remapped_uncorrectable: int = 0
    remap_failure: int = 0
    remap_pending: int = 0
    xid: int = 0
    thermal_violation_ns: float = 0.0
    dbe_volatile: int = 0
    dbe_aggregate: int = 0
    pcie_width: int = 16
    nvlink_crc: int = 0
    nvlink_replays: int = 0
    nvlink_recoveries: int = 0
    xids: tuple[Xid, ...] = ()
    """All Xids so far; not on the page as such, but what dcgm-exporter counts in its five minutes."""
    is_lost: bool = False
    """The GPU has fallen off the bus: no series of it is on the page."""


@frozen
class Pace:
    """How a fault changes the pace of work; factors of 1 change nothing."""

    active: float = 1.0
    """Factor on power above idle, and on everything that piles up with work."""
    work: float = 1.0
    """Factor on what gets done: tensor and memory activity, traffic."""
    clock: float = 1.0
    utilization: float | None = None
    """What utilisation says instead: 100 for a rank that spins while it waits, 0 for one that stands still."""
    frees_memory: bool = False
    """The process is gone."""


class Strain(NamedTuple):
    """What all faults together do to a GPU's work at one moment."""

    pace: Pace
    heat: float
    """Factor on the warmth that work alone would have left."""
    lost: Totals
    """What did not pile up because of them."""


CALM = Strain(Pace(), 1.0, NOTHING)


def gpu_state(line: Timeline, t: float, hum: Wave, per_wall: float, strain: Strain = CALM) -> GpuState:
    """The state of a GPU at `t`, marks of faults still missing.

    `per_wall` scales what piles up (1 / speed), so that a counter's growth over a real second is the rate shown.
    """
    now, gpu, board, pace = line.stretch(t), line.gpu, line.gpu.board, strain.pace
    load, (noise, other) = now.leg.run.load, _noise(hum, int(t // 1) + gpu.offset)
    activity = now.leg.run.activity(t) * pace.active
    power = gpu.idle_w + now.span_w * activity + load.jitter_w * noise
    busy = _utilization(now, activity, pace, noise)
    used, is_empty = _memory(now, t, pace, board.memory_mib - board.reserved_mib)
    events = (IDLE_BIT if busy == 0 else 0) | (POWER_CAP_BIT if power >= _CAP_SHARE * board.limit_w else 0)
    degrees = gpu.inlet_c + board.degrees_per_w * (gpu.idle_w + warmth(now, t) * strain.heat)
    totals, errors = line.totals(t), int((t + _LONG_AGO_S) / gpu.sbe_every_s)
    done, traffic = (activity * pace.work * (1.0 + spread * other) for spread in (0.02, 0.12))
    return GpuState(
        sm_clock=board.idle_clock_mhz if is_empty else _clock(board.clock_mhz, power / board.limit_w, events, pace),
        memory_clock=board.idle_memory_clock_mhz if is_empty else board.memory_clock_mhz,
        memory_temperature=degrees + gpu.memory_c if board.has_memory_sensor else 0.0,
        temperature=degrees,
        margin=board.work_c - degrees,
        power=power,
        energy_mj=(gpu.energy_j + (line.rest_j(now, t) + totals.work_j - strain.lost.work_j) * per_wall) * 1000.0,
        pstate=board.idle_pstate if is_empty else 0,
        utilization=busy,
        memory_utilization=min(100.0, 92.0 * load.dram * done),
        memory_free=board.memory_mib - board.reserved_mib - used,
        memory_used=used,
        remapped_correctable=gpu.rows,
        power_violation_ns=(totals.capped_s - strain.lost.capped_s) * per_wall * 1e9,
        clock_events=events,
        sbe_volatile=errors,
        sbe_aggregate=errors * 3,
        pcie_replays=gpu.replays,
        pcie_gen=board.idle_pcie_gen if is_empty else board.pcie_gen,
        engine_active=min(1.0, busy * 0.0101),
        sm_active=_share(load.sm * done),
        sm_occupancy=_share(load.occupancy * done),
        tensor_active=_share(load.tensor * done),
        dram_active=_share(load.dram * done),
        fp32_active=_share(load.fp32 * done),
        pcie_tx=load.pcie_tx * traffic + 4e5,
        pcie_rx=load.pcie_rx * traffic + 7e5,
        nvlink=load.nvlink * traffic,
    )


def _noise(hum: Wave, second: int) -> tuple[float, float]:
    """Two numbers that have nothing to do with each other; the first is the one that energy integrates."""
    return hum.values[second & (HUM_S - 1)], hum.values[(second + 1777) & (HUM_S - 1)]


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _utilization(now: Stretch, activity: float, pace: Pace, noise: float) -> float:
    """Share of the last second with a kernel running, percent, whole as the driver gives it."""
    load = now.leg.run.load
    if not load.top:
        return 0.0
    if pace.utilization is not None:
        return pace.utilization
    if activity < 0.05:
        return 0.0
    return float(round(min(100.0, max(0.0, load.top * min(1.0, activity / load.knee) + 0.9 * noise))))


def _memory(now: Stretch, t: float, pace: Pace, room_mib: int) -> tuple[int, bool]:
    """Memory in use, MiB, and whether nobody holds any."""
    share = 0.0 if pace.frees_memory else memory_share(now, t)
    return (max(EMPTY_MIB, int(share * room_mib)), False) if share else (EMPTY_MIB, True)


def _clock(highest: int, load: float, events: int, pace: Pace) -> int:
    """The SM clock, in the driver's steps: boost that gives way as power nears the limit."""
    clock = highest * (1.0 - 0.1 * max(0.0, load - 0.7) / 0.3) * pace.clock
    if events & POWER_CAP_BIT:
        clock *= 0.86
    return int(clock / _CLOCK_STEP) * _CLOCK_STEP
