"""Nodes as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.fleet import node_state
from app.domain.health import node_health
from app.domain.metrics import by_key
from app.domain.naming import short_model
from app.domain.snapshot import BUSY_PERCENT, Node, Snapshot
from app.present.cells import Cell, Line, cells, line
from app.present.entry import sign
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import format_power, format_rate, format_size, value_line

NODE_COLUMNS = (
    Column("state", "", 1),
    Column("node", "node", 12, grow=1),
    Column("gpus", "GPUs", 6, "right"),
    Column("busy", "busy", 5, "right", drop=1),
    Column("power", "power", 8, "right", drop=2),
    Column("cpu", "CPU", 5, "right", drop=3),
    Column("memory", "RAM", 5, "right", drop=4),
    Column("network", "net rx / tx", 21, "right", drop=7),
    Column("disk", "disk free", 9, "right", drop=6),
    Column("model", "model", 22, grow=1, drop=5),
    Column("why", "", 24, grow=3, drop=2, sortable=False),
)


def node_rows(nodes: Sequence[Node], look: Look, snapshot: Snapshot | None = None) -> Rows:
    """Rows for NODE_COLUMNS; with the snapshot, a node none of whose sources answers says so."""
    known = tuple(nodes)
    return Rows([node.name for node in known], lambda at: _node_row(known[at], look, snapshot))


def _node_row(node: Node, look: Look, snapshot: Snapshot | None) -> Row:
    now = look.now
    verdict = node_health(node, now)
    is_down = snapshot is not None and node_state(snapshot, node, now) == "down"
    present = [gpu for gpu in node.gpus if not gpu.is_lost]
    expected = max(len(node.gpus), node.gpus_expected or 0)
    uses = [value for gpu in present if (value := gpu.value("gpu.utilization", now)) is not None]
    powers = [value for gpu in present if (value := gpu.value("gpu.power", now)) is not None]
    busy = f"{sum(value >= BUSY_PERCENT for value in uses)}" if uses else look.glyphs.missing
    missing = len(present) < expected
    count = Cell(f"{len(present)}/{expected}", "bad" if missing else "plain")
    mark = Cell(look.glyphs.stale, "bad") if is_down else sign(verdict, look)
    return Row(
        node.name,
        (
            (mark,),
            cells(node.name, "strong"),
            (count,),
            (Cell(busy, "plain" if uses else "old"),),
            (Cell(format_power(sum(powers)) if powers else look.glyphs.missing, "plain" if powers else "old"),),
            _node_value(node, "node.cpu_utilization", look),
            _node_value(node, "node.memory_percent", look),
            _network(node, look),
            _disk(node, look),
            cells(_models(node), "quiet"),
            _node_why(node, look, is_down=is_down),
        ),
    )


def _node_value(node: Node, key: str, look: Look) -> Line:
    found = node.sample(key, look.now)
    return value_line(by_key()[key], found.value if found else None, stale=bool(found and found.stale))


def _network(node: Node, look: Look) -> Line:
    received, sent = (node.value(f"node.network_{way}", look.now) for way in ("rx", "tx"))
    if received is None and sent is None:
        return (Cell(look.glyphs.missing, "old"),)
    return line(format_rate(received), Cell(" / ", "frame"), format_rate(sent))


def _disk(node: Node, look: Look) -> Line:
    free = node.value("node.disk_free", look.now)
    return (Cell(format_size(free), "old" if free is None else "plain"),)


def _models(node: Node) -> str:
    models = dict.fromkeys(short_model(gpu.model) for gpu in node.gpus if gpu.model)
    return ", ".join(models)


def _node_why(node: Node, look: Look, *, is_down: bool) -> Line:
    if is_down:
        return (Cell("no source of it answers", "bad"),)
    verdict = node_health(node, look.now)
    match verdict.state:
        case "critical":
            return cells(verdict.reason, "bad")
        case "warning":
            return cells(verdict.reason, "look")
        case "unknown":
            return cells(verdict.reason, "old")
        case _:
            return ()
