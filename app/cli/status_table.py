"""`status` for people: the header's line, a line a GPU under its node, model servers, sources not well. Pure.

Columns, words and tones are the screen's own, so that the two never say different things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.domain.fleet import cluster_facts
from app.domain.health import node_health
from app.domain.snapshot import Gpu, Snapshot
from app.present.cells import Cell, Line, cells, fit, fit_line, line, tidy, wrap
from app.present.glyphs import ASCII, UNICODE
from app.present.gpu_rows import gpu_columns, gpu_rows
from app.present.header import badge, header_line
from app.present.look import Look
from app.present.rows import GAP_WIDTH, Column, Rows, lay_out
from app.present.service_rows import SERVICE_COLUMNS, service_rows
from app.present.titles import node_title
from app.present.units import format_age

if TYPE_CHECKING:
    from app.domain.allocation import Held

_KEYS = ("state", "gpu", "utilization", "memory_used", "temperature", "power", "sm_clock", "why", "model", "age")
LEAST_WIDTH = 60


def status_lines(
    snapshot: Snapshot, now: float, width: int, *, replay_at: float | None = None, ascii_only: bool = False
) -> list[Line]:
    """The whole picture in lines of at most `width` columns."""
    width = max(LEAST_WIDTH, width)
    look = Look(now, ASCII if ascii_only else UNICODE, held=_held(snapshot, now))
    facts = cluster_facts(snapshot, now)
    lines = [header_line(facts, look, width, badge(facts, look, replay_at))]
    with_gpus = [node for node in snapshot.nodes.values() if node.gpus]
    if with_gpus:
        columns = gpu_columns(_KEYS, tuple(snapshot.gpus()))
        lines += [(), _head(columns, width)]
        for node in with_gpus:
            verdict = node_health(node, now)
            alarm = Cell(f"  {verdict.reason}", "bad") if verdict.state == "critical" else ""
            lines += [line(node_title(node, look), alarm), *_rows(columns, gpu_rows(node.gpus, look, _KEYS), width)]
    services = service_rows(snapshot, look)
    if len(services):
        lines += [(), _head(SERVICE_COLUMNS, width), *_rows(SERVICE_COLUMNS, services, width)]
    return [*lines, *_trouble(snapshot, look, width)]


def _held(snapshot: Snapshot, now: float) -> Callable[[Gpu], Held] | None:
    """Who holds a GPU, where there is Slurm to say."""
    if snapshot.slurm is None:
        return None
    from app.domain.allocation import allocations  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return allocations(snapshot, now).held


def _head(columns: tuple[Column, ...], width: int) -> Line:
    """The titles of the columns that fit."""
    parts = [fit(column.title, wide, column.align) for _, column, wide in lay_out(columns, width)]
    return (Cell((" " * GAP_WIDTH).join(parts), "head"),)


def _rows(columns: tuple[Column, ...], rows: Rows, width: int) -> list[Line]:
    """Rows in the columns that fit."""
    fitted = lay_out(columns, width)
    gap = Cell(" " * GAP_WIDTH)
    lines = []
    for row in rows:
        parts: list[Cell | str | Line] = []
        for number, column, wide in fitted:
            parts += [gap if parts else "", fit_line(row.cells[number], wide, column.align)]
        lines.append(line(*parts))
    return lines


def _trouble(snapshot: Snapshot, look: Look, width: int) -> list[Line]:
    """Sources that are not well, with their reason."""
    lines: list[Line] = []
    for state in snapshot.sources.values():
        condition = state.condition(look.now)
        if condition == "ok":
            continue
        age = state.age(look.now)
        since = f"last good {format_age(age)} ago" if age is not None else "never answered"
        mark = Cell(fit(condition, 7), "bad" if condition == "down" else "look")
        lines.append(line(mark, cells(state.spec.name, "strong"), Cell(f"  {since}", "quiet")))
        lines += [line(" " * 7, part) for part in wrap(tidy(state.error or "no news", 2000), width - 7)]
    return [(), *lines] if lines else []
