"""What the screen shows of the feed: at once, newest only, its age told, its absence explained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.snapshot import Snapshot
from tests.present.fleets import changed, with_values
from tests.tui.boards import NOW, empty, full, healthy, stale
from tests.tui.driving import driving


async def test_frame_stands_before_anything_is_connected(tmp_path: Path) -> None:
    """Without a feed there is a header, a reason and the keys; the screen goes on trying by itself."""
    async with driving(tmp_path, None, (120, 40), ConnectionError("no daemon at /run/x; start one")) as drive:
        await drive.shows("NOT CONNECTED")
        await drive.shows("no daemon at /run/x; start one")

        assert "1 home" in drive.text
        await drive.shows("LIVE", within=5)
        assert "no daemon" not in drive.text


async def test_new_numbers_are_shown_as_they_come(tmp_path: Path) -> None:
    """A snapshot that arrives is on screen with the next look."""
    async with driving(tmp_path, healthy()) as drive:
        hot = changed(healthy(), "gpu-01", 1, lambda gpu: with_values(gpu, {"gpu.power": 123.0}))

        drive.feed.push(hot)

        await drive.shows("123 W")


async def test_numbers_grow_old_on_screen_without_any_news(tmp_path: Path) -> None:
    """When nothing comes, ages grow by the second, and in the end the badge says so."""
    async with driving(tmp_path, healthy()) as drive:
        drive.feed.advance(12)
        drive.app.bridge._due_at = 0.0
        await drive.app.bridge.tick()

        await drive.shows("STALE 13 s")
        assert "99 %" in drive.text

        drive.feed.advance(60)
        drive.app.bridge.tell()

        await drive.until(lambda: "99 %" not in drive.text)
        assert "no data for" in drive.text


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (empty(), "No source has answered yet"),
        (Snapshot(cluster="lab"), "Nothing to look at is configured"),
        (replace(healthy(), nodes={}), "The sources that answer list no GPU"),
    ],
)
async def test_empty_grid_says_why(tmp_path: Path, board: Snapshot, words: str) -> None:
    """Where there is no GPU to show, the reason and what to do stand in its place."""
    async with driving(tmp_path, board) as drive:
        await drive.shows(words)


async def test_stale_board_is_shown_old(tmp_path: Path) -> None:
    """Values of a feed that stopped are shown with the time since, not as news."""
    async with driving(tmp_path, stale()) as drive:
        await drive.shows("13 s old")

        assert "STALE" in drive.text


async def test_lost_gpu_stays_on_screen(tmp_path: Path) -> None:
    """A lost GPU keeps its place and says since when and why."""
    async with driving(tmp_path) as drive:
        assert "x 5 lost 15:59:19 · Xid 79" in drive.text
        assert "15/16" in drive.line("lab")
        assert "gpu-01/5 is lost" in drive.text.splitlines()[-2]


async def test_chart_is_asked_for_once_a_span_of_time(tmp_path: Path) -> None:
    """Looks at the same moment ask the history nothing; the next bucket of time does."""
    async with driving(tmp_path, healthy()) as drive:
        await drive.shows("16:00")
        await drive.app.workers.wait_for_complete()
        asked = len(drive.feed.asked)

        for _ in range(5):
            drive.app.bridge.tell()
            await drive.pilot.pause()
        assert asked == len(drive.feed.asked)

        drive.feed.push(healthy(), NOW + 120)
        await drive.until(lambda: len(drive.feed.asked) > asked)


async def test_history_that_fails_leaves_the_numbers_alone(tmp_path: Path) -> None:
    """A store that cannot answer is one sentence in the chart's place."""
    async with driving(tmp_path, healthy()) as drive:
        drive.feed.refusal = LookupError("no history is kept: the store is off")
        await drive.press("m")

        await drive.shows("no history is kept: the store is off")
        assert "99 %" in drive.text


async def test_error_in_a_handler_is_a_note_and_the_page_lives_on(tmp_path: Path) -> None:
    """A mistake of ours in one look does not take the screen down; the next look is well."""
    async with driving(tmp_path, healthy()) as drive:
        page = drive.app.page
        assert page is not None
        show = page.show

        def stumble(_: object) -> None:
            raise RuntimeError("boom [b]")

        page.show = stumble  # type: ignore[assignment,method-assign]
        drive.app.bridge.tell()
        await drive.shows("boom [b]")
        page.show = show  # type: ignore[method-assign]

        drive.feed.push(changed(healthy(), "gpu-01", 1, lambda gpu: with_values(gpu, {"gpu.power": 123.0})))

        await drive.shows("123 W")


async def test_text_from_outside_is_never_markup(tmp_path: Path) -> None:
    """Brackets and control characters of job and process names arrive as text, or not at all."""
    nasty = changed(full(), "gpu-02", 0, lambda gpu: replace(gpu, hpc_jobs=("12_[1-9]", "\x1b[31mred")))

    async with driving(tmp_path, nasty, (160, 50)) as drive:
        assert "12_[1-9]" in drive.text
        assert "\x1b" not in drive.text
