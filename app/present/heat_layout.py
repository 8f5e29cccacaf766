"""Where the cells of the heat map stand: how wide a cell is, which nodes share a row, where their names go.

A node is an unbroken run of cells. The widest cells that fit without scrolling win, and names beside every node win
over names at the beginning of rows; two GPUs a character is the last resort. Pure geometry, made once per size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from app.domain.frozen import frozen
from app.present.cells import fit, tidy
from app.present.entry import label_width
from app.present.fleet_view import Shape
from app.present.places import Box

_LABEL_MOST = 14
_BLOCK_GAP = 3
"""Columns between nodes that have their names beside them."""
_NODE_GAP = 1


@frozen
class Run:
    """A node's cells (or a part of them) in one row."""

    node: int
    """Number of the node."""
    start: int
    """Number of its first GPU in the view."""
    count: int
    x: int
    label_x: int | None
    """Where its name stands; None: it has none here."""


@frozen
class HeatLayout:
    """The whole map."""

    cell: int
    """Columns of a cell."""
    half: bool
    """Two rows of GPUs a line."""
    step: int
    """Lines from one row to the next: 2 leaves a blank one between."""
    label: int
    """Columns of a name; 0: no names."""
    rows: tuple[tuple[Run, ...], ...]

    @property
    def height(self) -> int:
        """Lines of the map."""
        if self.half:
            return -(-len(self.rows) // 2)
        return max(0, len(self.rows) * self.step - (self.step - 1))

    def boxes(self) -> Iterator[Box]:
        """The places of all GPUs, in their order."""
        for number, row in enumerate(self.rows):
            y = number // 2 if self.half else number * self.step
            for run in row:
                for at in range(run.count):
                    yield Box(run.x + at * self.cell, y, self.cell, 1, number)


def labels(shape: Shape, width: int) -> tuple[str, ...]:
    """The nodes' names, tidied, in `width` columns."""
    return tuple(fit(tidy(name), width) for name, _ in shape) if width else ("",) * len(shape)


def lay_out_heat(shape: Shape, width: int, height: int, *, can_halve: bool) -> HeatLayout:
    """Choose the layout for a width and height."""
    label = label_width(tuple(name for name, _ in shape), _LABEL_MOST)
    tries: tuple[tuple[int, Literal["node", "row"]], ...] = (
        (5, "node"), (4, "node"), (2, "node"), (5, "row"), (4, "row"), (2, "row"), (1, "node"), (1, "row"),
    )  # fmt: skip
    layout: HeatLayout | None = None
    for cell, names in tries:
        tried = (
            _named_blocks(shape, width, height, cell, label) if names == "node" else _rows(shape, width, cell, label)
        )
        if tried is not None and tried.height <= height:
            return tried
        layout = tried or layout
    dense = _rows(shape, width, 1, label) or _rows(shape, width, 1, 0) or layout
    assert dense is not None  # noqa: S101 - rows of width 1 without names always exist
    return HeatLayout(1, True, 1, dense.label, dense.rows) if can_halve else dense


def _named_blocks(shape: Shape, width: int, height: int, cell: int, label: int) -> HeatLayout | None:
    """Every node with its name, in columns, using the height before the width; None where one does not fit across."""
    most = max((len(indexes) for _, indexes in shape), default=1)
    block = label + 1 + most * cell
    if block > width:
        return None
    fitting = (width + _BLOCK_GAP) // (block + _BLOCK_GAP)
    across = min(fitting, max(1, -(-len(shape) // max(1, height))))
    rows: list[list[Run]] = []
    start = 0
    for number, (_, indexes) in enumerate(shape):
        if number % across == 0:
            rows.append([])
        left = (number % across) * (block + _BLOCK_GAP)
        rows[-1].append(Run(number, start, len(indexes), left + label + 1, left))
        start += len(indexes)
    step = 2 if cell >= 4 and 2 * len(rows) - 1 <= height else 1
    return HeatLayout(cell, False, step, label, tuple(tuple(row) for row in rows))


def _rows(shape: Shape, width: int, cell: int, label: int) -> HeatLayout | None:
    """Nodes one after the other, each row named after its first; a node too long for a row goes on in the next."""
    left = label + 1 if label else 0
    room = (width - left) // cell
    if room < 1 or (label and left > width // 4):
        return None
    rows: list[list[Run]] = [[]]
    x = left
    start = 0
    for number, (_, indexes) in enumerate(shape):
        count = len(indexes)
        placed = 0
        while placed < count:
            space = (width - x) // cell
            if space < min(count - placed, room) and rows[-1]:
                rows.append([])
                x = left
                space = room
            here = min(space, count - placed)
            first = not rows[-1]
            rows[-1].append(Run(number, start + placed, here, x, 0 if first and label and not placed else None))
            x += here * cell
            placed += here
        x += _NODE_GAP
        start += count
    return HeatLayout(cell, False, 1, label, tuple(tuple(row) for row in rows if row))
