"""Typing: filters while they are typed, commands, completion, history, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.tui.viewstate import load_view
from tests.tui.driving import driving


async def test_filter_works_while_it_is_typed_and_is_undone_by_escape(tmp_path: Path) -> None:
    """Every letter narrows the view at once; escape brings back what was there."""
    async with driving(tmp_path) as drive:
        await drive.press("slash", *"gpu-02")
        await drive.until(lambda: "gpu-01 ·" not in drive.text)

        await drive.press("escape")

        await drive.shows("gpu-01 ·")
        assert "" == drive.app.view.filter


async def test_filter_stays_until_escape_and_is_remembered(tmp_path: Path) -> None:
    """Enter keeps a filter: the header names it, the next start has it, escape at home drops it."""
    async with driving(tmp_path) as drive:
        await drive.type("/state:lost")

        assert "/ state:lost 1 kept" in drive.line("lab")
        assert "state:lost" == load_view(tmp_path / "view.json")[0].filter

    async with driving(tmp_path) as drive:
        await drive.shows("1 kept")
        await drive.press("escape")
        await drive.until(lambda: "kept" not in drive.text)


async def test_filter_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    """An empty view names the filter and the key that drops it."""
    async with driving(tmp_path) as drive:
        await drive.type("/util>1000")

        await drive.shows("No GPU fits the filter util>1000")
        assert "esc" in drive.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/util<ten", "character 6: 'ten' is not a number"),
        (":sorces", "did you mean 'sources'"),
        (":gpu gpu-09/1", "'gpu-09' is no node"),
        (":gpu gpu-01/77", "gpu-01 has no GPU 77"),
        (":at yesterday", "is not a time"),
        (":at 2038-01-01", "has not come yet"),
        (":since long", "is not a span of time"),
        (":metric utl", "did you mean"),
        (":theme pink", "is no theme"),
        (":columns util,moon", "'moon' is no column"),
        (":zoom 3", "is no zoom"),
    ],
)
async def test_mistake_is_one_line(tmp_path: Path, line: str, words: str) -> None:
    """What cannot be done is said in one line; a line that makes no sense stays open to be mended."""
    async with driving(tmp_path) as drive:
        await drive.type(line)

        await drive.shows(words)


async def test_completion_and_history(tmp_path: Path) -> None:
    """Tab completes, up brings back the line before."""
    async with driving(tmp_path) as drive:
        await drive.press("colon", *"sou", "tab", "enter")
        await drive.until(lambda: "sources" == drive.app.page_id)

        await drive.press("colon", "up")

        await drive.shows(":sources")
        await drive.press("escape")
        assert "sources" == drive.app.page_id


async def test_letters_typed_are_not_keys(tmp_path: Path) -> None:
    """While a line is open, q is a letter; ctrl+c leaves even then."""
    async with driving(tmp_path) as drive:
        await drive.press("colon", "q", "2", "left_square_bracket")

        assert drive.app.is_running
        await drive.shows(":q2[")
        await drive.pilot.press("ctrl+c")
        await drive.until(lambda: drive.app._exit)


async def test_key_that_follows_at_once_reaches_the_line(tmp_path: Path) -> None:
    """Keys sent in one burst after `:` all reach the line: none is lost to the page."""
    async with driving(tmp_path) as drive:
        for key in ("colon", *"heat"):
            drive.app.simulate_key(key)
        drive.app.simulate_key("enter")

        await drive.until(lambda: "heat" == drive.app.page_id)


async def test_letter_lays_nothing_out_anew(tmp_path: Path) -> None:
    """A letter changes the prompt's two lines and nothing else: after the first hint, its place stays."""
    async with driving(tmp_path) as drive:
        await drive.press("slash", "u")
        await drive.press("backspace")
        layouts: list[object] = []
        drive.app.screen.screen_layout_refresh_signal.subscribe(drive.app.screen, layouts.append)

        await drive.press("s", "t", "a", "t", "backspace", "left", "backspace")

        assert [] == layouts
        assert "/sa" in drive.text


async def test_line_longer_than_the_screen_scrolls(tmp_path: Path) -> None:
    """The end of what is typed is in sight, and its beginning again once the end is taken back."""
    async with driving(tmp_path, size=(80, 24)) as drive:
        await drive.press("slash", *"x" * 80, *"yz")
        assert "xxxyz" in drive.text
        await drive.press(*["backspace"] * 78)

        assert "/xxxx" in drive.text.replace("/ ", "/")
