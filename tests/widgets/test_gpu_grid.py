"""The GPU grid on a screen: cursor, zoom, messages, and that only what changed is painted."""

from __future__ import annotations

from datetime import UTC

from textual.geometry import Region
from textual.pilot import Pilot

from app.domain.snapshot import Snapshot
from app.present.fleet_view import FleetView, fleet_view
from app.present.grid import Zoom
from app.present.look import Look
from tests.present.fleets import NOW, changed, fleet, lost, trend, troubled, with_values
from tests.widgets.harness import Harness, screen_text
from widgets.gpu_grid import GpuGrid


def view_of(snapshot: Snapshot, now: float = NOW) -> FleetView:
    return fleet_view(snapshot, Look(now, tz=UTC), trend=trend)


def app_with(snapshot: Snapshot, zoom: Zoom | None = None) -> Harness:
    grid = GpuGrid()
    grid.show(view_of(snapshot))
    grid.zoom_to(zoom)
    return Harness(lambda: [grid])


async def settled(pilot: Pilot[None]) -> GpuGrid:
    grid = pilot.app.query_one(GpuGrid)
    grid.focus()
    await pilot.pause()
    return grid


async def test_it_shows_what_it_was_shown_before_it_was_mounted() -> None:
    """The first frame has the GPUs: nothing waits for a first tick."""
    app = app_with(troubled(2, 8))
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)

        assert "gpu-02 · 8 × H100 80GB HBM3" in screen_text(app)
        assert "x 5 lost 15:59:19 · Xid 79" in screen_text(app)


async def test_arrows_move_the_cursor_by_place_and_tell() -> None:
    """Down is the next GPU of the card, right the one in the next column; enter chooses."""
    app = app_with(fleet(2, 8), "cards")
    async with app.run_test(size=(100, 24)) as pilot:
        grid = await settled(pilot)
        assert ("gpu-01", 0) == grid.cursor

        await pilot.press("down", "right", "enter")

        assert ("gpu-01", 5) == grid.cursor
        chosen = [told for told in app.told if isinstance(told, GpuGrid.GpuChosen)]
        assert [("gpu-01", 5)] == [(told.node, told.index) for told in chosen]
        assert isinstance(app.told[-1], GpuGrid.GpuChosen)


async def test_a_click_takes_the_cursor() -> None:
    """The GPU under the mouse is highlighted."""
    app = app_with(fleet(2, 8), "cards")
    async with app.run_test(size=(100, 24)) as pilot:
        grid = await settled(pilot)

        box = grid._plan.places.boxes[11] if grid._plan else None
        assert box is not None
        await pilot.click(GpuGrid, offset=(box.x + 2, box.y))

        assert ("gpu-02", 3) == grid.cursor


async def test_zoom_is_automatic_until_forced() -> None:
    """What fits is chosen; + and - force a level; None goes back."""
    app = app_with(fleet(2, 8))
    async with app.run_test(size=(100, 24)) as pilot:
        grid = await settled(pilot)
        assert "cards" == grid.zoom

        assert ("lines", "heat", "lines") == (grid.zoom_out(), grid.zoom_out(), grid.zoom_in())
        grid.zoom_to(None)
        await pilot.pause()

        assert "cards" == grid.zoom
        assert [True, False, False, False, True] == [
            told.is_automatic for told in app.told if isinstance(told, GpuGrid.ZoomChanged)
        ]


async def test_a_smaller_screen_goes_farther_away() -> None:
    """Resizing chooses the level anew."""
    app = app_with(fleet(2, 8))
    async with app.run_test(size=(100, 24)) as pilot:
        grid = await settled(pilot)

        await pilot.resize_terminal(60, 6)
        await pilot.pause()

        assert "heat" == grid.zoom
        assert "gpu-02" in screen_text(app)


async def test_the_cursor_stays_on_its_gpu_when_others_leave() -> None:
    """A filter above it does not move it; when it goes itself, what took its place is told."""
    app = app_with(fleet(2, 8))
    async with app.run_test(size=(100, 24)) as pilot:
        grid = await settled(pilot)
        grid.move_to("gpu-02", 3)

        grid.show(fleet_view(fleet(2, 8), Look(NOW), keep=lambda gpu: gpu.node == "gpu-02"))
        await pilot.pause()
        assert ("gpu-02", 3) == grid.cursor

        grid.show(fleet_view(fleet(2, 8), Look(NOW), keep=lambda gpu: gpu.index < 2))
        await pilot.pause()
        assert ("gpu-02", 1) == grid.cursor


async def test_no_gpu_is_explained() -> None:
    """An empty view says why, and which key changes that."""
    grid = GpuGrid()
    grid.explain("No GPU matches util<1.", "esc clears the filter")
    grid.show(fleet_view(fleet(1, 1), Look(NOW), keep=lambda gpu: False))
    app = Harness(lambda: [grid])
    async with app.run_test(size=(60, 9)) as pilot:
        await settled(pilot)

        assert "No GPU matches util<1." in screen_text(app)
        assert "esc clears the filter" in screen_text(app)


async def test_only_lines_that_changed_are_painted() -> None:
    """The same picture refreshes nothing; one GPU's number refreshes its line, whole."""
    app = app_with(fleet(2, 8), "lines")
    async with app.run_test(size=(60, 24)) as pilot:
        grid = await settled(pilot)
        painted: list[Region] = []
        grid.refresh = lambda *regions, **_: painted.extend(regions or [Region(0, 0, 0, 0)])  # type: ignore[method-assign, assignment]

        grid.show(view_of(fleet(2, 8)))
        assert [] == painted

        hotter = changed(fleet(2, 8), "gpu-02", 3, lambda gpu: with_values(gpu, {"gpu.temperature": 77.0}))
        grid.show(view_of(hotter))
        assert [Region(0, 11, 60, 1)] == painted


async def test_a_map_of_thousands_scrolls_to_its_cursor() -> None:
    """On a small screen the end is a key away, and is shown."""
    app = app_with(changed(fleet(512, 8), "gpu-512", 7, lost))
    async with app.run_test(size=(60, 16)) as pilot:
        grid = await settled(pilot)

        await pilot.press("end")
        await pilot.pause()

        assert ("gpu-512", 7) == grid.cursor
        assert grid.scroll_offset.y > 0
        assert "gpu-50" in screen_text(app)


async def test_the_theme_may_change_any_time() -> None:
    """Colours follow the theme at once, also one that knows nothing of ours."""
    app = app_with(fleet(1, 8), "heat")
    async with app.run_test(size=(60, 9)) as pilot:
        grid = await settled(pilot)
        seen = []
        for name in ("watchdog-dark", "watchdog-light", "watchdog-mono", "nord"):
            app.theme = name
            await pilot.pause()
            seen.append(grid.render_line(0)._segments[-3].style)

        assert 4 >= len(set(seen)) >= 3


async def test_what_is_got_ready_is_seen_when_it_is_shown_and_not_before() -> None:
    """A cursor that moves meanwhile moves over the picture of before, which is whole."""
    app = app_with(fleet(2, 8), "heat")
    async with app.run_test(size=(60, 6)) as pilot:
        grid = await settled(pilot)
        view = view_of(changed(fleet(2, 8), "gpu-02", 5, lost))
        pieces = grid.ahead(view)

        list(pieces)
        await pilot.press("right")
        before = screen_text(app)
        grid.show(view)
        await pilot.pause()

        assert ("gpu-01", 1) == grid.cursor
        assert (False, True) == ("x" in before, "x" in screen_text(app))
