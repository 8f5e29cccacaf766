"""Time travel: the whole screen shows a moment of the past, and says so."""

from __future__ import annotations

from pathlib import Path

from app.domain.series import Subject
from tests.present.fleets import INTERVAL_S
from tests.tui.boards import NOW, full, healthy
from tests.tui.driving import Drive, driving


def with_past(drive: Drive) -> Drive:
    """A quarter of an hour of healthy minutes before the trouble."""
    drive.feed.past = {NOW - 60.0 * minute: healthy() for minute in range(1, 16)}
    return drive


async def test_screen_shows_the_moment_asked_for(tmp_path: Path) -> None:
    """`:at` shows GPUs and events as they were, under a badge, and the charts end there."""
    async with driving(tmp_path, full()) as drive:
        with_past(drive)
        await drive.type(":at 15:50")

        await drive.shows("REPLAY 15:50")
        await drive.app.workers.wait_for_complete()
        assert "16/16" in drive.line("lab")
        assert "is lost" not in drive.text
        assert NOW - 600 == max(
            end for subject, _, _, end in drive.feed.asked[-3:] if subject == Subject("gpu", "gpu-01", 0)
        )


async def test_steps_go_from_kept_moment_to_kept_moment_and_on_to_now(tmp_path: Path) -> None:
    """`[` is the kept moment before, `]` the one after; after the last comes now."""
    async with driving(tmp_path, full()) as drive:
        with_past(drive)
        await drive.press("left_square_bracket")
        await drive.shows("REPLAY 15:59:00")
        await drive.press("left_square_bracket")
        await drive.shows("REPLAY 15:58:00")

        await drive.press("right_square_bracket")
        await drive.shows("REPLAY 15:59:00")
        await drive.press("right_square_bracket")

        await drive.shows("LIVE")


async def test_brace_goes_to_the_event_before(tmp_path: Path) -> None:
    """`{` lands on the first kept moment that knows of the newest event, then on that of the event before."""
    async with driving(tmp_path, full()) as drive:
        drive.feed.past = {NOW - 1902: healthy(), NOW - 1897: full(), NOW - 45: healthy(), NOW - 40: full()}
        await drive.press("left_curly_bracket")
        await drive.shows("REPLAY 15:59:20")
        await drive.shows("x 5 lost")

        await drive.press("left_curly_bracket")

        await drive.shows("REPLAY 15:28:23")


async def test_nothing_live_moves_a_past_picture(tmp_path: Path) -> None:
    """News that come meanwhile change nothing on screen; `}` shows them."""
    async with driving(tmp_path, full()) as drive:
        with_past(drive)
        await drive.type(":at -10m")
        await drive.shows("REPLAY")
        before = drive.text

        drive.feed.push(full(), NOW + INTERVAL_S)
        await drive.pilot.pause()
        assert before == drive.text

        await drive.press("right_curly_bracket")
        await drive.shows("x 5 lost")


async def test_ages_are_reckoned_against_the_moment(tmp_path: Path) -> None:
    """A picture an hour old is not shown as an hour old, but as fresh as it was then."""
    async with driving(tmp_path, full()) as drive:
        drive.feed.past = {NOW - 3600: healthy()}
        drive.feed.advance(0)
        await drive.type(":at 15:00")

        await drive.shows("REPLAY 15:00")
        assert "99 %" in drive.text


async def test_moment_that_is_not_kept_is_refused_with_the_oldest(tmp_path: Path) -> None:
    """Beyond what is kept the screen stays where it is and says how far back it can go."""
    async with driving(tmp_path, full()) as drive:
        await drive.type(":at -2d")

        await drive.shows("the oldest kept is 11-23 16:00")
        assert "LIVE" in drive.text


async def test_pages_share_the_moment(tmp_path: Path) -> None:
    """Another page opened in the past shows the past."""
    async with driving(tmp_path, full()) as drive:
        with_past(drive)
        await drive.type(":at 15:50")
        await drive.shows("REPLAY")

        await drive.press("2")

        await drive.until(lambda: "gpus" == drive.app.page_id)
        await drive.until(lambda: "lost" not in drive.text)
        assert "REPLAY 15:50" in drive.text
