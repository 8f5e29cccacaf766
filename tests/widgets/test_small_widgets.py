"""Header, strip, keys, charts, notes, help and panes on a screen."""

from __future__ import annotations

import asyncio
from datetime import UTC

from app.domain.fleet import cluster_facts
from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series, Subject
from app.present.cells import Cell, line
from app.present.charts import chart_of
from app.present.detail_rows import value_rows
from app.present.glyphs import ASCII
from app.present.header import badge
from app.present.help import HelpSection
from app.present.look import Look
from app.present.palettes import PALETTES
from tests.present.fleets import NOW, fleet, troubled
from tests.widgets.harness import Harness, screen_text
from widgets.chart import HistoryChart, Sparkline
from widgets.notes import EmptyNote, HelpPanel
from widgets.pane import Pane
from widgets.ribbon import ClusterHeader, EventStrip, KeyBar, Ribbon
from widgets.value_list import ValueList

LOOK = Look(NOW, tz=UTC)
GPU = Subject("gpu", node="n", index=0)


async def test_the_lines_of_a_screen_say_what_they_were_shown() -> None:
    """Header, ribbon, strip and keys, in every theme."""
    facts = cluster_facts(troubled(2, 8), NOW)
    header, ribbon, strip, keys, quiet = ClusterHeader(), Ribbon(), EventStrip(), KeyBar(), EventStrip()
    header.show(facts, LOOK, badge(facts, LOOK))
    ribbon.show(line(Cell("0 ", "quiet"), Cell("  ", "plain", "level7"), " 100 %"))
    strip.show([Event(NOW - 41, "gpu.lost", "critical", GPU, "n/0 is [lost]")], LOOK, "e events")
    keys.show((("1", "home"), ("/", "filter")), (("?", "keys"),))
    quiet.explain("Nothing happened yet.")
    app = Harness(lambda: [header, ribbon, strip, keys, quiet])
    async with app.run_test(size=(80, 8)) as pilot:
        for palette in PALETTES:
            app.theme = palette.name
            await pilot.pause()
            text = screen_text(app).splitlines()

            assert text[0].startswith(" lab │ 15/16")
            assert "100 %" in text[1]
            assert text[2].startswith(" ▲ 15:59:19 n/0 is [lost]")
            assert text[2].rstrip().endswith("e events")
            assert text[3].startswith(" 1 home  / filter")
            assert text[3].rstrip().endswith("? keys")
            assert "Nothing happened yet." in text[4]


async def test_keys_and_events_can_be_clicked() -> None:
    """A click on a key presses it, at the left and at the right; a click on an event names it."""
    strip, keys = EventStrip(), KeyBar()
    event = Event(NOW - 41, "gpu.lost", "critical", GPU, "lost")
    strip.show([event], LOOK)
    keys.show((("1", "home"), ("/", "filter")), (("?", "keys"),))
    app = Harness(lambda: [strip, keys])
    async with app.run_test(size=(60, 4)) as pilot:
        await pilot.pause()
        await pilot.click(KeyBar, offset=(10, 0))
        await pilot.click(KeyBar, offset=(54, 0))
        await pilot.click(EventStrip, offset=(5, 0))

        assert ["/", "?"] == [told.key for told in app.told if isinstance(told, KeyBar.Pressed)]
        assert [event] == [told.event for told in app.told if isinstance(told, EventStrip.Chosen)]


async def test_a_chart_fills_its_place_and_an_empty_one_explains() -> None:
    """A chart of values has axes, one without says why."""
    points = tuple(Point(NOW - 3600 + at * 60, float(at)) for at in range(60))
    series = Series(GPU, "gpu.utilization", "%", NOW - 3600, NOW, 60.0, points)
    full, bare, spark = HistoryChart(), HistoryChart(), Sparkline()
    full.show(chart_of(series, by_key()["gpu.utilization"]), LOOK)
    empty = Series(GPU, "gpu.power", "W", NOW - 3600, NOW, 60.0, ())
    bare.show(chart_of(empty, by_key()["gpu.power"], empty="Nothing stored yet."), LOOK)
    spark.show([0.0, 50.0, 100.0], 0, 100)
    app = Harness(lambda: [full, bare, spark])
    async with app.run_test(size=(60, 25)) as pilot:
        await pilot.pause()
        text = screen_text(app)

        assert "100 % │" in text
        assert "15:30" in text
        assert "Nothing stored yet." in text
        assert text.splitlines()[-1].endswith("▁▄▇")


async def test_a_pane_frames_its_body_and_shows_keys_while_focused() -> None:
    """Title and state above; below, the keys of what has the focus; the frame follows the set of signs."""
    values = ValueList()
    values.show_values(value_rows(next(fleet(1, 1).gpus()), LOOK))
    pane, other = Pane(values, title="Values"), Pane(EmptyNote(), glyphs=ASCII)
    pane.show("All values", "13", (("⏎", "chart"),))
    other.show("Notes")
    app = Harness(lambda: [pane, other])
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.set_focus(None)
        await pilot.pause()
        before = screen_text(app).splitlines()
        values.focus()
        await pilot.pause()
        after = screen_text(app).splitlines()

        assert before[0].startswith("╭ All values ─")
        assert before[0].endswith("─ 13 ╮")
        assert "⏎ chart" not in "".join(before)
        assert after[9].startswith("╰ ⏎ chart ─")
        assert after[10].startswith("+ Notes -")
        assert after[1][1:].lstrip().startswith("value")


async def test_help_scrolls_and_notes_stand_in_the_middle() -> None:
    """Help of any length fits by scrolling."""
    panel, note = HelpPanel(), EmptyNote()
    panel.show(tuple(HelpSection(f"Part {at}", (("a", "does a"), ("b", "does b"))) for at in range(30)))
    note.show("No jobs here.", "set [slurm] via")
    app = Harness(lambda: [panel, note])
    async with app.run_test(size=(90, 20)) as pilot:
        panel.focus()
        await pilot.pause()
        first = screen_text(app)
        await pilot.press("end")
        async with asyncio.timeout(30):  # it scrolls by an animation, which begins some time after the key
            while not panel.scroll_offset.y:
                await pilot.pause(0.02)

        assert "Part 0" in first
        assert "No jobs here." in first
