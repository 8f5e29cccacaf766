"""`free` for people: sums by model and partition, a line a node, and what would start. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.present.cells import Cell, Line, cells, fit, line, tidy
from app.present.units import MISSING

_NUMBER = 7


def free_lines(answer: Mapping[str, Any], width: int) -> list[Line]:
    """What is free, as JSON has it, in lines of at most `width` columns."""
    width = max(60, width)
    if not answer["nodes"]:
        return [cells("no GPU is seen", "look"), cells(answer["note"], "quiet")]
    names = [row["name"] for row in (*answer["by_model"], *answer["by_partition"])] + [
        one["node"] for one in answer["nodes"]
    ]
    wide = min(24, max(len(tidy(name)) for name in (*names, "partition")))
    lines = _sums("model", answer["by_model"], wide)
    if answer["by_partition"]:
        lines += [(), *_sums("partition", answer["by_partition"], wide)]
    lines += [(), *_nodes(answer["nodes"], wide, width), ()]
    for one in answer["starts"]:
        lines.append(
            line(Cell(fit("yes" if one["ok"] else "no", 5), "good" if one["ok"] else "look"), tidy(one["text"], 200))
        )
    return [*lines, (), cells(fit(tidy(answer["note"], 200), width).rstrip(), "quiet")]


def _head(title: str, wide: int) -> Line:
    columns = "".join(fit(name, _NUMBER, "right") for name in ("free", "taken", "closed", "all"))
    return (Cell(fit(title, wide) + columns, "head"),)


def _sums(title: str, rows: Sequence[Mapping[str, Any]], wide: int) -> list[Line]:
    lines = [_head(title, wide)]
    for row in rows:
        largest = f"  up to {row['largest']} on {tidy(row['largest_on'])}" if row["largest_on"] else ""
        unknown = f"  {row['unknown']} not known" if row["unknown"] else ""
        lines.append(_row(row["name"], row, wide, Cell(largest + unknown, "quiet")))
    return lines


def _nodes(nodes: Sequence[Mapping[str, Any]], wide: int, width: int) -> list[Line]:
    lines = [_head("node", wide)]
    for one in nodes:
        room = width - wide - 4 * _NUMBER - 2
        told = tidy(f"{one['model']}" + (f"  {one['why']}" if one["why"] else ""), 200)
        lines.append(_row(one["node"], one, wide, Cell("  " + fit(told, room).rstrip(), "quiet")))
    return lines


def _row(name: str, row: Mapping[str, Any], wide: int, rest: Cell) -> Line:
    numbers = (row["free"], row["allocated"], row["unavailable"], row["total"])
    first, *others = (fit(MISSING if one is None else str(one), _NUMBER, "right") for one in numbers)
    return line(fit(tidy(name), wide), Cell(first, "good" if row["free"] else "plain"), "".join(others), rest)
