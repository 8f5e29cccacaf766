"""What a GPU, node or service page lists: all values, processes, MIG slices."""

from __future__ import annotations

from app.domain.health import clock_events
from app.domain.metrics import METRICS, by_key
from app.domain.reading import GpuProcess
from app.domain.snapshot import Gpu, MigSlice, Node, Sample, Service, sample, samples
from app.present.cells import Cell, Tone, cells, line
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age, format_elapsed, format_size, format_value, quantity, value_line

VALUE_COLUMNS = (
    Column("title", "value", 21, grow=1),
    Column("number", "", 10, "right", sortable=False),
    Column("unit", "", 5, grow=1, sortable=False),
    Column("age", "age", 6, "right"),
    Column("source", "source", 13, grow=2, drop=1),
    Column("key", "key", 24, grow=1, drop=2),
)
PROCESS_COLUMNS = (
    Column("pid", "PID", 8, "right"),
    Column("user", "user", 10),
    Column("memory", "memory", 8, "right"),
    Column("use", "util", 5, "right", drop=2),
    Column("time", "running", 9, "right", drop=3),
    Column("kind", "kind", 8, drop=4),
    Column("command", "command", 16, grow=1),
)
MIG_COLUMNS = (
    Column("id", "id", 3, "right"),
    Column("profile", "profile", 10),
    Column("engine", "engine", 8, "right"),
    Column("memory", "memory", 15, "right"),
    Column("uuid", "UUID", 24, grow=1, drop=1),
)


def value_rows(holder: Gpu | Node | Service, look: Look) -> Rows:
    """Every value not past its age, in the catalogue's order; the key of a row is the metric's."""
    found = {} if isinstance(holder, Gpu) and holder.is_lost else samples(holder.layers, look.now)
    keys = [metric.key for metric in METRICS if metric.key in found]
    return Rows(keys, lambda at: _value_row(keys[at], found[keys[at]], look))


def _value_row(key: str, shown: Sample, look: Look) -> Row:
    metric = by_key()[key]
    number, unit = quantity(metric, shown.value)
    if key == "gpu.clock_event_reasons":
        unit = " ".join(clock_events(shown.value))
    elif key == "node.boot_time" and number != MISSING:  # a date and a clock, as wide as a number and its unit
        when = look.moment(shown.value)
        number, unit = f"{when:%Y-%m-%d}", f"{when:%H:%M}"
    tone: Tone = "old" if shown.stale else "plain"
    return Row(
        key,
        (
            cells(metric.title, "old" if shown.stale else "quiet"),
            cells(number, tone),
            cells(unit, "old" if shown.stale else "unit"),
            cells(format_age(shown.age_s), "old" if shown.stale else "quiet"),
            cells(shown.source, "quiet"),
            cells(key, "quiet"),
        ),
    )


def process_rows(gpu: Gpu, look: Look) -> Rows:
    """The GPU's processes, the largest first; the key is the PID."""
    known = sorted(gpu.processes or (), key=lambda process: (-(process.memory_mib or 0.0), process.pid))
    by_pid = {process.pid: process for process in reversed(known)}
    return Rows.of(_process_row(process, look) for process in reversed(by_pid.values()))


def _process_row(process: GpuProcess, look: Look) -> Row:
    use = process.utilization_percent
    since = look.now - process.started_at if process.started_at is not None else None
    return Row(
        str(process.pid),
        (
            cells(str(process.pid)),
            cells(process.user or MISSING, "plain" if process.user else "old"),
            cells(format_size(process.memory_mib)),
            cells(format_value(by_key()["gpu.utilization"], use), "plain" if use is not None else "old"),
            cells(format_elapsed(since), "quiet"),
            cells(process.kind, "quiet"),
            cells(process.command or process.name),
        ),
    )


def mig_rows(gpu: Gpu, look: Look) -> Rows:
    """The GPU's MIG slices; the key is the GPU instance's id."""
    return Rows.of(_mig_row(one, look) for one in gpu.mig)


def _mig_row(one: MigSlice, look: Look) -> Row:
    def value(key: str) -> float | None:
        found = sample(one.layers, key, look.now)
        return found.value if found else None

    used, total = value("gpu.memory_used"), value("gpu.memory_total")
    engine = value("gpu.engine_active")
    if engine is None:
        engine = value("gpu.utilization")
    memory = line(format_size(used), Cell(f" / {format_size(total)}", "unit") if total is not None else "")
    shown = value_line(by_key()["gpu.engine_active"], engine)
    return Row(
        str(one.id), (cells(str(one.id)), cells(one.profile, "strong"), shown, memory, cells(one.uuid or "", "quiet"))
    )
