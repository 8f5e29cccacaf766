"""The grid's nearer levels: a framed card per node, or bare lines, one for each GPU.

A plan holds for as long as the size and the shape of the view do; its lines are drawn from the newest view, and only
those on screen. Panels flow in rows, left to right, so that reading order is the order of the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from app.domain.frozen import frozen
from app.domain.pieces import Pieces
from app.present.cells import Cell, Line, cells, fit_line, line
from app.present.entry import entry, entry_shape, label_width
from app.present.fleet_view import FleetView, NodeGroup, Shape
from app.present.frames import frame_bottom, frame_top
from app.present.kept import Kept
from app.present.places import Box, Places
from app.present.tall_entry import Held, tall_entry
from app.present.titles import group_state, group_title

PanelZoom = Literal["cards", "lines"]

_ENTRY_LEAST = 30
_ENTRY_BEST = 54
"""An entry that wide holds everything; wider ones only stretch."""
_ENTRY_FULL = 46
"""From this width on every number has its place."""
_BETWEEN = 2
"""Columns between the entries of a panel, and between panels without frames."""
_SPACE: Line = (Cell(" " * _BETWEEN),)
_TALL_MOST = 10
_LABEL_MOST = 16


@frozen
class Panels:
    """How panels and entries share the width and height."""

    zoom: PanelZoom
    width: int
    across: int
    """Panels side by side."""
    entries: int
    """Entries side by side in a panel."""
    entry_height: int
    label: int
    """Columns of the node's name beside its lines; 0 for cards, which name it in their frame."""

    @property
    def panel_width(self) -> int:
        """Columns of a panel, its frame included."""
        gap = 0 if self.zoom == "cards" else _BETWEEN
        return (self.width - gap * (self.across - 1)) // self.across

    @property
    def frame(self) -> int:
        """Columns at each side of a panel: edge and space."""
        return 2 if self.zoom == "cards" else 0

    @property
    def entry_width(self) -> int:
        """Columns of one entry."""
        inner = self.panel_width - 2 * self.frame - self.label - (1 if self.label else 0)
        return (inner - _BETWEEN * (self.entries - 1)) // self.entries

    def panel_height(self, gpus: int) -> int:
        """Lines of a panel of so many GPUs."""
        return -(-gpus // self.entries) * self.entry_height + (2 if self.zoom == "cards" else 0)

    def height(self, counts: Sequence[int]) -> int:
        """Lines of the whole grid."""
        rows = range(0, len(counts), self.across)
        return sum(self.panel_height(max(counts[at : at + self.across])) for at in rows)


def arrange(shape: Shape, zoom: PanelZoom, width: int, height: int) -> Panels:
    """The arrangement that shows all without scrolling and gives entries most room; else the densest."""
    counts = [len(indexes) for _, indexes in shape] or [1]
    label = label_width(tuple(name for name, _ in shape), _LABEL_MOST) if zoom == "lines" else 0
    found: list[tuple[float, Panels]] = []
    for across in range(1, min(len(counts), 12) + 1):
        for entries in range(1, (max(counts) if zoom == "cards" else 1) + 1):
            panels = Panels(zoom, width, across, entries, 1, label)
            if panels.entry_width >= _ENTRY_LEAST or (across, entries) == (1, 1):
                panels = _grown(panels, counts, height) if zoom == "cards" else panels
                found.append((_worth(panels, counts, height), panels))
    return max(found, key=lambda item: item[0])[1]


def _grown(panels: Panels, counts: Sequence[int], height: int) -> Panels:
    """The same with entries as tall as the height allows."""
    for tall in range(_TALL_MOST, 1, -1):
        taller = replace(panels, entry_height=tall)
        if taller.height(counts) <= height:
            return taller
    return panels


def _worth(panels: Panels, counts: Sequence[int], height: int) -> float:
    """How much an arrangement shows: width up to what an entry can use, charts, no holes; what scrolls comes last."""
    tall = panels.height(counts)
    if tall > height:
        return -1000.0 + min(panels.entry_width, _ENTRY_FULL) - 0.001 * tall  # it scrolls: then say all, at least
    stretched = max(0, panels.entry_width - _ENTRY_BEST)
    holes = -max(counts) % panels.entries
    chart = 0 if panels.entry_height == 1 else 4 + min(panels.entry_height, 6)
    waste = stretched * (0.2 if panels.entry_height == 1 else 0.05)
    return min(panels.entry_width, _ENTRY_BEST) + chart - 2 * holes - waste - 0.01 * (panels.across + panels.entries)


Entries = tuple[tuple[Line, bool], ...]
"""A line of the entries of one panel that stand side by side, and which of them the cursor is on."""


@dataclass(slots=True)
class _Band:
    """One row of panels."""

    y: int
    height: int
    first: int
    """Number of its first node."""


class PanelPlan:
    """Cards or lines, laid out for one size and shape."""

    def __init__(self, shape: Shape, zoom: PanelZoom, width: int, height: int) -> None:
        self.zoom: PanelZoom = zoom
        self.panels = arrange(shape, zoom, max(1, width), height)
        self.width = width
        counts = [len(indexes) for _, indexes in shape]
        self._bands = _bands(self.panels, counts)
        self._owner: list[int] = [at for at, band in enumerate(self._bands) for _ in range(band.height)]
        self.height = len(self._owner)
        self.places = Places(tuple(self._boxes(counts)))
        self._held = Held()
        self._drawn: Kept[Line] = Kept()
        """Lines of the grid by number, and lines of panels by node and number."""
        self._tall: dict[tuple[str, int], tuple[Line, ...]] = {}
        """Entries of several lines, while the picture they are in is drawn."""

    def ahead(
        self,
        view: FleetView,  # noqa: ARG002 - for plans of thousands
        top: int,  # noqa: ARG002 - likewise
        bottom: int,  # noqa: ARG002 - likewise
        cursor: int | None,  # noqa: ARG002 - likewise
    ) -> Pieces[list[Line]]:
        """Nothing: entries are few."""
        yield from ()
        return []

    def lines(self, view: FleetView, top: int, bottom: int, cursor: int | None) -> list[Line]:
        """The lines from `top` up to `bottom`; beyond the last, blank ones."""
        node_of, number_of = _numbers(view)
        self._tall.clear()
        drawn: list[Line] = []
        for y in range(top, bottom):
            if y >= self.height:
                drawn.append((Cell(" " * self.width),))
                continue
            band = self._bands[self._owner[y]]
            parts: list[Line] = []
            for at in range(band.first, min(band.first + self.panels.across, len(view.nodes))):
                if at > band.first and self.zoom == "lines":
                    parts.append(_SPACE)
                held = cursor - number_of[at] if cursor is not None and node_of[cursor] == at else None
                parts.append(self._panel_line(view, view.nodes[at], y - band.y, held))
            drawn.append(self._drawn.of(y, parts, partial(self._across, parts)))
        return drawn

    def _across(self, parts: Sequence[Line]) -> Line:
        """Panels side by side."""
        return fit_line(line(*parts), self.width)

    def _panel_line(self, view: FleetView, group: NodeGroup, y: int, held: int | None) -> Line:
        """Line `y` of one node's panel; `held` is the number of its GPU under the cursor."""
        panels, glyphs = self.panels, view.look.glyphs
        height = panels.panel_height(len(group.gpus))
        place = (group.node.name, y)
        if panels.zoom == "lines":
            entries = self._entries(view, group, y, held) if y < height else ()
            return self._drawn.of(place, entries, lambda: self._bare(group, y, entries, glyphs.more))
        if y >= height:
            return (Cell(" " * panels.panel_width),)
        if y == 0:
            top = (group_title(group, view), group_state(group, view))
            return self._drawn.of(place, top, lambda: frame_top(*top, panels.panel_width, glyphs))
        if y == height - 1:
            return self._drawn.of(place, (), lambda: frame_bottom((), panels.panel_width, glyphs))
        entries = self._entries(view, group, y - 1, held)
        return self._drawn.of(place, entries, lambda: self._framed(entries, Cell(glyphs.box.down, "frame")))

    def _bare(self, group: NodeGroup, y: int, entries: Entries, cut: str) -> Line:
        """Entries beside the name of their node."""
        panels = self.panels
        label = cells(group.node.name, "strong") if y == 0 else ()
        head = line(fit_line(label, panels.label, cut=cut), " ")
        return fit_line(line(head, *_side_by_side(entries)), panels.panel_width)

    def _framed(self, entries: Entries, edge: Cell) -> Line:
        """Entries between the edges of their card."""
        inner = fit_line(line(*_side_by_side(entries)), self.panels.panel_width - 4)
        return (edge, Cell(" "), *inner, Cell(" "), edge)

    def _entries(self, view: FleetView, group: NodeGroup, y: int, held: int | None) -> Entries:
        """Line `y` inside a panel: entries run down the columns, as numbers on a page do."""
        panels = self.panels
        rows = -(-len(group.gpus) // panels.entries)
        row, part = divmod(y, panels.entry_height)
        is_below = panels.entry_height > 3 and part == panels.entry_height - 1
        found: list[tuple[Line, bool]] = []
        for number in range(row, row + panels.entries * rows, rows):
            if row >= rows or number >= len(group.gpus):
                found.append(((Cell(" " * panels.entry_width),), False))
            else:
                found.append((self._entry(view, group, number, part), number == held and not is_below))
        return tuple(found)

    def _entry(self, view: FleetView, group: NodeGroup, number: int, part: int) -> Line:
        panels = self.panels
        gpu = group.gpus[number]
        if panels.entry_height == 1:
            return entry(gpu, view, entry_shape(panels.entry_width, view.metric.key))
        drawn = panels.entry_height - (1 if panels.entry_height > 3 else 0)
        if part >= drawn:  # the blank line below a tall entry
            return (Cell(" " * panels.entry_width),)
        place = (gpu.node, gpu.index)
        if place not in self._tall:
            self._tall[place] = tall_entry(gpu, view, panels.entry_width, drawn, self._held)
        return self._tall[place][part]

    def _boxes(self, counts: Sequence[int]) -> Iterator[Box]:
        panels = self.panels
        gap = 0 if panels.zoom == "cards" else _BETWEEN
        for number, count in enumerate(counts):
            band = self._bands[number // panels.across]
            left = (number % panels.across) * (panels.panel_width + gap) + panels.frame
            left += panels.label + 1 if panels.label else 0
            top = band.y + (1 if panels.zoom == "cards" else 0)
            rows = -(-count // panels.entries)
            for index in range(count):
                column, row = divmod(index, rows)
                x = left + column * (panels.entry_width + _BETWEEN)
                y = top + row * panels.entry_height
                yield Box(x, y, panels.entry_width, panels.entry_height, y)


def _bands(panels: Panels, counts: Sequence[int]) -> list[_Band]:
    bands: list[_Band] = []
    y = 0
    for first in range(0, len(counts), panels.across):
        height = panels.panel_height(max(counts[first : first + panels.across]))
        bands.append(_Band(y, height, first))
        y += height
    return bands


def _side_by_side(entries: Entries) -> Iterator[Line]:
    """Entries with their gaps, the chosen one over its colour."""
    for column, (shown, is_held) in enumerate(entries):
        if column:
            yield _SPACE
        yield highlighted(shown) if is_held else shown


def _numbers(view: FleetView) -> tuple[list[int], list[int]]:
    """Each GPU's node by number, and each node's first GPU."""
    node_of: list[int] = []
    number_of: list[int] = []
    for at, group in enumerate(view.nodes):
        number_of.append(len(node_of))
        node_of += [at] * len(group.gpus)
    return node_of, number_of


def highlighted(shown: Line) -> Line:
    """The entry under the cursor: the same text, over the colour of the chosen thing."""
    return tuple(cell._replace(back="chosen") for cell in shown)
