"""Jobs as far as exporters name them: which GPUs each holds and how busy it keeps them. Pure.

Without a scheduler this is all that is known of jobs; nothing here guesses a user, a limit or a state.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.metrics import by_key
from app.domain.naming import natural
from app.domain.snapshot import Gpu
from app.present.cells import Cell, cells
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import value_line

JOB_COLUMNS: tuple[Column, ...] = (
    Column("job", "job", 8),
    Column("gpus", "GPUs", 4, "right"),
    Column("util", "util", 5, "right"),
    Column("where", "on", 10, grow=1),
)


def job_rows(gpus: Iterable[Gpu], look: Look) -> Rows:
    """One row a job, in natural order of the ids; a GPU named by two jobs counts for both."""
    held: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        for job in gpu.hpc_jobs:
            held.setdefault(job, []).append(gpu)
    jobs = sorted(held, key=natural)

    def make(number: int) -> Row:
        job = jobs[number]
        mine = held[job]
        known = [value for gpu in mine if (value := gpu.value("gpu.utilization", look.now)) is not None]
        mean = sum(known) / len(known) if known else None
        nodes = list(dict.fromkeys(gpu.node for gpu in mine))
        return Row(
            job,
            (
                cells(job, "strong"),
                (Cell(str(len(mine))),),
                value_line(by_key()["gpu.utilization"], mean),
                cells(" ".join(nodes), "quiet"),
            ),
        )

    return Rows(jobs, make)
