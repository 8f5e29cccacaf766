"""GPUs as rows of a table: the registry of columns that users choose from and sort by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.clusters import FACT
from app.domain.frozen import frozen
from app.domain.health import clock_events, gpu_health
from app.domain.metrics import by_key
from app.domain.naming import natural, short_model
from app.domain.snapshot import Gpu
from app.domain.values import believed
from app.present.cells import Align, Cell, Line, cells, line_text, text_width
from app.present.entry import lost_text, owner, sign, silent_text
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.scale import fraction, top_of
from app.present.units import format_age, value_line, value_width

SortKey = tuple[float | str | tuple[tuple[int, int, str], ...], ...]


@frozen
class GpuColumn:
    """A column a user may choose: how its cell looks, and what it sorts by."""

    key: str
    title: str
    width: int
    cell: Callable[[Gpu, Look], Line]
    order: Callable[[Gpu, float], float | str | None] | None
    """What it sorts by at a moment, None sorts last, whatever the direction; without it, what its cell says."""
    align: Align = "left"
    is_default: bool = False
    drop: int = 0
    grow: int = 0
    metric: str = ""

    def column(self) -> Column:
        """As a table's column."""
        return Column(self.key, self.title, self.width, self.align, self.grow, self.drop)


def _metric_column(key: str, title: str = "", *, is_default: bool = False, drop: int = 9) -> GpuColumn:
    metric = by_key()[key]

    def cell(gpu: Gpu, look: Look) -> Line:
        found = gpu.sample(key, look.now)
        return value_line(metric, found.value if found else None, stale=bool(found and found.stale))

    def order(gpu: Gpu, now: float) -> float | None:
        return gpu.value(key, now)

    title = title or metric.title
    return GpuColumn(metric.short, title, value_width(metric), cell, order, "right", is_default, drop, 0, key)


def _state_cell(gpu: Gpu, look: Look) -> Line:
    if gpu.is_lost:
        return (Cell(look.glyphs.lost, "lost"),)
    return (sign(gpu_health(gpu, look.now), look),)


def _state_order(gpu: Gpu, now: float) -> float:
    return float(["critical", "warning", "unknown", "ok"].index(gpu_health(gpu, now).state)) - gpu.is_lost


def _why_cell(gpu: Gpu, look: Look) -> Line:
    """In words what the sign says; for a GPU that is well, who has it."""
    if gpu.is_lost:
        return (Cell(lost_text(gpu, look), "lost"),)
    verdict = gpu_health(gpu, look.now)
    match verdict.state:
        case "critical":
            return (Cell(verdict.reason, "bad"),)
        case "warning":
            return (Cell(verdict.reason, "look"),)
        case "unknown":
            return (Cell(silent_text(gpu, look), "old"),)
        case _:
            return cells(owner(gpu, look))


def _job_text(gpu: Gpu, look: Look) -> str:
    """Ids of the jobs that hold it."""
    return " ".join(look.held(gpu).job_ids if look.held is not None else gpu.hpc_jobs)


def _user_text(gpu: Gpu, look: Look) -> str:
    """Users of the jobs that hold it, else of its processes."""
    held = look.held(gpu).jobs if look.held is not None else ()
    named = [job.user for job in held] or [one.user for one in gpu.processes or () if one.user]
    return " ".join(dict.fromkeys(named))


def _events_cell(gpu: Gpu, look: Look) -> Line:
    names = clock_events(gpu.value("gpu.clock_event_reasons", look.now))
    return cells(" ".join(name for name in names if name != "gpu_idle"), "quiet")


def _age_cell(gpu: Gpu, look: Look) -> Line:
    age = look.now - gpu.seen_at if gpu.seen_at else None
    is_old = all(layer.is_stale(look.now) for layer in gpu.layers)
    return (Cell(format_age(age), "old" if is_old else "quiet"),)


_WIDEST_PLACE = 32
GPU_COLUMNS: tuple[GpuColumn, ...] = (
    GpuColumn("state", "", 1, _state_cell, _state_order, is_default=True),
    GpuColumn("gpu", "GPU", 10, lambda gpu, _: cells(gpu.id), lambda gpu, _: gpu.id, is_default=True),
    _metric_column("gpu.utilization", "util", is_default=True, drop=0),
    _metric_column("gpu.memory_used", "mem", is_default=True, drop=1),
    _metric_column("gpu.memory_percent", "mem %"),
    _metric_column("gpu.temperature", "temp", is_default=True, drop=2),
    _metric_column("gpu.power", "power", is_default=True, drop=3),
    GpuColumn("why", "who / why", 22, _why_cell, None, is_default=True, grow=3),
    _metric_column("gpu.sm_clock", "SM clock", is_default=True, drop=6),
    _metric_column("gpu.memory_clock"),
    _metric_column("gpu.sm_active"),
    _metric_column("gpu.tensor_active"),
    _metric_column("gpu.dram_active"),
    _metric_column("gpu.memory_utilization"),
    _metric_column("gpu.memory_temperature"),
    _metric_column("gpu.fan"),
    _metric_column("gpu.pcie_rx", is_default=True, drop=8),
    _metric_column("gpu.pcie_tx", is_default=True, drop=8),
    _metric_column("gpu.nvlink_rx"),
    _metric_column("gpu.nvlink_tx"),
    _metric_column("gpu.ecc_dbe_volatile"),
    _metric_column("gpu.xid_errors"),
    _metric_column("gpu.processes"),
    GpuColumn("job", "job", 9, lambda gpu, look: cells(_job_text(gpu, look)), None),
    GpuColumn("user", "user", 8, lambda gpu, look: cells(_user_text(gpu, look)), None),
    GpuColumn(
        "model", "model", 18, lambda gpu, _: cells(short_model(gpu.model), "quiet"), lambda gpu, _: gpu.model,
        is_default=True, drop=5, grow=1,
    ),
    GpuColumn("clocks", "clocks held by", 16, _events_cell, lambda gpu, now: gpu.value("gpu.clock_event_reasons", now)),
    GpuColumn("uuid", "UUID", 40, lambda gpu, _: cells(gpu.uuid or "", "quiet"), lambda gpu, _: gpu.uuid),
    GpuColumn(
        "age", "age", 7, _age_cell, lambda gpu, now: now - gpu.seen_at if gpu.seen_at else None, "right",
        is_default=True, drop=4,
    ),
)  # fmt: skip
"""Every column, in the order of tables."""


def gpu_columns(keys: Sequence[str] | None = None, gpus: Sequence[Gpu] = ()) -> tuple[Column, ...]:
    """The columns for a choice of keys, in the order of the choice, unknown ones skipped; None is the default set.

    Where `gpus` are of several clusters their places have room for the cluster's name.
    """
    columns = tuple(column.column() for column in _chosen(keys))
    if not gpus or FACT not in gpus[0].facts:
        return columns
    widest = min(_WIDEST_PLACE, max(text_width(gpu.id) for gpu in gpus))
    return tuple(replace(one, width=max(one.width, widest)) if one.key == "gpu" else one for one in columns)


def gpu_rows(gpus: Sequence[Gpu], look: Look, keys: Sequence[str] | None = None) -> Rows:
    """Rows for `gpu_columns(keys)`; the key of a row is the GPU's `node/index`."""
    chosen = _chosen(keys)
    known = tuple(gpus)

    def make(at: int) -> Row:
        gpu = known[at]
        return Row(gpu.id, tuple(column.cell(gpu, look) for column in chosen))

    return Rows([gpu.id for gpu in known], make)


def sort_gpus(
    gpus: Sequence[Gpu], key: str, look: Look, *, descending: bool = False, before: Sequence[str] = ()
) -> tuple[Gpu, ...]:
    """GPUs sorted by a column; those without a value last.

    Neighbours in `before` (ids in the order shown until now) keep their order while their values differ by less than a
    fiftieth of the scale, so that rows do not dance.
    """
    column = _by_key().get(key)
    if column is None or key == "gpu":
        ordered = sorted(gpus, key=lambda gpu: (natural(gpu.node), gpu.index), reverse=descending)
        return tuple(ordered)
    place = {gpu_id: at for at, gpu_id in enumerate(before)}
    known: list[tuple[float | str, int, Gpu]] = []
    without: list[Gpu] = []
    for at, gpu in enumerate(gpus):
        value = column.order(gpu, look.now) if column.order else line_text(column.cell(gpu, look)) or None
        if value is None:
            without.append(gpu)
        else:
            known.append((_step(column, value, gpu, look.now), place.get(gpu.id, at), gpu))
    known.sort(key=lambda item: item[1])
    texts = any(isinstance(item[0], str) for item in known)
    known.sort(key=lambda item: natural(str(item[0])) if texts else item[0], reverse=descending)
    return (*(gpu for _, _, gpu in known), *without)


def _step(column: GpuColumn, value: float | str, gpu: Gpu, now: float) -> float | str:
    """The value in steps of a fiftieth of its scale where it has one."""
    if isinstance(value, str) or not column.metric:
        return value
    metric = by_key()[column.metric]
    top = top_of(metric, believed(gpu.layers, now))
    return round(fraction(metric, value, top) * 50) if top is not None else value


def _by_key() -> dict[str, GpuColumn]:
    return {column.key: column for column in GPU_COLUMNS}


def _chosen(keys: Sequence[str] | None) -> tuple[GpuColumn, ...]:
    if keys is None:
        return tuple(column for column in GPU_COLUMNS if column.is_default)
    known = _by_key()
    return tuple(known[key] for key in keys if key in known)
