"""How the jobs of the simulated Slurm end: by themselves, by a fault, by somebody. Pure."""

from __future__ import annotations

from typing import NamedTuple

from app.sim.dice import Dice
from app.sim.jobs import SimJob


class End(NamedTuple):
    """State and exit code of a job that is over."""

    state: str
    code: int = 0
    signal: int = 0


REQUEUED = "requeued"
"""What ended a run after which the job began again."""
BY_CAUSE: dict[str, End] = {
    "cancelled": End("CANCELLED", 0, 15),
    "node-down": End("NODE_FAIL"),
    REQUEUED: End("REQUEUED"),
    "timeout": End("TIMEOUT", 0, 15),
    "vllm-down": End("FAILED", 1),
}
"""By what ended a job before its time; any other fault makes it fail."""


def end_of(job: SimJob, seed: int) -> End:
    """How a job ended; most do well."""
    if job.cause:
        return BY_CAUSE.get(job.cause, End("FAILED", 1))
    if job.end - job.start >= job.limit:
        return BY_CAUSE["timeout"]
    chance = Dice(seed, "end", job.id).between(0.0, 1.0)
    if chance < 0.08:
        return End("FAILED", 1 if chance < 0.06 else 2)
    if chance < 0.13:
        return BY_CAUSE["cancelled"]
    return End("OUT_OF_MEMORY", 0, 125) if chance < 0.14 else End("COMPLETED")
