"""Slurm's nodes and partitions, free GPUs and totals as rows. Pure; what needs the engine's word is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from app.domain.slurm import SlurmNode, SlurmPartition
from app.present.cells import Cell, Line, cells, line, tidy
from app.present.job_state import node_state_cell
from app.present.look import Look
from app.present.queue_rows import limit_text
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age, format_count, format_money, format_size

Meaning = Callable[[SlurmNode], str]
"""What a node's state means to who wants GPUs there; empty where nothing needs saying."""

NODE_STATE_COLUMNS = (
    Column("node", "node", 12, sortable=False),
    Column("state", "state", 18, grow=1, sortable=False),
    Column("gpus", "GPUs used", 9, "right", sortable=False),
    Column("jobs", "jobs", 4, "right", sortable=False),
    Column("cpus", "CPUs used", 9, "right", drop=3, sortable=False),
    Column("memory", "RAM given", 15, "right", drop=4, sortable=False),
    Column("partitions", "partitions", 12, grow=1, drop=2, sortable=False),
    Column("why", "reason", 20, grow=4, sortable=False),
)
PARTITION_COLUMNS = (
    Column("name", "partition", 10, sortable=False),
    Column("state", "state", 8, sortable=False),
    Column("free", "free", 5, "right", sortable=False),
    Column("total", "GPUs", 6, "right", sortable=False),
    Column("largest", "most on one", 11, "right", drop=3, sortable=False),
    Column("nodes", "nodes", 5, "right", drop=2, sortable=False),
    Column("limit", "limit", 8, sortable=False),
    Column("who", "who may", 14, grow=1, drop=1, sortable=False),
)
FREE_COLUMNS = (
    Column("name", "model", 12, grow=1, sortable=False),
    Column("free", "free", 5, "right", sortable=False),
    Column("used", "used", 5, "right", sortable=False),
    Column("closed", "closed", 6, "right", drop=1, sortable=False),
    Column("total", "all", 6, "right", sortable=False),
    Column("largest", "most on one node", 18, drop=2, sortable=False),
)
TOTAL_COLUMNS = (
    Column("name", "", 10, grow=1, sortable=False),
    Column("gpus", "GPUs", 5, "right", sortable=False),
    Column("idle", "idle", 5, "right", sortable=False),
    Column("running", "jobs", 6, "right", sortable=False),
    Column("pending", "wait", 6, "right", sortable=False),
    Column("asked", "ask for", 7, "right", drop=1, sortable=False),
    Column("cost", "cost", 10, "right", drop=2, sortable=False),
)


class Free(Protocol):
    """GPUs of some nodes together."""

    @property
    def name(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def free(self) -> int: ...
    @property
    def allocated(self) -> int: ...
    @property
    def unavailable(self) -> int: ...
    @property
    def largest(self) -> int: ...
    @property
    def largest_on(self) -> str: ...


class Holder(Protocol):
    """A user or an account with what its jobs hold."""

    @property
    def name(self) -> str: ...
    @property
    def jobs_running(self) -> int: ...
    @property
    def jobs_pending(self) -> int: ...
    @property
    def gpus_running(self) -> int: ...
    @property
    def gpus_pending(self) -> int: ...
    @property
    def gpus_idle_held(self) -> int: ...
    @property
    def cost_per_hour(self) -> float | None: ...


def node_state_rows(nodes: Iterable[SlurmNode], jobs_on: Mapping[str, int], meaning: Meaning, look: Look) -> Rows:
    """Rows for NODE_STATE_COLUMNS: those that take no jobs first, each group in natural order."""
    known = sorted(nodes, key=lambda node: (not node.is_down, node.takes_jobs))

    def make(at: int) -> Row:
        node = known[at]
        used = f"{node.cpus_used}/{node.cpus}" if node.cpus_used is not None else MISSING
        return Row(
            node.name,
            (
                cells(node.name, "strong"),
                (node_state_cell(node, look.glyphs),),
                _gpus(node),
                (Cell(format_count(jobs_on.get(node.name, 0)), "quiet"),),
                (Cell(used, "quiet"),),
                _memory(node),
                cells(" ".join(node.partitions), "quiet"),
                node_reason_line(node, meaning(node), look),
            ),
        )

    return Rows([node.name for node in known], make)


def node_reason_line(node: SlurmNode, meaning: str, look: Look) -> Line:
    """Its reason, who gave it and when; then what its state means."""
    parts: list[Cell | str | Line] = []
    if node.reason:
        parts.append(cells(tidy(node.reason, 120), "look" if not node.takes_jobs else "plain"))
        since = format_age(look.now - node.reason_at) + " ago" if node.reason_at is not None else ""
        by = " ".join(word for word in (node.reason_by or "", since) if word)
        parts.append(cells(f"  {tidy(by, 60)}", "quiet") if by else "")
    if meaning:
        parts += [Cell(f" {look.glyphs.dot} ", "frame") if parts else "", cells(tidy(meaning, 200), "quiet")]
    return line(*parts)


def slurm_line(node: SlurmNode, meaning: str, look: Look) -> Line:
    """What Slurm says of a node, for its page: `Slurm ● mixed+drain · 7/8 GPUs given · bad fan  root 2 h ago`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    why = node_reason_line(node, meaning, look)
    used = line(_gpus(node), Cell(" GPUs given", "unit"))
    joined: tuple[Cell | str | Line, ...] = (Cell(" joined by itself", "unit"),) if node.is_dynamic else ()
    return line(Cell("Slurm ", "head"), node_state_cell(node, look.glyphs), *joined, dot, used, dot if why else "", why)


def partition_rows(partitions: Iterable[SlurmPartition], free: Sequence[Free]) -> Rows:
    """Rows for PARTITION_COLUMNS."""
    known = tuple(partitions)
    by_name = {one.name: one for one in free}

    def make(at: int) -> Row:
        one = known[at]
        gpus = by_name.get(one.name)
        star = Cell(" *", "accent") if one.is_default else ""
        limit = limit_text(one.time_limit_s) or ("none" if one.time_limit_s is not None else MISSING)
        return Row(
            one.name,
            (
                line(cells(one.name, "strong"), star),
                (Cell(tidy(one.state.lower(), 20), "plain" if one.state == "UP" else "look"),),
                _count(gpus.free if gpus else None),
                (Cell(format_count(gpus.total if gpus else 0), "quiet"),),
                (Cell(format_count(gpus.largest if gpus else 0), "quiet"),),
                (Cell(format_count(len(one.nodes)), "quiet"),),
                (Cell(limit, "quiet"),),
                cells(_who_may(one), "quiet"),
            ),
        )

    return Rows([one.name for one in known], make)


def free_rows(free: Sequence[Free]) -> Rows:
    """Rows for FREE_COLUMNS."""

    def make(at: int) -> Row:
        one = free[at]
        most = line(format_count(one.largest), cells(f" on {one.largest_on}", "quiet")) if one.largest else ()
        return Row(
            one.name,
            (
                cells(one.name, "strong"),
                _count(one.free),
                (Cell(format_count(one.allocated), "quiet"),),
                (Cell(format_count(one.unavailable), "look" if one.unavailable else "quiet"),),
                (Cell(format_count(one.total), "quiet"),),
                most,
            ),
        )

    return Rows([one.name for one in free], make)


def total_rows(holders: Sequence[Holder]) -> Rows:
    """Rows for TOTAL_COLUMNS."""

    def make(at: int) -> Row:
        one = holders[at]
        return Row(
            one.name,
            (
                cells(one.name or "nobody", "strong"),
                _count(one.gpus_running),
                (Cell(format_count(one.gpus_idle_held), "look" if one.gpus_idle_held else "quiet"),),
                (Cell(format_count(one.jobs_running), "quiet"),),
                (Cell(format_count(one.jobs_pending), "quiet"),),
                (Cell(format_count(one.gpus_pending), "quiet"),),
                (Cell(format_money(one.cost_per_hour), "quiet"),),
            ),
        )

    return Rows([one.name for one in holders], make)


def _gpus(node: SlurmNode) -> Line:
    if not node.gpus:
        return (Cell(MISSING, "old"),)
    used = node.gpus_used
    return line(Cell(format_count(used) if used is not None else MISSING), Cell(f"/{node.gpus}", "unit"))


def _memory(node: SlurmNode) -> Line:
    if node.memory_used_mib is None and node.memory_mib is None:
        return (Cell(MISSING, "old"),)
    given = format_size(node.memory_used_mib) if node.memory_used_mib is not None else MISSING
    return line(Cell(given, "quiet"), Cell(f" / {format_size(node.memory_mib)}", "unit"))


def _count(number: int | None) -> Line:
    return (Cell(format_count(number), "plain" if number else "quiet"),)


def _who_may(one: SlurmPartition) -> str:
    """Who may use it, where it is not everybody."""
    said = (("groups", one.allow_groups), ("accounts", one.allow_accounts), ("QOS", one.allow_qos))
    limits = [f"{word} {text}" for word, text in said if text and text not in ("ALL", "(null)")]
    return tidy(", ".join(limits) or "everybody", 80)
