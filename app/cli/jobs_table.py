"""`jobs` for people: one line a job, and under each that waits the reason in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.hostlist import compress
from app.present.cells import Cell, Line, Tone, cells, fit, fit_line, line, tidy, wrap
from app.present.rows import GAP_WIDTH, Column, lay_out
from app.present.units import format_elapsed

LEAST_WIDTH = 60
COLUMNS: tuple[Column, ...] = (
    Column("id", "job", 8),
    Column("user", "user", 8),
    Column("state", "state", 10),
    Column("partition", "partition", 9, drop=1),
    Column("gpus", "GPUs", 4, "right"),
    Column("elapsed", "time", 8, "right"),
    Column("limit", "limit", 8, "right", drop=3),
    Column("where", "nodes", 12, grow=1),
    Column("name", "name", 14, grow=1, drop=2),
)
_TONES: Mapping[str, Tone] = {
    "RUNNING": "good", "PENDING": "look", "FAILED": "bad", "TIMEOUT": "bad", "NODE_FAIL": "bad", "OUT_OF_MEMORY": "bad",
}  # fmt: skip


def job_lines(jobs: Sequence[Mapping[str, Any]], width: int) -> list[Line]:
    """The jobs, as JSON has them, in lines of at most `width` columns."""
    width = max(LEAST_WIDTH, width)
    if not jobs:
        return [cells("no jobs", "quiet")]
    fitted = lay_out(_columns(jobs), width)
    head = (" " * GAP_WIDTH).join(fit(column.title, wide, column.align) for _, column, wide in fitted)
    lines: list[Line] = [(Cell(head, "head"),)]
    for job in together(jobs):
        values = _cells(job)
        parts: list[Cell | str | Line] = []
        for number, column, wide in fitted:
            parts += [Cell(" " * GAP_WIDTH) if parts else "", fit_line(values[number], wide, column.align)]
        lines.append(line(*parts))
        if job["pending_explained"]:
            lines += [
                line("    ", Cell(part, "quiet")) for part in wrap(tidy(job["pending_explained"], 600), width - 4)
            ]
    return lines


def together(jobs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The jobs with the waiting tasks of an array as one row, in the place of the first: `1084_[8-23]`."""
    rows: dict[object, Mapping[str, Any]] = {}
    tasks: dict[object, list[int]] = {}
    for job in jobs:
        task = str(job["array_task"] or "")
        is_waiting = job["array_job_id"] is not None and job["state"] == "PENDING" and task.isdigit()
        key: object = (job["array_job_id"], job["reason"], job["partition"]) if is_waiting else str(job["id"])
        rows.setdefault(key, job)
        if is_waiting:
            tasks.setdefault(key, []).append(int(task))
    for key, numbers in tasks.items():
        if len(numbers) > 1:
            rows[key] = {**rows[key], "id": f"{rows[key]['array_job_id']}_[{_spans(numbers)}]", "tasks": len(numbers)}
    return list(rows.values())


def _spans(numbers: Sequence[int]) -> str:
    """Task numbers as Slurm writes them: `8-23,30`."""
    return compress(f"t{one}" for one in sorted(numbers)).removeprefix("t").strip("[]")


def _columns(jobs: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The columns, ids and users as wide as the widest of them."""
    widest = {
        "id": min(20, max(len(str(job["id"])) for job in together(jobs))),
        "user": min(16, max(len(tidy(str(job["user"]))) for job in jobs)),
    }
    return tuple(
        Column(one.key, one.title, widest.get(one.key, one.width), one.align, one.grow, one.drop) for one in COLUMNS
    )


def _cells(job: Mapping[str, Any]) -> tuple[Line, ...]:
    state = str(job["state"]) + ("*" if job["flags"] else "")
    each = "" if job["gpus"] == 0 else "?" if job["gpus"] is None else str(job["gpus"])
    gpus = f"{job['tasks']}×{each}" if each and job.get("tasks") else each
    where = compress(job["nodes"]) if job["nodes"] else f"({job['reason']})" if job["reason"] else ""
    return (
        cells(str(job["id"]), "strong"),
        cells(str(job["user"])),
        cells(state, _TONES.get(str(job["state"]), "plain")),
        cells(str(job["partition"])),
        cells(gpus),
        cells(format_elapsed(job["elapsed_s"]) if job["elapsed_s"] else ""),
        cells(format_elapsed(job["time_limit_s"]) if job["time_limit_s"] is not None else "", "quiet"),
        cells(where, "quiet" if not job["nodes"] else "plain"),
        cells(str(job["name"])),
    )
