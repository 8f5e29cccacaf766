"""Jobs as rows of a table: the registry of columns that the queue is shown and sorted by."""
# ruff: noqa: E501 - a column reads best as one table line

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from app.domain.frozen import frozen
from app.domain.hostlist import compress
from app.domain.slurm import SlurmJob
from app.present.cells import Align, Cell, Line, cells, line, tidy
from app.present.job_state import counts_text, job_state
from app.present.look import Look
from app.present.queue import Item, Order, rank
from app.present.rows import Column, Row, Rows
from app.present.scale import bar
from app.present.units import MISSING, format_age, format_count

Why = Callable[[SlurmJob], str]
"""In plain words why a job waits; empty where nobody knows."""
_BAR = 8
_MOST_NODES = 64
"""Names that a cell's host list is made of at most: a cell has no room for more."""


@frozen
class Sight:
    """What the cells need besides the job."""

    look: Look
    as_of: float
    """Epoch seconds that running times are reckoned to: now, or when Slurm was last heard if that is long ago."""
    why: Why
    marked: Collection[str] = ()
    """Keys of the rows that are marked."""


@frozen
class QueueColumn:
    """A column: how its cell looks, and what it sorts by."""

    key: str
    title: str
    width: int
    cell: Callable[[Item, Sight], Line]
    order: Order | None = None
    align: Align = "left"
    drop: int = 0
    grow: int = 0

    def column(self) -> Column:
        """As a table's column."""
        return Column(self.key, self.title, self.width, self.align, self.grow, self.drop, self.order is not None)


def _mark(item: Item, sight: Sight) -> Line:
    is_marked = item.key in sight.marked or any(job.id in sight.marked for job in item.jobs)
    return (Cell(sight.look.glyphs.cursor[2], "accent"),) if is_marked else ()


def _state(item: Item, sight: Sight) -> Line:
    state = job_state(item.first, sight.look.glyphs)
    if item.kind == "job":
        return (state.cell,)
    return (Cell(f"{state.sign} {counts_text(item.jobs, sight.look.glyphs)}", state.tone),)


def _sign(item: Item, sight: Sight) -> Line:
    state = job_state(item.first, sight.look.glyphs)
    return (Cell(state.sign, state.tone),)


def _code(item: Item, sight: Sight) -> Line:
    return (job_state(item.first, sight.look.glyphs).short,)


def _id(item: Item, sight: Sight) -> Line:
    if item.depth:
        return (Cell("  "), *cells(item.key, "quiet"))
    if item.kind == "job":
        return cells(item.key, "strong")
    sign = "-" if item.is_open else "+"
    held = f"_[{sight.look.glyphs.more}]" if item.kind == "array" else f"+[{len(item.jobs)}]"
    return line(cells(item.key, "strong"), Cell(held, "strong"), Cell(f" {sign}", "accent"))


def _who_and_what(item: Item, sight: Sight) -> Line:
    """The name; of a group on a narrow screen, how its jobs are."""
    if item.kind == "job":
        return cells(item.first.name)
    return line(cells(counts_text(item.jobs, sight.look.glyphs)), " ", cells(item.first.name))


def _gpus(item: Item, sight: Sight) -> Line:  # noqa: ARG001 - the cells share a form
    count = item.gpus
    if count is None:
        return (Cell(MISSING, "old"),)
    return (Cell(format_count(count), "plain" if item.first.holds_nodes else "quiet"),)


def _time(item: Item, sight: Sight) -> Line:
    """`3 h 12 / 24 h`; of one that waits when it may start, or how long it has waited."""
    job = item.first
    if job.is_pending:
        if job.start_at is not None and job.start_at > sight.as_of:
            return (Cell(f"in {format_age(job.start_at - sight.as_of)}", "info"),)
        waited = sight.as_of - job.submit_at if job.submit_at is not None else None
        return (Cell(f"waits {format_age(waited)}", "quiet"),) if waited is not None else ()
    run = cells(format_age(job.elapsed_s(sight.as_of)))
    limit = limit_text(job.time_limit_s)
    return line(run, Cell(f" / {limit}", "unit") if limit and not job.is_ended else "")


def _span(item: Item, sight: Sight) -> Line:
    """How long it has run or waited, or when it may start; no limit."""
    job = item.first
    if job.is_pending and job.start_at is not None and job.start_at > sight.as_of:
        return _time(item, sight)
    began = job.submit_at if job.is_pending else None
    run = sight.as_of - began if began is not None else job.elapsed_s(sight.as_of)
    return (Cell(format_age(run), "quiet" if job.is_pending else "plain"),)


def _used(item: Item, sight: Sight) -> Line:
    """How much of its time has gone, as a bar; nothing where there is no limit."""
    job = item.first
    share = time_share(job, sight.as_of)
    return bar(share, _BAR, sight.look.glyphs) if share is not None and not job.is_ended else ()


def _end(job: SlurmJob, look: Look) -> str:
    return look.clock(job.end_at, seconds=False) if job.end_at is not None else MISSING


def _start(item: Item, sight: Sight) -> Line:
    job = item.first
    if job.start_at is None:
        return ()
    is_past = job.start_at <= sight.as_of
    return (Cell(sight.look.clock(job.start_at, seconds=False), "quiet" if is_past else "info"),)


def _where_or_why(item: Item, sight: Sight) -> Line:
    """Its nodes; of one that waits why, in plain words; of one that is over how it ended."""
    job = item.first
    if job.is_pending:
        return cells(sight.why(job) or job.reason or "", "plain")
    if job.nodes and not job.is_ended:
        here = [node for one in item.jobs if one.holds_nodes for node in one.nodes]
        return cells(nodes_text(here))
    return cells(end_text(job), "quiet")


def nodes_text(nodes: Sequence[str]) -> str:
    """Nodes written short: `gpu-[01-03]`."""
    more = len(nodes) - _MOST_NODES
    return tidy(compress(nodes[:_MOST_NODES])) + (f" and {more} more" if more > 0 else "")


def end_text(job: SlurmJob) -> str:
    """How a job ended: its reason, its exit code, its signal."""
    parts = [job.reason or ""]
    if job.exit_code:
        parts.append(f"exit {job.exit_code}")
    if job.exit_signal:
        parts.append(f"signal {job.exit_signal}")
    return tidy(", ".join(part for part in parts if part), 200)


def limit_text(seconds: float | None) -> str:
    """`24 h`, `2 d`, `90 min`; empty for no limit and for an unknown one."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    for unit, size, least in (("d", 86400, 2), ("h", 3600, 1)):
        if seconds >= least * size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return format_age(seconds)


def time_share(job: SlurmJob, now: float) -> float | None:
    """How much of its time a job has used, 0 to 1; None without a limit or a beginning."""
    run = job.elapsed_s(now)
    if job.is_pending or run is None or job.time_limit_s is None or not math.isfinite(job.time_limit_s):
        return None
    return min(1.0, run / job.time_limit_s) if job.time_limit_s > 0 else None


def _text(read: Callable[[SlurmJob], str], *, quiet: bool = False) -> Callable[[Item, Sight], Line]:
    return lambda item, _: cells(read(item.first), "quiet" if quiet else "plain")


def _pending_start(job: SlurmJob, now: float) -> float | None:
    """When it may start; those that run began before all of them."""
    return job.start_at if job.start_at is not None else (None if job.is_pending else now)


QUEUE_COLUMNS: tuple[QueueColumn, ...] = (
    QueueColumn("mark", "", 1, _mark),
    QueueColumn("state", "state", 13, _state, lambda job, _: float(rank(job))),
    QueueColumn("id", "job", 10, _id, lambda job, _: float(job.array_job_id or job.het_job_id or job.job_id)),
    QueueColumn("user", "user", 8, _text(lambda job: job.user), lambda job, _: job.user),
    QueueColumn("account", "account", 8, _text(lambda job: job.account, quiet=True), lambda job, _: job.account, drop=6),
    QueueColumn("partition", "partition", 9, _text(lambda job: job.partition, quiet=True), lambda job, _: job.partition, drop=4),
    QueueColumn("qos", "QOS", 7, _text(lambda job: job.qos, quiet=True), lambda job, _: job.qos, drop=8),
    QueueColumn("name", "name", 12, _text(lambda job: job.name), lambda job, _: job.name, grow=1),
    QueueColumn("nodes", "nodes", 5, lambda item, _: (Cell(format_count(item.first.node_count), "quiet"),), lambda job, _: float(job.node_count or 0), "right", drop=7),
    QueueColumn("gpus", "GPUs", 4, _gpus, lambda job, _: None if job.gpus is None else float(job.gpus), "right"),
    QueueColumn("time", "time", 16, _time, lambda job, now: job.elapsed_s(now)),
    QueueColumn("used", "", _BAR, _used, time_share, drop=9),
    QueueColumn("priority", "priority", 8, lambda item, _: (Cell(priority_text(item.first), "quiet"),), lambda job, _: None if job.priority is None else float(job.priority), "right", drop=10),
    QueueColumn("start", "start", 11, _start, _pending_start, drop=9),
    QueueColumn("why", "where / why", 20, _where_or_why, grow=3),
)  # fmt: skip
"""Every column, in the order of the page."""

NARROW: tuple[QueueColumn, ...] = (
    QueueColumn("mark", "", 1, _mark),
    QueueColumn("state", "st", 4, _code, lambda job, _: float(rank(job))),
    QueueColumn("id", "job", 9, _id, QUEUE_COLUMNS[2].order),
    QueueColumn("user", "user", 6, _text(lambda job: job.user), QUEUE_COLUMNS[3].order),
    QueueColumn("name", "name", 9, _who_and_what, QUEUE_COLUMNS[7].order, grow=1),
    QueueColumn("gpus", "GPUs", 4, _gpus, QUEUE_COLUMNS[9].order, "right"),
    QueueColumn("time", "time", 15, _time, QUEUE_COLUMNS[10].order),
    QueueColumn("why", "where / why", 14, _where_or_why, grow=2),
)
"""The columns of a narrow screen: states as codes."""

ENDED_COLUMNS: tuple[QueueColumn, ...] = (
    *(
        column
        for column in QUEUE_COLUMNS
        if column.key in {"state", "id", "user", "account", "partition", "name", "gpus"}
    ),
    QueueColumn("ended", "ended", 11, lambda item, sight: (Cell(_end(item.first, sight.look), "quiet"),)),
    QueueColumn("time", "ran", 8, lambda item, sight: (Cell(format_age(item.first.elapsed_s(sight.as_of))),)),
    QueueColumn("nodes", "on", 10, lambda item, _: cells(nodes_text(item.first.nodes), "quiet"), grow=1, drop=5),
    QueueColumn("why", "how it ended", 24, lambda item, _: cells(end_text(item.first), "quiet"), grow=2),
)
"""The columns of jobs that are over."""

SHORT: tuple[QueueColumn, ...] = (
    QueueColumn("state", "", 1, _sign),
    QueueColumn("id", "job", 9, _id),
    QueueColumn("user", "user", 6, _text(lambda job: job.user), drop=2),
    QueueColumn("name", "name", 7, _who_and_what, grow=1, drop=1),
    QueueColumn("gpus", "GPUs", 4, _gpus, align="right"),
    QueueColumn("time", "time", 8, _span, drop=3),
    QueueColumn("why", "where / why", 10, _where_or_why, grow=4),
)
"""The columns of a pane beside others."""


def priority_text(job: SlurmJob) -> str:
    """A priority as a number that fits."""
    return format_count(job.priority)


def order_of(key: str) -> Order | None:
    """What a column sorts by; None for one that does not exist or does not sort."""
    return next((column.order for column in QUEUE_COLUMNS if column.key == key), None)


def sort_keys() -> tuple[str, ...]:
    """Keys of the columns that can be sorted by."""
    return tuple(column.key for column in QUEUE_COLUMNS if column.order is not None)


def table_columns(columns: tuple[QueueColumn, ...]) -> tuple[Column, ...]:
    """As a table's columns."""
    return tuple(column.column() for column in columns)


def queue_rows(
    items: Sequence[Item],
    columns: tuple[QueueColumn, ...],
    sight: Sight,
    *,
    is_old: bool = False,
    like: Rows | None = None,
) -> Rows:
    """Rows of the queue, each made when it is looked at; grey all over where the picture is too old to stand.

    `like` are rows of the same items, seen at another time.
    """
    known: dict[int, Row] = {}  # a moved cursor looks at the same rows again

    def make(at: int) -> Row:
        if at not in known:
            item = items[at]
            made = tuple(column.cell(item, sight) for column in columns)
            known[at] = Row(item.key, tuple(_greyed(one) for one in made) if is_old else made)
        return known[at]

    return Rows([item.key for item in items], make) if like is None else like.again(make)


def _greyed(of: Line) -> Line:
    return tuple(cell._replace(tone="old") for cell in of)
