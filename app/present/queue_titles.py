"""What stands around the queue: how many jobs there are, how old the picture is, why there is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.fleet import ClusterFacts
from app.domain.snapshot import Snapshot
from app.present.cells import Cell, Line, line
from app.present.look import Look
from app.present.units import format_age, format_count

if TYPE_CHECKING:  # a screen without Slurm does not pay for its classes
    from app.domain.slurm import SlurmPicture

NO_SLURM = ("No Slurm is connected", "[slurm] in the configuration connects it; doctor says what was tried")


def as_of(picture: SlurmPicture, now: float) -> float:
    """What running times are reckoned to: now, or the last look where that is long ago, for nobody knows since."""
    return picture.at if picture.is_stale(now) else now


def picture_note(picture: SlurmPicture, now: float) -> Line:
    """How old the picture is, where it is; nothing while it is fresh."""
    if picture.is_expired(now):
        return (Cell(f"Slurm was last heard {format_age(picture.age(now))} ago", "look"),)
    return (Cell(f"{format_age(picture.age(now))} old", "old"),) if picture.is_stale(now) else ()


def queue_state(facts: ClusterFacts, look: Look) -> Line:
    """`3 running · 1 pending · 12 of 16 GPUs`; what nobody counts is left out."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    parts: list[Cell | str | Line] = []
    for count, word in ((facts.jobs_running, " running"), (facts.jobs_pending, " pending")):
        if count is not None:
            parts += [dot if parts else "", format_count(count), Cell(word, "quiet")]
    if facts.gpus_allocated is not None:
        parts += [dot if parts else "", format_count(facts.gpus_allocated)]
        parts += [Cell(f" of {format_count(facts.gpus_expected)} GPUs allocated", "quiet")]
    return line(*parts)


def queue_title(facts: ClusterFacts, look: Look) -> Line:
    """`Queue ─ 3 running · 1 pending`."""
    dot, rule = Cell(f" {look.glyphs.dot} ", "frame"), Cell(f" {look.glyphs.box.across} ", "frame")
    parts: list[Cell | str | Line] = []
    for count, word in ((facts.jobs_running, " running"), (facts.jobs_pending, " pending")):
        if count is not None:
            parts += [dot if parts else rule, format_count(count), Cell(word, "quiet")]
    return line(Cell("Queue", "strong"), *parts)


def why_no_jobs(snapshot: Snapshot) -> tuple[str, str]:
    """Why no job is listed, and what changes that."""
    picture = snapshot.slurm
    if picture is not None and picture.jobs is None:
        return (
            f"Slurm is read through {picture.way}, which counts jobs and lists none",
            "commands or slurmrestd list them",
        )
    if picture is not None:
        return "The queue is empty", ""
    state = next((state for state in snapshot.sources.values() if state.spec.kind == "slurm"), None)
    if state is not None:
        return state.error or "Slurm has not answered yet", "8 shows what is wrong with it"
    return NO_SLURM
