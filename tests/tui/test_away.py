"""Who comes back is told what happened, once and quietly."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from app.domain.digest import Change, Digest, Fired
from app.present.away_line import away_line
from app.present.cells import line_width
from app.present.look import Look
from app.services.looked import looked
from app.transport import turns
from app.tui.absence import AWAY_S, LONGEST_S, Absence
from tests.tui.boards import NOW
from tests.tui.driving import driving


def text_of(found: Digest) -> str:
    """The line as text."""
    return "".join(cell.text for cell in away_line(found, Look(NOW, tz=UTC), ":digest", 140))


def test_who_opens_the_screen_after_an_hour_was_away() -> None:
    """Since they closed it; not after ten minutes, nor where they never had it."""
    assert NOW - 2 * AWAY_S == Absence(NOW - 2 * AWAY_S).ended(NOW, 0)
    assert None is Absence(NOW - 600).ended(NOW, 0)
    assert None is Absence(None).ended(NOW, 0)


def test_who_touches_no_key_for_an_hour_was_away() -> None:
    """The first key after it tells; the time counts from the last key before, and only once."""
    here = Absence(None)
    here.ended(NOW, 1e6)
    here.ended(NOW + 100, 0)
    here.ended(NOW + 100 + AWAY_S, AWAY_S)

    assert NOW + 100 == here.ended(NOW + 101 + AWAY_S, 0.2)
    assert None is here.ended(NOW + 102 + AWAY_S, 0.1)


def test_a_screen_just_opened_was_not_left() -> None:
    """That nobody has typed since the machine started is no absence."""
    here = Absence(None)
    here.ended(NOW, 1e6)
    here.ended(NOW + 1, 1e6)

    assert None is here.ended(NOW + 2, 0.1)


def test_a_year_is_told_for_two_weeks() -> None:
    """No further back than the command of that name looks."""
    assert NOW - LONGEST_S == Absence(NOW - 365 * 86400).ended(NOW, 0)


def test_line_says_what_is_still_wrong_first() -> None:
    """Then what is over, which jobs ended, what changed; and of a quiet time that it was one."""
    found = Digest(
        NOW - 9 * 3600,
        NOW,
        (Fired(NOW - 60, "critical", "a"), Fired(NOW - 90, "warning", "b", NOW - 30), Fired(NOW - 9, "info", "c")),
        {"COMPLETED": 41, "FAILED": 1},
        (),
        (Change(NOW - 5, "warning", "node gone"),),
    )

    said = text_of(found)

    assert said.index("1 still wrong") < said.index("1 over") < said.index("41 jobs completed")
    assert "1 job failed" in said
    assert "nothing of note" in text_of(Digest(NOW - 3600, NOW))
    narrow = away_line(found, Look(NOW), ":digest tells all  esc", 80)
    assert (80, "esc") == (line_width(narrow), "".join(cell.text for cell in narrow).split()[-1])


async def test_home_tells_it_and_esc_takes_it_away(tmp_path: Path) -> None:
    """One line; esc takes it away and it does not come back by itself."""
    looked(tmp_path, NOW - 2 * 3600)
    async with driving(tmp_path) as drive:
        await drive.shows("while you were away")
        assert ":digest tells all" in drive.line("while you were away")

        await drive.press("escape")

        assert "" == drive.line("while you were away")
        drive.feed.advance(5)
        drive.app.bridge.tell()
        await drive.pilot.pause()
        assert "" == drive.line("while you were away")


async def test_digest_tells_it_whole_and_any_key_closes_it(tmp_path: Path) -> None:
    """What the command prints, over the page."""
    async with driving(tmp_path) as drive:
        await drive.type(":digest 2h")
        await drive.shows("gpu-01/5 is lost")
        await drive.shows("not as it was")

        await drive.press("x")

        await drive.until(lambda: "not as it was" not in drive.text)


async def test_who_was_here_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes are no absence."""
    monkeypatch.setattr(turns, "quiet_s", lambda: 0.0)
    looked(tmp_path, NOW - 600)
    async with driving(tmp_path) as drive:
        await drive.press("down")

        assert "" == drive.line("while you were away")
