"""Painting a change: what is sent is what Textual would have sent, and no more of a line than what changed."""

from __future__ import annotations

from textual._compositor import ChopsUpdate
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from app.domain.snapshot import Snapshot
from app.present.cells import Cell
from tests.present.fleets import changed, fleet, with_values
from tests.widgets.harness import Harness
from tests.widgets.test_gpu_grid import settled, view_of
from widgets.gpu_grid import GpuGrid
from widgets.ink import changed_columns
from widgets.painting import FrugalCompositor
from widgets.virtual_table import VirtualTable

CSS = "Screen { layout: horizontal; } GpuGrid { width: 70; } VirtualTable { width: 1fr; }"


class FrugalScreen(Screen[None]):
    def __init__(self) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()


class FrugalApp(Harness):
    def __init__(self) -> None:
        grid = GpuGrid()
        grid.show(view_of(fleet(2, 8)))
        super().__init__(lambda: [grid, VirtualTable(empty="Nothing here")], css=CSS)

    def get_default_screen(self) -> FrugalScreen:
        return FrugalScreen()


async def updates_of(pilot: Pilot[None], snapshot: Snapshot) -> list[ChopsUpdate]:
    """What is sent when the grid is shown another picture."""
    compositor = pilot.app.screen._compositor
    made: list[ChopsUpdate] = []
    real = compositor.render_partial_update

    def recorded() -> ChopsUpdate | None:
        update = real()
        if update is not None:
            made.append(update)
        return update

    compositor.render_partial_update = recorded  # type: ignore[method-assign]
    pilot.app.query_one(GpuGrid).show(view_of(snapshot))
    await pilot.pause(0.1)
    return made


def signs(strip: Strip) -> list[tuple[str, object]]:
    """Every character with its style, however the strip is cut."""
    return [(char, segment.style) for segment in strip for char in segment.text]


async def test_pieces_are_those_of_textual() -> None:
    """Every span of a change holds exactly what the whole line holds there, painted Textual's own way."""
    app = FrugalApp()
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.pause(0.1)

        updates = await updates_of(pilot, fleet(2, 8, tick=3))

        whole = app.screen._compositor.render_strips()
        assert updates
        for update in updates:
            for y, left, right in update.spans:
                pieces = [piece for at, piece in update.chops[y].items() if piece is not None and left <= at < right]
                assert signs(whole[y].crop(left, right)) == signs(Strip.join(pieces))


async def test_one_number_is_sent_alone() -> None:
    """One GPU's temperature changed: three columns of one line are sent, not the line."""
    app = FrugalApp()
    hotter = changed(fleet(2, 8), "gpu-02", 3, lambda gpu: with_values(gpu, {"gpu.temperature": 77.0}))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.pause(0.1)

        updates = await updates_of(pilot, hotter)

        assert [1] == [len(update.spans) for update in updates]
        y, left, right = updates[0].spans[0]
        assert " 77" == "".join(piece.text for piece in updates[0].chops[y].values() if piece is not None)
        assert 3 == right - left


def test_columns_that_differ_go_from_cell_to_cell() -> None:
    """Neighbours that changed are one part; a cell of another width, or another number of cells, is the whole line."""
    line = (Cell("│ "), Cell(" 97", "strong"), Cell(" %", "unit"), Cell("火 12"), Cell(" 3"))

    def with_cells(**other: str) -> tuple[Cell, ...]:
        return tuple(cell._replace(text=other.get(f"c{place}", cell.text)) for place, cell in enumerate(line))

    assert [] == changed_columns(line, line)
    assert [(2, 5)] == changed_columns(line, with_cells(c1=" 98"))
    assert [(7, 14)] == changed_columns(line, with_cells(c3="水 13", c4=" 4"))
    assert [(2, 5), (12, 14)] == changed_columns(line, with_cells(c1=" 98", c4=" 4"))
    assert [] == changed_columns(line, with_cells(c1=" 100"))
    assert [] == changed_columns(line, line[:-1])
