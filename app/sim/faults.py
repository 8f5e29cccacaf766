"""Faults: what can go wrong in the simulated cluster, one row a kind.

Codes and numbers follow NVIDIA's Xid catalogue and what exporters show of each fault.
"""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from typing import Literal

from app.domain.frozen import frozen
from app.sim import marks
from app.sim.gpu import Pace
from app.sim.marks import Mark

Scope = Literal["gpu", "node", "page", "service", "slurm"]
"""What is hit: a GPU (and its job), a whole node, one page, a model server, what Slurm says."""
PageFault = Literal["hang", "slow", "500", "garbage", "down", "stale"]
Bound = Literal["board", "job", "death"]
"""What the change of pace goes with: the board, the job, or the job for good (dead, however soon the fault ends)."""

STOPPED = Pace(active=0.0, work=0.0, utilization=0.0)
HELD = Pace(active=0.06, work=0.0, utilization=0.0)
DEAD = Pace(active=0.0, work=0.0, utilization=0.0, frees_memory=True)
SPINNING = Pace(active=0.38, work=0.02, utilization=100.0)
"""A rank in a collective that a lost rank never joins: busy by utilisation, half the power, no work done."""
DRAGGED = Pace(active=0.8, work=0.72)
"""A rank whose every step waits for the slowest one."""


@frozen
class FaultKind:
    """A kind of fault and its effects."""

    name: str
    scope: Scope
    help: str
    mark: Mark | None = None
    """What the GPU hit shows."""
    own: Pace | None = None
    """Pace of the GPU hit."""
    siblings: Pace | None = None
    """Pace of the other GPUs of its job."""
    bound: Bound = "board"
    needs_job: bool = False
    """Without a job on the GPU there would be nothing to see."""
    page: PageFault | None = None


# fmt: off
KINDS: tuple[FaultKind, ...] = (
    FaultKind("gpu-lost", "gpu", "Xid 79, and 20 s later the GPU is gone from the page; its job hangs.", marks.lost, STOPPED, SPINNING),
    FaultKind("xid79", "gpu", "Xid 79 is reported and the GPU stands still, still listed; its job hangs.", marks.xid(79), STOPPED, SPINNING),
    FaultKind("xid31", "gpu", "A page fault (Xid 31): the job on the GPU dies.", marks.xid(31), DEAD, DEAD, bound="death"),
    FaultKind("ecc-dbe", "gpu", "An uncorrectable memory error (Xids 48, 63, 94): the job dies, a row waits for its remap.", marks.uncorrectable, DEAD, DEAD, bound="death"),
    FaultKind("row-remap-pending", "gpu", "A memory row waits for a reset to be remapped (Xid 63).", marks.pending),
    FaultKind("row-remap-failure", "gpu", "No spare row is left (Xid 64): the board is for return.", marks.failure),
    FaultKind("thermal", "gpu", "The GPU climbs to 92 °C and throttles; its job slows down with it.", marks.hot, Pace(active=0.65, work=0.7), DRAGGED),
    FaultKind("power-brake", "gpu", "The power brake halves the clocks; its job slows down with it.", marks.braked, Pace(active=0.5, work=0.5, clock=0.5), DRAGGED),
    FaultKind("pcie-downtrain", "gpu", "The PCIe link runs with 4 of 16 lanes.", marks.narrowed, Pace(active=0.92, work=0.85), Pace(active=0.92, work=0.85)),
    FaultKind("pcie-replay", "gpu", "PCIe packets are sent again, several a second.", marks.replayed),
    FaultKind("nvlink-errors", "gpu", "A bad NVLink: CRC errors, replays, recoveries, Xid 74.", marks.flaky_links),
    FaultKind("straggler", "gpu", "One rank runs at two thirds of its clock; all its siblings wait for it at every step.", None, Pace(active=0.72, work=0.68, clock=0.66, utilization=100.0), DRAGGED, needs_job=True),
    FaultKind("idle-hold", "gpu", "A job keeps its GPUs and their memory and does nothing.", None, HELD, HELD, "job", needs_job=True),
    FaultKind("memory-leak", "gpu", "Device memory creeps up until there is none and the job dies.", marks.leaking, needs_job=True),
    FaultKind("exporter-hang", "page", "The page accepts the connection and never answers.", page="hang"),
    FaultKind("exporter-slow", "page", "The page comes at one byte a second.", page="slow"),
    FaultKind("exporter-500", "page", "The page answers with an internal server error.", page="500"),
    FaultKind("exporter-garbage", "page", "The page is not text.", page="garbage"),
    FaultKind("exporter-down", "page", "Connections to the page are dropped.", page="down"),
    FaultKind("stale", "page", "The page keeps answering with the values it had.", page="stale"),
    FaultKind("node-down", "node", "Connections to all pages of the node are dropped.", page="down"),
    FaultKind("vllm-overload", "service", "More requests come than the server can answer: the queue grows, the KV cache is full, first tokens wait.", own=Pace(active=1.25, utilization=100.0)),
    FaultKind("vllm-down", "service", "The model server is gone; its GPUs are empty.", own=DEAD, page="down"),
    FaultKind("slurm-drain", "slurm", "An operator has drained the node: its jobs go on, no new one starts."),
    FaultKind("slurm-down", "slurm", "slurmctld does not answer: Slurm's commands fail after some seconds."),
    FaultKind("slurm-slow", "slurm", "slurmctld is busy: every command of Slurm's takes seconds."),
    FaultKind("slurm-unaware", "gpu", "Somebody works on the GPU past Slurm, which takes it for free.", needs_job=True),
)
# fmt: on


@frozen
class Fault:
    """A fault as a scenario or a person asks for it."""

    kind: str
    node: str = "training"
    """A node's name, a service's name, or a role: `training`, `other`, `serving`, `spare`."""
    gpu: int | None = None
    """GPU index on the node; with a role, position among the role's GPUs there. None: the first."""
    at_s: float = 0.0
    """Simulated seconds after the start; negative for a fault that is old when the demonstration begins."""
    for_s: float | None = None
    """How long it lasts; None: for good."""


@frozen
class Scenario:
    """A story: a name, what it shows, and the faults that make it."""

    name: str
    help: str
    faults: tuple[Fault, ...] = ()
    is_scattered: bool = False
    """The training nodes are handed out GPU by GPU, and many of them are left over here and there."""


def kind_of(name: str) -> FaultKind:
    """The kind of a name. Raises ValueError that names the known ones."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"no fault is called {name!r}; known: {', '.join(kind.name for kind in KINDS)}")
