"""Where the GPUs of a grid stand, and who is next to whom: the arithmetic of the cursor. Pure geometry."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.domain.frozen import frozen

Direction = Literal["left", "right", "up", "down"]


@frozen
class Box:
    """The place of one GPU, in columns and lines of the grid's virtual screen."""

    x: int
    y: int
    width: int
    height: int
    row: int
    """Row of GPUs; two rows share a line where a heat map packs two GPUs into one character."""


@dataclass(slots=True)
class Places:
    """Boxes of all GPUs, in their order."""

    boxes: Sequence[Box]
    _rows: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _order: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, box in enumerate(self.boxes):
            self._rows.setdefault(box.row, []).append((box.x, number))
        for row in self._rows.values():
            row.sort()
        self._order = sorted(self._rows)

    def step(self, number: int, direction: Direction) -> int:
        """The GPU next to this one; itself at the edge. Left and right go on into the neighbouring row."""
        box = self.boxes[number]
        row = self._rows[box.row]
        at = bisect_left(row, (box.x, number))
        line = self._order.index(box.row)
        if direction == "left" and at > 0:
            return row[at - 1][1]
        if direction == "right" and at + 1 < len(row):
            return row[at + 1][1]
        if direction == "left":
            return self._rows[self._order[line - 1]][-1][1] if line else number
        if direction == "right":
            return self._rows[self._order[line + 1]][0][1] if line + 1 < len(self._order) else number
        other = line - 1 if direction == "up" else line + 1
        if not 0 <= other < len(self._order):
            return number
        return self._nearest(self._order[other], box.x)

    def leap(self, number: int, lines: int) -> int:
        """The GPU about `lines` lines further down (up if negative), in the same column of the screen."""
        box = self.boxes[number]
        wanted = box.y + lines
        rows = self._order if lines > 0 else self._order[::-1]
        best = box.row
        for row in rows:
            y = self.boxes[self._rows[row][0][1]].y
            if (lines > 0 and box.y < y <= wanted) or (lines < 0 and wanted <= y < box.y):
                best = row
        return number if best == box.row else self._nearest(best, box.x)

    def at(self, x: int, y: int) -> int | None:
        """The GPU under a point; the upper of two that share a character."""
        for row in self._order:
            first = self.boxes[self._rows[row][0][1]]
            if first.y > y:
                return None
            if y >= first.y + first.height:
                continue
            for left, number in self._rows[row]:
                if left <= x < left + self.boxes[number].width:
                    return number
        return None

    def _nearest(self, row: int, x: int) -> int:
        return min(self._rows[row], key=lambda place: abs(place[0] - x))[1]
