"""Semantic zoom: cards for a few GPUs, a line each for dozens, a heat map for thousands."""

from __future__ import annotations

from typing import Literal, Protocol

from app.domain.pieces import Pieces
from app.present.cells import Line
from app.present.fleet_view import FleetView, Shape
from app.present.glyphs import Glyphs
from app.present.panels import PanelPlan
from app.present.places import Places

Zoom = Literal["cards", "lines", "heat"]
ZOOMS: tuple[Zoom, ...] = ("heat", "lines", "cards")
"""From far to near."""

_PANEL_GPUS_MOST = 512
"""More than this never fit as cards or lines on any terminal: not worth trying."""
_LINES_LEAST_WIDTH = 40


class Plan(Protocol):
    """A zoom level laid out for one size and shape."""

    @property
    def zoom(self) -> Zoom: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def places(self) -> Places: ...

    def lines(self, view: FleetView, top: int, bottom: int, cursor: int | None) -> list[Line]:
        """The lines from `top` up to `bottom`, each of the plan's width."""

    def ahead(self, view: FleetView, top: int, bottom: int, cursor: int | None) -> Pieces[list[Line]]:
        """Make some lines of a view before it is shown, in pieces; the one shown stays. None where that is quick."""


def plan_for(
    shape: Shape, zoom: Zoom | None, width: int, height: int, glyphs: Glyphs, *, can_halve: bool = True
) -> Plan:
    """Lay out a level; None picks the nearest that shows all without scrolling.

    Without `can_halve` a cell of the heat map is a whole character, which has room for a letter.
    """
    if zoom is None:
        zoom = zoom_for(shape, width, height)
    if zoom == "heat":
        from app.present.heat import HeatPlan  # noqa: PLC0415 - late: few GPUs are on the screen sooner without

        return HeatPlan(shape, width, height, can_halve=can_halve and bool(glyphs.half))
    return PanelPlan(shape, zoom, width, height)


def zoom_for(shape: Shape, width: int, height: int) -> Zoom:
    """The nearest level at which everything is on screen at once."""
    count = sum(len(indexes) for _, indexes in shape)
    if count > _PANEL_GPUS_MOST:
        return "heat"
    if PanelPlan(shape, "cards", width, height).height <= height:
        return "cards"
    if width >= _LINES_LEAST_WIDTH and PanelPlan(shape, "lines", width, height).height <= height:
        return "lines"
    return "heat"


def nearer(zoom: Zoom) -> Zoom:
    """The next level towards the GPUs."""
    return ZOOMS[min(len(ZOOMS) - 1, ZOOMS.index(zoom) + 1)]


def farther(zoom: Zoom) -> Zoom:
    """The next level away from them."""
    return ZOOMS[max(0, ZOOMS.index(zoom) - 1)]
