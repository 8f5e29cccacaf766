"""The table: only what is on screen is made, only what changed is painted, the cursor is on a key."""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Region
from textual.pilot import Pilot

from app.present.cells import cells
from app.present.rows import Column, Row, Rows
from tests.widgets.harness import Harness, screen_text
from widgets.virtual_table import VirtualTable

COLUMNS = (Column("name", "name", 8, grow=1), Column("use", "use", 5, "right"))


def rows(count: int, use: Callable[[int], str] = str, prefix: str = "n", seen: list[int] | None = None) -> Rows:
    def make(at: int) -> Row:
        if seen is not None:
            seen.append(at)
        return Row(f"{prefix}{at}", (cells(f"{prefix}{at}"), cells(use(at))))

    return Rows([f"{prefix}{at}" for at in range(count)], make)


def app_with(shown: Rows) -> Harness:
    table = VirtualTable(empty="Nothing here.", hint="press r")
    table.show(COLUMNS, shown, ("use", True))
    return Harness(lambda: [table])


async def settled(pilot: Pilot[None]) -> VirtualTable:
    table = pilot.app.query_one(VirtualTable)
    table.focus()
    await pilot.pause()
    return table


async def test_only_rows_on_screen_are_made() -> None:
    """Of ten thousand rows a screenful is formatted."""
    seen: list[int] = []
    app = app_with(rows(10_000, seen=seen))
    async with app.run_test(size=(40, 11)) as pilot:
        await settled(pilot)

        assert set(range(10)) == set(seen)
        assert "use▾" in screen_text(app)


async def test_the_cursor_moves_scrolls_and_tells() -> None:
    """Down, page down, end, enter."""
    app = app_with(rows(100))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)

        await pilot.press("down", "pagedown")
        assert "n10" == table.selected
        await pilot.press("end", "enter")

        assert "n99" == table.selected
        assert screen_text(app).splitlines()[-1].startswith("n99")
        assert ["n99"] == [told.key for told in app.told if isinstance(told, VirtualTable.RowChosen)]


async def test_the_cursor_follows_its_key() -> None:
    """Rows that come in above do not move it off its key; when the key goes, its successor is told."""
    app = app_with(rows(5))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)
        table.select("n3")

        table.show(COLUMNS, Rows.of([Row("new", (cells("new"), ())), *rows(5)]))
        assert "n3" == table.selected

        table.show(COLUMNS, rows(3))
        await pilot.pause()
        assert "n2" == table.selected
        assert "n2" == [told.key for told in app.told if isinstance(told, VirtualTable.RowHighlighted)][-1]


async def test_only_rows_that_changed_are_painted() -> None:
    """The same rows refresh nothing, one changed cell refreshes one line."""
    app = app_with(rows(100))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)
        painted: list[Region] = []
        table.refresh = lambda *regions, **_: painted.extend(regions or [Region(0, 0, 0, 0)])  # type: ignore[method-assign, assignment]

        table.show(COLUMNS, rows(100), ("use", True))
        assert [] == painted
        table.show(COLUMNS, rows(100, lambda at: "77" if at == 4 else str(at)), ("use", True))

        assert [(5, 1)] == [(region.y, region.height) for region in painted]


async def test_a_head_asks_for_a_sort_and_a_row_takes_the_cursor() -> None:
    """A click on a head names its column, a click on a row moves there."""
    app = app_with(rows(5))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)

        await pilot.click(VirtualTable, offset=(38, 0))
        await pilot.click(VirtualTable, offset=(3, 3))

        assert ["use"] == [told.column for told in app.told if isinstance(told, VirtualTable.SortRequested)]
        assert "n2" == table.selected


async def test_an_empty_table_says_why() -> None:
    """No rows are explained, with the key that changes it."""
    app = app_with(rows(0))
    async with app.run_test(size=(40, 9)) as pilot:
        table = await settled(pilot)

        assert "Nothing here." in screen_text(app)
        assert "press r" in screen_text(app)
        assert table.selected is None


async def test_hostile_cells_keep_the_columns_in_line() -> None:
    """Wide, combining and bracketed names leave the next column where it was."""
    names = ["plain", "日本語のノードです", "[b]x[/b]", "a" + "\u0301" * 20, "\x1b[2Jx", "😀😀😀😀😀😀"]
    shown = Rows.of(Row(str(at), (cells(name), cells("END"))) for at, name in enumerate(names))
    app = app_with(shown)
    async with app.run_test(size=(18, 8)) as pilot:
        table = await settled(pilot)

        for y in range(1, 7):
            strip = table.render_line(y)
            assert 18 == strip.cell_length
            assert strip.text.endswith("END")


async def test_other_rows_lay_nothing_out_anew() -> None:
    """As long as the scrollbar stays, more rows or fewer are the table's own matter; its end is where they end."""
    app = app_with(rows(100))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)
        layouts: list[object] = []
        app.screen.screen_layout_refresh_signal.subscribe(table, layouts.append)

        table.show(COLUMNS, rows(50), ("use", True))
        await pilot.press("end")
        await pilot.pause()

        assert [] == layouts
        assert "n49" == table.selected
        assert "n49" in screen_text(app).splitlines()[-1]


async def test_scrollbar_comes_and_goes_with_the_rows() -> None:
    """Few rows have the whole width, many leave a column to the scrollbar, at whatever time they come."""
    app = app_with(rows(3))
    async with app.run_test(size=(40, 11)) as pilot:
        table = await settled(pilot)
        widths = []
        for count in (3, 100, 2):
            table.show(COLUMNS, rows(count))
            await pilot.pause()
            widths.append(table.scrollable_content_region.width)

        assert [40, 39, 40] == widths
