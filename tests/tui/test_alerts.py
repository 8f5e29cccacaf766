"""The page of alerts: looking, going, acknowledging, silencing; and nothing of it where nothing may be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import thread_time

import pytest
from textual.widgets import Input

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.services.alerting import Alerting
from app.tui.dialogue import Dialogue
from app.tui.form_dialogue import FormDialogue
from app.tui.page import Page
from tests.present.fleets import NOW
from tests.tui.alarms import HOT, LOST, SILENCE, alarmed, evaluator, hostile, many
from tests.tui.boards import full, healthy
from tests.tui.driving import Drive, driving


@asynccontextmanager
async def at_alerts(
    folder: Path, now: AlertsNow | None = None, size: tuple[int, int] = (120, 40), **more: object
) -> AsyncIterator[Drive]:
    """The page of alerts on the board with every kind of trouble; what was not given is frozen."""
    async with driving(folder, full(), size, **more) as drive:  # type: ignore[arg-type]  # fields of ScreenOptions
        drive.feed.alerting = evaluator(full())
        drive.feed.alerted = alarmed() if now is None else now
        drive.app.on_fresh()
        await drive.press("exclamation_mark")
        await settled(drive)
        yield drive


async def settled(drive: Drive) -> None:
    """Everything asked for has come."""
    await drive.app.workers.wait_for_complete()
    await drive.pilot.pause()


async def evaluating(drive: Drive) -> Alerting:
    """From now on alerts are those that the rules give; the GPU that is hot has been so for long enough."""
    alerting = drive.feed.alerting
    assert alerting is not None
    drive.feed.alerted = NO_ALERTS
    for at in (NOW - 1200, NOW):
        await alerting.step(full(), at)
    drive.app.on_fresh()
    await drive.pilot.pause()
    return alerting


def page_id(drive: Drive) -> str:
    """The page that is open."""
    return drive.app.screen.ID if isinstance(drive.app.screen, Page) else ""


async def write(drive: Drive, field: str, text: str) -> None:
    """Put a text into a field of the form."""
    drive.app.screen.query_one(f"#ask-{field}", Input).value = text
    await drive.pilot.pause()


async def test_page_shows_states_reasons_silences_and_the_chosen_one(tmp_path: Path) -> None:
    """Everything without a key; the cursor on the gravest."""
    async with at_alerts(tmp_path) as drive:
        for text in (
            "Xid 79, a fault of the GPU itself", "no data", "pending", "over", "inhibited", "silenced", "acknowledged",
            "maintenance", "GpuXidFatal · firing for 3 min", "true since 15:56:19", 'alertname=~"Vllm.*"',
        ):  # fmt: skip
            assert text in drive.text
        await drive.press("down", "down", "down")
        assert "until 17:30 by ana: fan ordered, ticket 4711" in drive.text
        assert "91 °C" in drive.line("41 min")


@pytest.mark.parametrize(
    ("steps", "key", "page", "text"),
    [(0, "enter", "gpu", "gpu-01/5"), (2, "enter", "node", "gpu-01"), (6, "enter", "services", "Nemotron"),
     (0, "n", "node", "gpu-01"), (0, "e", "rule", "GpuXidFatal"), (0, "r", "rules", "GpuXidFatal"),
     (0, "N", "rule", "New rule")],
)  # fmt: skip
async def test_keys_lead_to_the_subject_the_rule_and_the_rules(
    tmp_path: Path, steps: int, key: str, page: str, text: str
) -> None:
    """Enter to what it is about, the most exact first; `n` its node, `e` its rule, `r` all rules, `N` a new one."""
    async with at_alerts(tmp_path) as drive:
        await drive.press(*["down"] * steps, key)
        await settled(drive)
        assert page == page_id(drive)
        assert text in drive.text


async def test_subject_without_a_page_is_explained(tmp_path: Path) -> None:
    """What nobody knows any more cannot be opened."""
    async with at_alerts(tmp_path) as drive:
        await drive.press("down", "down", "down", "down", "down", "enter")
        await drive.shows("gpu-04 has no page: nothing such is known here now")
        assert "alerts" == page_id(drive)


async def test_command_opens_an_alert_by_its_id(tmp_path: Path) -> None:
    """`:alerts ID`, or its beginning; one that is not there is refused."""
    async with at_alerts(tmp_path) as drive:
        await drive.press("1")
        await drive.type(f":alerts {HOT.id[:6]}")
        assert "GpuHot · firing" in drive.text
        await drive.type(":alerts a-nothing")
        await drive.shows("no alert is called 'a-nothing'")


async def test_acknowledging_asks_for_a_note_and_shows_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`k`, a note, enter: the alert is quiet, and says by whom and why. Escape would have done nothing."""
    monkeypatch.setenv("USER", "ana")
    async with at_alerts(tmp_path) as drive:
        alerting = await evaluating(drive)
        await drive.press("k", "escape")
        assert () == alerting.now().acks
        await drive.press("k")
        assert isinstance(drive.app.screen, FormDialogue)
        await drive.press("o", "n", "space", "i", "t", "enter")
        await settled(drive)
        await drive.shows("taken on   16:00 by ana: on it")
        assert "acknowledged" in drive.text
        assert ["on it"] == [one.note for one in alerting.now().acks]


async def test_silence_is_prefilled_checked_while_typing_and_made(tmp_path: Path) -> None:
    """The alert's own labels; what it would mute; what is wrong with it; then it is there, and the alert is quiet."""
    async with at_alerts(tmp_path) as drive:
        alerting = await evaluating(drive)
        await drive.press("z")
        first = alerting.now().alerts
        assert 'alertname="' in drive.text
        await drive.shows("It mutes 1 of")
        await write(drive, "matchers", 'node=~".*"')
        await drive.shows("would match everything")
        await write(drive, "matchers", "node=")
        await drive.shows("is no list of labels")
        await drive.press("enter")
        assert () == alerting.now().silences
        await write(drive, "matchers", 'node=~"gpu-0[12]"')
        await write(drive, "span", "soon")
        await drive.shows("'soon' is not a span of time")
        await write(drive, "span", "45m")
        await write(drive, "comment", "we know")
        await drive.press("enter")
        await settled(drive)
        await drive.shows("45 min")
        made = alerting.now().silences
        assert [("we know", 2700.0)] == [(one.comment, one.ends_at - one.starts_at) for one in made]
        await alerting.step(full(), NOW)
        drive.app.on_fresh()
        await drive.shows("silenced")
        assert len(first) == len(alerting.now().alerts)


async def test_silence_ends_after_one_question(tmp_path: Path) -> None:
    """`x` on the muted alert, or on the silence itself; `y` ends it, any other key does not."""
    async with at_alerts(tmp_path) as drive:
        alerting = await evaluating(drive)
        silence = await alerting.silence(SILENCE.matchers, 600.0, "ana", "fan")
        await alerting.step(full(), NOW)
        drive.app.on_fresh()
        await drive.pilot.pause()
        drive.app.screen.query_one("#silences").focus()
        await drive.press("x")
        assert isinstance(drive.app.screen, Dialogue)
        assert f"alerts unsilence {silence.id}" in drive.text
        assert "GpuHot gpu-02/2 is told again" in drive.text
        await drive.press("n")
        assert 1 == len(alerting.now().silences)
        await drive.press("x", "y")
        await settled(drive)
        assert () == alerting.now().silences
        await drive.press("x")
        await drive.shows("no silence is chosen")


@pytest.mark.parametrize("key", ["k", "z", "x"])
async def test_read_only_and_the_past_refuse_every_wish(tmp_path: Path, key: str) -> None:
    """Nothing opens; one line says why."""
    async with at_alerts(tmp_path, read_only=True) as drive:
        await drive.press(key)
        await drive.shows("--read-only: alerts and rules are only looked at")
    async with at_alerts(tmp_path) as drive:
        drive.feed.past = {NOW - 600: healthy()}
        await drive.type(":at 15:50")
        await settled(drive)
        await drive.shows("Alerts are known as they are now, not as they were")
        await drive.press(key)
        await drive.shows("no alert is chosen" if key != "x" else "this is the past")


async def test_what_the_desk_refuses_stays_in_the_form(tmp_path: Path) -> None:
    """An alert that has gone meanwhile cannot be taken on; the form says so and keeps the note."""
    async with at_alerts(tmp_path) as drive:
        await drive.press("k", "h", "i", "enter")
        await settled(drive)
        await drive.shows("there is no alert")
        assert isinstance(drive.app.screen, FormDialogue)
        assert "hi" == drive.app.screen.query_one("#ask-note", Input).value


async def test_nobody_evaluates_is_said(tmp_path: Path) -> None:
    """On the page, and to who wishes something."""
    async with at_alerts(tmp_path, NO_ALERTS) as drive:
        assert "No rule was evaluated yet" in drive.text
        drive.feed.alerting = None
        drive.feed.alerted = alarmed()
        drive.app.on_fresh()
        await drive.press("k", "enter")
        await settled(drive)
        await drive.shows("alerts are not evaluated yet")


async def test_hostile_texts_are_harmless(tmp_path: Path) -> None:
    """On the page, in the form and in the question nothing of them acts."""
    for size in ((80, 24), (120, 40)):
        async with at_alerts(tmp_path, hostile(), size) as drive:
            for key in ("space", "z", "escape", "k", "escape", "x", "escape", "e", "escape", "r"):
                await drive.press(key)
                await settled(drive)
                assert "\x1b" not in drive.text
                assert "\u202e" not in drive.text


async def test_small_page_shows_one_part_at_a_time(tmp_path: Path) -> None:
    """Space goes from the chosen alert to the silences."""
    async with at_alerts(tmp_path, size=(80, 24)) as drive:
        assert "rolling out" not in drive.text
        await drive.press("space")
        await drive.pilot.pause()
        assert "mutes" in drive.text
        assert "true since" not in drive.text


async def test_ascii_screen_is_ascii(tmp_path: Path) -> None:
    """Page, form and question, and the editor with its strip."""
    async with at_alerts(tmp_path, ascii=True) as drive:
        for key in ("down", "z", "escape", "r", "enter"):
            await drive.press(key)
            await settled(drive)
            filtered = drive.app.get_line_filters()
            assert any(type(one).__name__ == "PlainCharacters" for one in filtered)
            text = drive.text.translate({ord(sign): " " for sign in "°×—–−…·•│─▲▴▾◆●▌█▊▎▁▔"})
            assert text.isascii(), text


async def test_ten_thousand_alerts_do_not_hold_a_key_up(tmp_path: Path) -> None:
    """The page answers at once, and the cursor stays with its alert."""
    async with at_alerts(tmp_path, many()) as drive:
        began = thread_time()
        await drive.press("down", "down", "end", "home")
        assert thread_time() - began < 3.0
        assert LOST.id not in drive.text
