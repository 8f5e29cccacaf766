"""Marks: what a fault leaves on a GPU's values besides a change of pace. Pure; each takes the state and gives the next.

A mark is asked for every moment from the fault's start on, also after its end, because counters stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from app.domain.frozen import frozen
from app.sim.boards import Board
from app.sim.gpu import HW_SLOWDOWN_BIT, HW_THERMAL_BIT, POWER_BRAKE_BIT, SW_THERMAL_BIT, GpuState, Xid
from app.sim.waves import LAG_S

LOST_AFTER_S = 20.0
"""From Xid 79 to the moment the exporter stops listing the GPU."""
LEAK_MIB_S = 90.0
HOT_C = 92.0
THROTTLES_AFTER_S = 70.0
"""Time a GPU under load takes to climb to where it throttles."""


@frozen
class Blow:
    """A fault on one GPU, as seen at one moment `t` since its start."""

    t: float
    start: float
    end: float
    board: Board
    per_wall: float
    """What a simulated second adds to a counter (1 / speed)."""

    @property
    def holds(self) -> bool:
        """Whether the fault still acts."""
        return self.t < self.end

    @property
    def age(self) -> float:
        """Simulated seconds for which it has acted; stops at its end."""
        return min(self.t, self.end) - self.start

    @property
    def swell(self) -> float:
        """How far the temperature has followed: rises to 1 while the fault acts, falls back to 0 after."""
        risen = 1.0 - math.exp(-self.age / LAG_S)
        return risen if self.holds else risen * math.exp((self.end - self.t) / LAG_S)

    def counted(self, each_s: float) -> int:
        """Events so far, at so many a real second."""
        return int(each_s * self.age * self.per_wall)


Mark = Callable[[GpuState, Blow], GpuState]


def xid(*codes: int) -> Mark:
    """A mark that reports Xids; the last one stays in the gauge, which never clears."""

    def mark(state: GpuState, blow: Blow) -> GpuState:
        return state._replace(xid=codes[-1], xids=(*state.xids, *(Xid(code, blow.start) for code in codes)))

    return mark


def lost(state: GpuState, blow: Blow) -> GpuState:
    """Xid 79, then nothing more from this GPU."""
    state = xid(79)(state, blow)
    return state._replace(is_lost=blow.holds and blow.age >= LOST_AFTER_S)


def uncorrectable(state: GpuState, blow: Blow) -> GpuState:
    """A double-bit error: Xids 48, 63 and 94 within milliseconds, so a page only ever shows the last."""
    return xid(48, 63, 94)(state, blow)._replace(
        dbe_volatile=state.dbe_volatile + 1,
        dbe_aggregate=state.dbe_aggregate + 1,
        remapped_uncorrectable=state.remapped_uncorrectable + 1,
        remap_pending=int(blow.holds),
    )


def pending(state: GpuState, blow: Blow) -> GpuState:
    """A row is marked for remapping; a reset (the fault's end) clears the mark."""
    rows = state.remapped_uncorrectable + 1
    return xid(63)(state, blow)._replace(remapped_uncorrectable=rows, remap_pending=int(blow.holds))


def failure(state: GpuState, blow: Blow) -> GpuState:
    """No spare row is left in a bank."""
    return xid(64)(state, blow)._replace(remap_failure=1)


def hot(state: GpuState, blow: Blow) -> GpuState:
    """The die climbs to 92 °C (3 °C beyond slowdown where that is higher); clocks give way as it nears slowdown."""
    wanted = max(HOT_C, blow.board.slowdown_c + 3.0)
    risen = blow.swell
    degrees = state.temperature + max(0.0, wanted - state.temperature) * risen
    events, clock = state.clock_events, 1.0
    if degrees >= blow.board.work_c:
        events |= SW_THERMAL_BIT
        clock = 1.0 - 0.45 * min(1.0, (degrees - blow.board.work_c + 1.0) / (wanted - blow.board.work_c + 1.0))
    if degrees >= blow.board.slowdown_c:
        events |= HW_THERMAL_BIT | HW_SLOWDOWN_BIT
    return state._replace(
        temperature=degrees,
        memory_temperature=state.memory_temperature and state.memory_temperature + degrees - state.temperature,
        margin=blow.board.work_c - degrees,
        clock_events=events,
        sm_clock=int(state.sm_clock * clock / 15) * 15,
        thermal_violation_ns=state.thermal_violation_ns + max(0.0, blow.age - THROTTLES_AFTER_S) * blow.per_wall * 1e9,
    )


def braked(state: GpuState, blow: Blow) -> GpuState:
    """The power brake is asserted."""
    if not blow.holds:
        return state
    return state._replace(clock_events=state.clock_events | POWER_BRAKE_BIT | HW_SLOWDOWN_BIT)


def narrowed(state: GpuState, blow: Blow) -> GpuState:
    """The link came up with 4 lanes of 16."""
    if not blow.holds:
        return state
    return state._replace(pcie_width=4, pcie_tx=min(state.pcie_tx, 12e9), pcie_rx=min(state.pcie_rx, 12e9))


def replayed(state: GpuState, blow: Blow) -> GpuState:
    """Seven PCIe replays a second."""
    return state._replace(pcie_replays=state.pcie_replays + blow.counted(7.0))


def flaky_links(state: GpuState, blow: Blow) -> GpuState:
    """A bad NVLink: 180 CRC errors and three replays a second, a recovery every half minute, Xid 74."""
    return xid(74)(state, blow)._replace(
        nvlink_crc=state.nvlink_crc + blow.counted(180.0),
        nvlink_replays=state.nvlink_replays + blow.counted(3.0),
        nvlink_recoveries=state.nvlink_recoveries + 1 + blow.counted(1 / 30),
    )


def leaking(state: GpuState, blow: Blow) -> GpuState:
    """Memory creeps up by 90 MiB a second until there is none; then the process dies of it (a change of pace)."""
    if not blow.holds:
        return state
    grown = min(state.memory_free, int(LEAK_MIB_S * blow.age))
    return state._replace(memory_used=state.memory_used + grown, memory_free=state.memory_free - grown)
