"""The worst of a fleet: the list beside the heat map."""

from __future__ import annotations

from app.domain.health import gpu_health, values_health
from app.domain.snapshot import Gpu
from app.domain.values import believed
from app.present.cells import Cell, Line, cells, line
from app.present.entry import field, known_of, lost_text, sign, silent_text
from app.present.fleet_view import FleetView
from app.present.rows import Column, Row, Rows

WORST_COLUMNS = (
    Column("sign", "", 1, sortable=False),
    Column("gpu", "worst", 9, grow=1, sortable=False),
    Column("why", "", 16, grow=3, sortable=False),
)


def worst_rows(view: FleetView, most: int = 12) -> Rows:
    """The GPUs to look at first: lost, critical, warning, silent, then the hottest; in place order among equals."""
    now = view.look.now
    ranked: list[tuple[int, float, int]] = []
    for number, gpu in enumerate(view.gpus):
        if gpu.is_lost:
            ranked.append((0, 0.0, number))
            continue
        values = believed(gpu.layers, now)
        state = values_health(values).state if values else "unknown"
        rank = {"critical": 1, "warning": 2, "unknown": 3, "ok": 4}[state]
        # Whole steps of 5 degrees: the list must not shuffle with every degree.
        ranked.append((rank, -(values.get("gpu.temperature", 0.0) // 5) if rank == 4 else 0.0, number))
    ranked.sort()
    chosen = [view.gpus[number] for _, _, number in ranked[:most]]
    return Rows([gpu.id for gpu in chosen], lambda at: _worst_row(chosen[at], view))


def _worst_row(gpu: Gpu, view: FleetView) -> Row:
    look = view.look
    verdict = gpu_health(gpu, look.now)
    values = believed(gpu.layers, look.now)
    if gpu.is_lost:
        why: Line = (Cell(lost_text(gpu, look), "lost"),)
    elif not values:
        why = (Cell(silent_text(gpu, look), "old"),)
    elif verdict.state == "ok":
        known = known_of(gpu, look.now)
        why = line(field("gpu.temperature", known), " ", field("gpu.power", known))
    else:
        why = (Cell(verdict.reason, "bad" if verdict.state == "critical" else "look"),)
    mark = Cell("x", "lost") if gpu.is_lost else sign(verdict, look)
    return Row(gpu.id, ((mark,), cells(gpu.id), why))
