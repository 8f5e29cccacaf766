"""Asking: the answer as it grows, stopping it, what it is about, asking again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.agent.desk import BrainStatus
from app.agent.events import Event, TextAdded, TextWithdrawn
from app.domain.chat import Chip
from app.tui.chat_view import ChatView
from app.tui.page import Page
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.boards import healthy
from tests.tui.diagnoses import troubles
from tests.tui.driving import Drive, driving
from tests.tui.fake_chat import FakeChat, events_of, exchange, opening
from widgets.chat_line import AskLine


@asynccontextmanager
async def chatting(
    folder: Path,
    chat: FakeChat,
    *keys: str,
    size: tuple[int, int] = (120, 40),
    **more: Any,  # noqa: ANN401 - fields of ScreenOptions
) -> AsyncIterator[Drive]:
    """The screen with a scripted desk; by `5` on the chat's own page where no other keys are given."""
    async with driving(folder, slurm_fleet(), size, chat=opening(chat), **more) as drive:
        drive.feed.past = {NOW - 1800: healthy()}
        drive.feed.diagnosed = troubles()
        drive.app.on_fresh()
        await drive.press(*(keys or ("5",)))
        yield drive


def view_of(drive: Drive) -> ChatView:
    """The chat on the page that is open."""
    return drive.app.screen.query_one(ChatView)


async def ask(drive: Drive, text: str) -> None:
    """Type a question and send it."""
    drive.app.screen.query_one(AskLine).put(text)
    await drive.press("enter")


async def answered(drive: Drive) -> None:
    """Wait until the answer is over and shown."""
    await drive.until(lambda: not view_of(drive).talk.is_answering)
    await drive.pilot.pause()


def page_id(drive: Drive) -> str:
    """The page that is open."""
    assert isinstance(drive.app.screen, Page)
    return drive.app.screen.ID


async def test_answer_is_shown_with_what_it_looked_at(tmp_path: Path) -> None:
    """The question, the looks as folded lines, the answer with its table, what it took, who answered."""
    chat = FakeChat(events_of(exchange(blind=("dmesg of gpu-03: not allowed",))))
    async with chatting(tmp_path, chat, size=(120, 50)) as drive:
        await ask(drive, "why is job 812 slow?")
        await answered(drive)
        for text in (
            "> why is job 812 slow?",
            "▸ [1] diagnose · 42 ms · 2 findings, the worst critical",
            "▸ [2] metric_history gpu-01/3 util 30m · 18 ms",
            "gpu-01/3   0 %   98 W  stopped",
            "▲412 GPU-hours",
            "What I could not see",
            "4.1 s · 2,722 tok",
            "offline analyst",
        ):
            assert text in drive.text

    assert [("why is job 812 slow?", (), "", "", None)] == chat.asked


async def test_answer_grows_and_is_seen_growing(tmp_path: Path) -> None:
    """What came so far is on screen while the rest is awaited; what is withdrawn goes."""
    script: list[Event] = [TextAdded("the first "), TextAdded("the second"), TextWithdrawn(), TextAdded("another")]
    chat = FakeChat([*script, *events_of(exchange())[-1:]])
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "x?")
        await drive.shows("the first")
        chat.gate.set()
        await answered(drive)
        assert "the first" not in drive.text


async def test_escape_stops_at_once_and_then_leaves(tmp_path: Path) -> None:
    """The first escape closes the answer and keeps what came; the next one goes back."""
    chat = FakeChat([TextAdded("so far"), TextAdded(" and more")])
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "x?")
        await drive.shows("so far")
        await drive.press("escape")
        await answered(drive)
        assert 1 == chat.stopped
        assert "so far" in drive.text
        assert "stopped" in drive.text
        await drive.press("escape")
        assert "home" == page_id(drive)


async def test_answer_goes_on_while_another_page_is_open(tmp_path: Path) -> None:
    """Leaving the page stops nothing; the docked chat shows the same conversation."""
    chat = FakeChat(events_of(exchange()))
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await drive.press("tab", "2")
        assert "gpus" == page_id(drive)
        chat.gate.set()
        await drive.press("a")
        await answered(drive)
        await drive.shows("▲412 GPU-hours")


async def test_leaving_the_program_ends_the_answer_and_closes_the_desk(tmp_path: Path) -> None:
    """Whoever quits while an answer is made loses nothing that was kept, and no error is raised."""
    chat = FakeChat([TextAdded("so far"), TextAdded(" and more")])
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "x?")
        await drive.shows("so far")
        await drive.press("ctrl+c")

    assert (1, True) == (chat.stopped, chat.is_closed)


async def test_failures_are_told_in_place_of_the_answer(tmp_path: Path) -> None:
    """An answer that breaks says why; the next question is not harmed."""
    chat = FakeChat(events_of(exchange()))
    chat.failure = ConnectionError("the model at http://x/v1 does not answer")
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await answered(drive)
        assert "▲ the model at http://x/v1 does not answer" in drive.text
        chat.failure = None
        await ask(drive, "again?")
        await answered(drive)
        await drive.shows("▲412")


async def test_nobody_answers_is_explained(tmp_path: Path) -> None:
    """Without an agent the page says so, and a question is refused in its place."""
    async with driving(tmp_path, slurm_fleet()) as drive:
        await drive.press("5")
        await drive.shows("nobody answers from here")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (BrainStatus("offline"), "offline analyst"),
        (BrainStatus("ready", "nemotron"), "● nemotron"),
        (BrainStatus("connecting", "nemotron"), "nemotron connecting"),
        (BrainStatus("unreachable", "nemotron", "connection refused"), "▲ nemotron unreachable, offline analyst"),
    ],
)
async def test_who_answers_stands_in_the_frame(tmp_path: Path, status: BrainStatus, words: str) -> None:
    """The analyst, or the model with its state."""
    async with chatting(tmp_path, FakeChat(status=status)) as drive:
        await drive.shows(words)


# ── what it is about ──


@pytest.mark.parametrize(
    ("keys", "chip"),
    [
        (("a",), Chip("gpu", "gpu-01/0")),
        (("3", "a"), Chip("job", "812")),
        (("4", "a"), Chip("incident", "i-12")),
        (("0", "end", "a"), Chip("node", "gpu-01")),
    ],
    ids=["home", "queue", "incidents", "partitions"],
)
async def test_a_asks_about_what_is_chosen(tmp_path: Path, keys: tuple[str, ...], chip: Chip) -> None:
    """`a` opens the chat beside the page with the chosen thing as a chip, and goes with the question."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat, *keys) as drive:
        about = view_of(drive).about.chips
        assert chip.kind == about[0].kind
        await ask(drive, "why?")
        await answered(drive)

    assert about == chat.asked[0][1]


async def test_chips_are_taken_away_by_backspace(tmp_path: Path) -> None:
    """Backspace on an empty line takes the last chip; in text it takes a letter."""
    async with chatting(tmp_path, FakeChat(), "a") as drive:
        assert "about  gpu gpu-01/0" in drive.text
        await drive.press("x", "backspace")
        assert "gpu gpu-01/0" in drive.line("about  ")
        await drive.press("backspace")
        assert "about  gpu" not in drive.text


async def test_letters_go_to_the_line_at_once(tmp_path: Path) -> None:
    """The very next key after `a` is typed, keys of the page are letters, and enter sends."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat) as drive:
        await drive.press("escape")
        await drive.pilot.press("a", "n", "q", "5", "question_mark", "enter")
        await drive.until(lambda: bool(chat.asked))

    assert "nq5?" == chat.asked[0][0]


async def test_past_on_screen_goes_with_the_question(tmp_path: Path) -> None:
    """In the past the moment is a chip; taken away, the question is about now."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat, "1") as drive:
        await drive.type(":at 15:30")
        await drive.until(lambda: drive.app.moment.replay_at is not None)
        await drive.press("5")
        assert "at 15:30:00" in drive.line("about  ")
        await ask(drive, "what was wrong?")
        await answered(drive)
        await drive.press("backspace")
        await ask(drive, "and now?")
        await answered(drive)

    assert [NOW - 1800, None] == [one[4] for one in chat.asked]


async def test_dock_closes_and_gives_the_keys_back(tmp_path: Path) -> None:
    """Escape closes the docked chat; the page has its keys and its room again."""
    async with chatting(tmp_path, FakeChat(), "3", "a") as drive:
        assert "about  job 812" in drive.text
        await drive.press("escape")
        assert [] == list(drive.app.screen.query(ChatView))
        await drive.press("space")
        await drive.shows("marked")


async def test_dock_lends_the_keys_to_the_page(tmp_path: Path) -> None:
    """Shift+tab leaves the chat open and goes to the page; `a` comes back with what is chosen there by then."""
    async with chatting(tmp_path, FakeChat(), "3", "a") as drive:
        await drive.press("shift+tab", "down", "a")
        assert (Chip("job", "812"), Chip("job", "815")) == view_of(drive).about.chips
        assert isinstance(drive.app.screen.focused, AskLine)


# ── conversations ──


async def test_question_is_edited_and_asked_again(tmp_path: Path) -> None:
    """`e` takes a question up; sent, it stands instead of the old one and of what followed it."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "first?")
        await answered(drive)
        await ask(drive, "second?")
        await answered(drive)
        await drive.press("tab", "home")
        view_of(drive).log_lines.stop_at("0/q0")
        await drive.press("e")
        assert "first?" == drive.app.screen.query_one(AskLine).text
        await drive.shows("and the 1 after it go")
        await ask(drive, "other?")
        await answered(drive)
        assert ["other?"] == [one.question for one in view_of(drive).talk.exchanges]

    assert "e1" == chat.asked[-1][3]


async def test_escape_leaves_editing(tmp_path: Path) -> None:
    """While a question is edited escape gives the line back empty, and changes nothing."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "first?")
        await answered(drive)
        await drive.press("tab", "e", "escape")
        assert "" == view_of(drive).editing
        await ask(drive, "second?")
        await answered(drive)

    assert "" == chat.asked[-1][3]


async def test_line_remembers_and_takes_several_lines(tmp_path: Path) -> None:
    """Up brings earlier questions, down what was being typed; alt+enter and ctrl+j break the line."""
    chat = FakeChat(events_of(exchange()))
    async with chatting(tmp_path, chat) as drive:
        for text in ("one?", "two?"):
            await ask(drive, text)
            await answered(drive)
        line = drive.app.screen.query_one(AskLine)
        await drive.press("d", "up")
        view_of(drive).look()
        await drive.press("up")
        assert "one?" == line.text
        await drive.press("down", "down")
        assert "d" == line.text
        await drive.press("ctrl+j", "e", "alt+enter", "f")
        assert "d\ne\nf" == line.text
        assert 3 == line.size.height


async def test_resizing_lays_out_anew(tmp_path: Path) -> None:
    """At every size the end stays in sight and no line is cut."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        await ask(drive, "why?")
        await answered(drive)
        for size in ((80, 24), (200, 60), (60, 20), (120, 40)):
            await drive.pilot.resize_terminal(*size)
            await drive.pilot.pause()
            await drive.shows("GPU-hours")


async def test_scrolling_up_stays_while_the_answer_grows(tmp_path: Path) -> None:
    """Who looks further up is left there; the end brings back to following."""
    chat = FakeChat([TextAdded("line\n\n" * 60), TextAdded("the last word")])
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await drive.shows("line")
        await drive.press("tab", "pageup", "pageup")
        chat.gate.set()
        await answered(drive)
        assert "the last word" not in drive.text
        await drive.press("end")
        assert "the last word" in drive.text


async def test_kept_answer_is_read_again_after_a_stop(tmp_path: Path) -> None:
    """What was stopped is shown as the desk keeps it."""
    chat = FakeChat([TextAdded("so far"), TextAdded("never")])
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "x?")
        await drive.shows("so far")
        await drive.press("escape")
        await answered(drive)
        await drive.until(lambda: ["e1"] == [one.id for one in view_of(drive).talk.exchanges])


async def test_ask_command_begins_a_question(tmp_path: Path) -> None:
    """`:ask` with words puts them where one types, and sends nothing."""
    chat = FakeChat()
    async with chatting(tmp_path, chat, "1") as drive:
        await drive.type(":ask why is it hot")
        await drive.until(lambda: bool(drive.app.screen.query(AskLine)))
        await drive.until(lambda: "why is it hot" == drive.app.screen.query_one(AskLine).text)

    assert [] == chat.asked
