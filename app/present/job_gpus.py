"""A job's GPUs as rows, on all its nodes, in the order of its ranks; those that fall behind stand out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.health import gpu_health
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.present.cells import Cell, Line, cells
from app.present.entry import lost_text, sign, silent_text
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.scale import bar
from app.present.units import value_line, value_width

_BAR = 12
_METRICS = ("gpu.utilization", "gpu.memory_used", "gpu.temperature", "gpu.power", "gpu.sm_clock")


def _column(key: str, title: str, drop: int) -> Column:
    return Column(key, title, value_width(by_key()[key]), "right", drop=drop, sortable=False)


JOB_GPU_COLUMNS = (
    Column("state", "", 1, sortable=False),
    Column("rank", "rank", 4, "right", drop=3, sortable=False),
    Column("gpu", "GPU", 10, sortable=False),
    Column("bar", "", _BAR, drop=5, sortable=False),
    _column("gpu.utilization", "util", 0),
    _column("gpu.memory_used", "mem", 1),
    _column("gpu.temperature", "temp", 2),
    _column("gpu.power", "power", 2),
    _column("gpu.sm_clock", "SM clock", 4),
    Column("why", "", 14, grow=1, sortable=False),
)
"""Rank means the order of nodes and GPUs, as torchrun and srun number them where nobody says otherwise."""


def job_gpu_rows(gpus: Sequence[Gpu], behind: Mapping[str, str], look: Look) -> Rows:
    """Rows for JOB_GPU_COLUMNS; `behind` says of which GPU why it falls behind."""
    known = tuple(gpus)
    return Rows([gpu.id for gpu in known], lambda at: _row(at, known[at], behind.get(known[at].id, ""), look))


def _row(rank: int, gpu: Gpu, behind: str, look: Look) -> Row:
    verdict = gpu_health(gpu, look.now)
    use = gpu.value("gpu.utilization", look.now)
    mark = Cell(look.glyphs.lost, "lost") if gpu.is_lost else sign(verdict, look)
    if behind and verdict.state == "ok":
        mark = Cell(look.glyphs.warning, "look")
    return Row(
        gpu.id,
        (
            (mark,),
            (Cell(str(rank), "quiet"),),
            cells(gpu.id, "strong" if behind else "plain"),
            bar(None if use is None else use / 100, _BAR, look.glyphs),
            *(_value(gpu, key, look) for key in _METRICS),
            _why(gpu, behind, verdict.reason if verdict.state in ("warning", "critical") else "", look),
        ),
    )


def _value(gpu: Gpu, key: str, look: Look) -> Line:
    found = gpu.sample(key, look.now)
    return value_line(by_key()[key], found.value if found else None, stale=bool(found and found.stale))


def _why(gpu: Gpu, behind: str, trouble: str, look: Look) -> Line:
    if gpu.is_lost:
        return (Cell(lost_text(gpu, look), "lost"),)
    if trouble:
        return cells(trouble, "look")
    if behind:
        return cells(f"behind its job: {behind}", "look")
    silent = all(layer.is_expired(look.now) for layer in gpu.layers)
    return (Cell(silent_text(gpu, look), "old"),) if silent else ()
