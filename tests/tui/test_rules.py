"""The rules and their editor: listing, switching, deleting; writing with a live check and a trial on the last day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest
from textual.widgets import Input

from app.domain.series import Series, Subject
from app.services.alerting import Alerting
from app.tui import rule_trying
from app.tui.page import Page
from app.tui.screens.rule import RulePage
from tests.tui.alarms import alarmed, evaluator
from tests.tui.boards import full
from tests.tui.driving import Drive, driving
from widgets.choice import Choice


@asynccontextmanager
async def at(
    folder: Path, line: str, size: tuple[int, int] = (120, 40), **more: object
) -> AsyncIterator[tuple[Drive, Alerting]]:
    """A page of rules, with who takes wishes."""
    async with driving(folder, full(), size, **more) as drive:  # type: ignore[arg-type]  # fields of ScreenOptions
        drive.feed.alerting = alerting = evaluator(full())
        drive.feed.alerted = alarmed()
        drive.app.on_fresh()
        await drive.type(line)
        await settled(drive)
        yield drive, alerting


async def settled(drive: Drive) -> None:
    """Everything asked for has come."""
    await drive.app.workers.wait_for_complete()
    await drive.pilot.pause()


async def write(drive: Drive, field: str, text: str) -> None:
    """Put a text into a field of the editor."""
    drive.app.screen.query_one(f"#rule-{field}", Input).value = text
    await drive.pilot.pause()


def page_id(drive: Drive) -> str:
    """The page that is open."""
    return drive.app.screen.ID if isinstance(drive.app.screen, Page) else ""


def read(drive: Drive, field: str) -> str:
    """What stands in a field of the editor."""
    return drive.app.screen.query_one(f"#rule-{field}", Input).value


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial begins at once."""
    monkeypatch.setattr(rule_trying, "PAUSE_S", 0.0)


async def test_list_says_how_many_fire_and_what_is_wrong_in_files(tmp_path: Path) -> None:
    """With file and line, and which rule cannot be evaluated."""
    async with at(tmp_path, ":rules") as (drive, _):
        assert "43 on, 1 off" in drive.text
        assert "1" in drive.line("GpuHot ")
        assert "error" in drive.line("GpuEccUncorrected")
        for text in ("/home/ana/rules.toml:17", "unknown metric", "/home/ana/rules.toml:22", "did you"):
            assert text in drive.text


async def test_rule_is_switched_off_and_on(tmp_path: Path) -> None:
    """`o` turns it off, `o` turns it on again; the list shows it at once."""
    async with at(tmp_path, ":rules") as (drive, alerting):
        await drive.press("o")
        await settled(drive)
        await drive.shows("GpuXidFatal is off; o turns it on again")
        assert not alerting.book.rules["GpuXidFatal"].enabled
        await drive.press("o")
        await settled(drive)
        assert alerting.book.rules["GpuXidFatal"].enabled


async def test_only_what_was_made_here_is_deleted_and_after_a_question(tmp_path: Path) -> None:
    """Ours and those of files can be turned off; those made here go with `X`, `y`."""
    async with at(tmp_path, ":rules") as (drive, alerting):
        await drive.press("X")
        await drive.shows("GpuXidFatal cannot be deleted: it comes with the program; o turns it off")
        await alerting.add_rule({"name": "Mine", "metric": "gpu.power", "above": 600})
        await drive.type(":rules")
        await drive.press("r", "r")
        await settled(drive)
        await drive.press("end")
        assert "Mine" in drive.line("made here")
        await drive.press("X", "n")
        assert "Mine" in alerting.book.rules
        await drive.press("X", "y")
        await settled(drive)
        assert "Mine" not in alerting.book.rules
        assert "made here" not in drive.text


async def test_editor_shows_a_rule_and_when_it_would_have_fired(tmp_path: Path) -> None:
    """Its fields, what it means, of whom it is true now, and the last day as strips."""
    async with at(tmp_path, ":rule GpuWarm") as (drive, _):
        assert ("gpu.temperature", "68 °C", "2m") == (
            read(drive, "condition"),
            read(drive, "limit"),
            read(drive, "hold"),
        )
        assert "warning where gpu.temperature > 68 (°C) for 2m" in drive.text
        assert "true now of 1 · gpu-02/2 91 °C" in drive.text
        assert "would have fired 59 times on 16 of 16" in drive.text
        assert "━" in drive.line("gpu-01/3")
        assert "gpu-01/7  temperature  came closest to the limit" in drive.text
        assert 17 == sum(metric == "gpu.temperature" for _, metric, _, _ in drive.feed.asked)


async def test_typing_is_checked_at_once_and_tried_anew(tmp_path: Path) -> None:
    """A mistake names what is near; mended, the strip is another."""
    async with at(tmp_path, ":rule GpuWarm") as (drive, _):
        await drive.press("end", "backspace", "x")
        assert "did you mean 'gpu.temperature'?" in drive.text
        assert "would have fired" not in drive.text.replace("when it would have fired", "")
        await drive.press("backspace", "e")
        await write(drive, "limit", "300 °C")
        await settled(drive)
        assert "would not have fired in the last day" in drive.text
        await write(drive, "limit", "80 W")
        assert "gpu.temperature is in °C" in drive.text


async def test_new_rule_is_written_by_keys_and_made(tmp_path: Path) -> None:
    """Name, condition, comparison, limit, for; it is tried before it has a name; `^s` saves."""
    async with at(tmp_path, ":rule") as (drive, alerting):
        assert "write a metric" in drive.text
        await drive.press("tab", "tab", *"gpu.power".replace(".", " ").split()[0], "full_stop", *"power")
        await drive.press("tab", "b")
        assert "below" == drive.app.screen.query_one("#rule-comparison", Choice).value
        await drive.press("space", "left", "tab", *"100")
        await settled(drive)
        await drive.shows("gpu.power < 100")
        await drive.press("ctrl+s")
        await drive.shows("a rule needs a name")
        await write(drive, "name", "GpuHot")
        await drive.shows("there is a rule 'GpuHot' already")
        await write(drive, "name", "Sleepy")
        await write(drive, "hold", "10m")
        await drive.press("ctrl+s")
        await settled(drive)
        await drive.shows("rule Sleepy is made")
        rule = alerting.book.rules["Sleepy"]
        assert ("gpu.power < 100", 600.0, "made here") == (rule.expr, rule.for_s, rule.origin)
        await write(drive, "hold", "20m")
        await drive.press("ctrl+s")
        await settled(drive)
        await drive.shows("rule Sleepy is changed")
        assert 1200.0 == alerting.book.rules["Sleepy"].for_s


async def test_changed_rule_of_ours_keeps_what_was_not_changed(tmp_path: Path) -> None:
    """Only the difference is wished; nothing changed is nothing wished."""
    async with at(tmp_path, ":rule GpuHot") as (drive, alerting):
        before = alerting.book.rules["GpuHot"]
        await drive.press("ctrl+s")
        await drive.shows("nothing is changed")
        await write(drive, "hold", "30m")
        await drive.press("ctrl+s")
        await settled(drive)
        after = alerting.book.rules["GpuHot"]
        assert (1800.0, before.expr, before.text) == (after.for_s, after.expr, after.text)


async def test_escape_warns_once_where_something_is_not_saved(tmp_path: Path) -> None:
    """Then it leaves, and nothing was changed."""
    async with at(tmp_path, ":rule GpuWarm") as (drive, alerting):
        await write(drive, "hold", "30m")
        await settled(drive)
        await drive.press("escape")
        await drive.shows("not saved: ^s saves, escape again leaves")
        await drive.press("escape")
        assert "home" == page_id(drive)
        assert 120.0 == alerting.book.rules["GpuWarm"].for_s


async def test_trial_never_holds_a_key_up_and_escape_stops_it(tmp_path: Path) -> None:
    """While the history does not answer letters appear at once; escape stops, and the question to the history ends."""
    ended = asyncio.Event()

    async def endless(subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with driving(tmp_path, full()) as drive:
        drive.feed.alerting = evaluator(full())
        drive.feed.alerted = alarmed()
        drive.feed.series = endless  # type: ignore[method-assign]  # the history hangs
        drive.app.on_fresh()
        await drive.type(":rule GpuWarm")
        await drive.shows("trying it on the last day")
        began = perf_counter()
        await drive.press("down", "end", "backspace")
        assert perf_counter() - began < 20.0, "the history would never come"
        await drive.shows("trying it on the last day")
        await drive.press("escape")
        await asyncio.wait_for(ended.wait(), 5)
        await drive.shows("stopped; any change tries it again")
        assert "rule" == page_id(drive)


async def test_states_the_history_does_not_keep_are_said_and_still_judged_now(tmp_path: Path) -> None:
    """A rule over states has no strip, but of whom it is true now is known."""
    async with at(tmp_path, ":rule") as (drive, _):
        await write(drive, "condition", "gpu.lost == 1")
        await settled(drive)
        assert "true now of 1 · gpu-01/5" in drive.text
        assert "the history keeps no series of these states" in drive.text


async def test_history_that_is_off_is_said_and_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No strip, and no claim that nothing would have fired; once it answers the strip comes by itself."""
    monkeypatch.setattr(rule_trying, "AGAIN_S", 0.0)
    async with at(tmp_path, ":rule") as (drive, _):
        drive.feed.refusal = LookupError("no history is kept: the store is off")
        await write(drive, "condition", "gpu.power")
        await write(drive, "limit", "1")
        await settled(drive)
        assert "no history is kept: the store is off" in drive.text
        assert "would not have fired" not in drive.text
        drive.feed.refusal = None
        await drive.shows(" on 16 of 16")


async def test_read_only_editor_looks_and_saves_nothing(tmp_path: Path) -> None:
    """The trial works; saving, switching and deleting are refused."""
    async with at(tmp_path, ":rule GpuWarm", read_only=True) as (drive, alerting):
        assert "would have fired 59 times" in drive.text
        await write(drive, "hold", "30m")
        await drive.press("ctrl+s")
        await drive.shows("--read-only: alerts and rules are only looked at")
        assert 120.0 == alerting.book.rules["GpuWarm"].for_s
    async with at(tmp_path, ":rules", read_only=True) as (drive, alerting):
        for key in ("o", "X"):
            await drive.press(key)
            await drive.shows("--read-only")
        assert alerting.book.rules["GpuXidFatal"].enabled


async def test_rule_that_is_not_there_cannot_be_saved(tmp_path: Path) -> None:
    """A name that nobody knows."""
    async with at(tmp_path, ":rule Nothing") as (drive, alerting):
        assert isinstance(drive.app.screen, RulePage)
        await write(drive, "condition", "gpu.power > 1")
        await drive.press("ctrl+s")
        await drive.shows("there is no rule 'Nothing'")
        assert "Nothing" not in alerting.book.rules
