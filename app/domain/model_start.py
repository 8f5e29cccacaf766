"""How a model server comes up: the phases of its start, how far each is, whether one is stuck. Values, pure functions.

The phases are those that vLLM's log tells of; what reads the log is `app.sources.logs.starts`.
"""

from __future__ import annotations

from typing import Literal

from app.domain.frozen import frozen

PhaseName = Literal["start", "download", "weights", "compile", "memory", "graphs", "warmup", "ready"]
Standing = Literal["unknown", "starting", "ready", "failed", "stopped", "asleep"]


@frozen
class PhaseKind:
    """One phase there is."""

    name: PhaseName
    title: str
    quiet_s: float
    """Without a word for longer than this, it is stuck; ours, by what the slow ones of these take on large models."""
    causes: tuple[str, ...] = ()
    """What it is typically stuck at, the likeliest first, each a whole sentence."""


PHASES: tuple[PhaseKind, ...] = (
    PhaseKind(
        "start",
        "start",
        120,
        (
            "Importing takes minutes where Python's files lie on a network disk.",
            "A process of an earlier server may still hold the GPUs: see who is on them.",
            "With several GPUs or nodes, one worker has not come up and NCCL waits for it.",
        ),
    ),
    PhaseKind(
        "download",
        "download",
        180,
        (
            "The model hub is slow or cannot be reached from here.",
            "The disk of the cache is full or slow: see the folder of HF_HOME.",
            "Another process holds the lock of the same download.",
        ),
    ),
    PhaseKind(
        "weights",
        "weights",
        300,
        (
            "The weights come from a slow network disk: see the node's disk and network.",
            "The host has too little memory and swaps.",
            "One worker died while the others wait for it: look for an error above.",
        ),
    ),
    PhaseKind(
        "compile",
        "compile",
        600,
        (
            "A first compile of a large model is silent for minutes; its cache makes the next one short.",
            "The host has too few processors for its workers.",
            "The folder of the compile cache cannot be written.",
        ),
    ),
    PhaseKind(
        "memory",
        "KV cache",
        180,
        (
            "A profiling run waits for a worker that hangs: the GPU that idles is the one.",
            "NCCL does not come through between the GPUs: look for Xid and link errors.",
        ),
    ),
    PhaseKind(
        "graphs",
        "CUDA graphs",
        300,
        (
            "NCCL hangs inside the capture: --enforce-eager shows whether it is that.",
            "The GPUs' links or peer access are broken: look for Xid and NVLink errors.",
            "The GPU has too little memory left: fewer sequences or a lower --gpu-memory-utilization leave more.",
        ),
    ),
    PhaseKind(
        "warmup",
        "warm-up",
        180,
        ("A kernel is compiled for the first time.", "The port is taken by another server."),
    ),
    PhaseKind("ready", "ready", float("inf")),
)
"""In the order they come; a server leaves out those it does not need."""
_ORDER = {kind.name: at for at, kind in enumerate(PHASES)}


@frozen
class Phase:
    """One phase of one start."""

    name: PhaseName
    since: float | None = None
    """Epoch seconds of its first line; None where the log tells no time."""
    until: float | None = None
    """Of the first line of the phase after it; None while it lasts."""
    done: int | None = None
    of: int | None = None
    """Parts done, of how many: shards, files, graphs."""
    percent: float | None = None
    told_s: float | None = None
    """How long it took, in the server's own words."""
    detail: str = ""
    """What its newest line says of it, in a few words."""

    def seconds(self, now: float) -> float | None:
        """How long it took, or lasts by now; the server's own word where the lines tell no time."""
        if self.since is None:
            return self.told_s
        until = self.until if self.until is not None else now
        return max(0.0, until - self.since)


@frozen
class ModelStart:
    """The newest start that a log tells of."""

    standing: Standing = "unknown"
    phases: tuple[Phase, ...] = ()
    """Those seen, in their order."""
    moved_at: float | None = None
    """Epoch seconds of the newest line that told of progress."""
    why: str = ""
    """What it failed of, in the server's words."""
    model: str = ""
    version: str = ""
    attempts: int = 0
    """Starts that the log tells of, this one included."""

    @property
    def current(self) -> Phase | None:
        """The phase that lasts; of a start that is over, the last one."""
        return self.phases[-1] if self.phases else None

    def began(self) -> float | None:
        """When it began, epoch seconds."""
        return next((one.since for one in self.phases if one.since is not None), None)


@frozen
class Stuck:
    """A phase that does not move."""

    phase: PhaseKind
    for_s: float


def kind_of(name: PhaseName) -> PhaseKind:
    """The row of a phase."""
    return PHASES[_ORDER[name]]


def is_before(one: PhaseName, other: PhaseName) -> bool:
    """Whether a phase comes before another."""
    return _ORDER[one] < _ORDER[other]


def stuck(start: ModelStart, now: float) -> Stuck | None:
    """The phase that has not moved for longer than it may; None where all goes on, or nothing tells the time."""
    phase = start.current
    if start.standing != "starting" or phase is None or start.moved_at is None:
        return None
    kind, quiet = kind_of(phase.name), now - start.moved_at
    return Stuck(kind, quiet) if quiet > kind.quiet_s else None
