"""Conversations that are kept, and slash commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.agent.desk import BrainStatus
from app.domain.chat import Conversation
from app.tui.chat_history import AskDelete, ChatHistory
from tests.present.fleets import NOW
from tests.tui.fake_chat import FakeChat, events_of, exchange
from tests.tui.test_chat import answered, ask, chatting, view_of


def stored() -> FakeChat:
    """A desk that keeps two conversations."""
    chat = FakeChat(events_of(exchange()))
    chat.kept = {
        "c1": Conversation("c1", "slow job", NOW - 9000, NOW - 7200, "ana", (exchange(1),)),
        "c2": Conversation("c2", "lost GPU", NOW - 900, NOW - 600, "ana", (exchange(2, "gone?", "It is gone."),)),
    }
    return chat


async def test_history_is_searched_and_resumed(tmp_path: Path) -> None:
    """Words keep those that hold them; enter goes on with the chosen one."""
    chat = stored()
    async with chatting(tmp_path, chat) as drive:
        await drive.press("ctrl+r")
        await drive.shows("slow job")
        await drive.press("slash", *"gone")
        await drive.until(lambda: "slow job" not in drive.text)
        await drive.press("enter", "enter")
        await drive.shows("> gone?")
        await ask(drive, "and then?")
        await answered(drive)

    assert "c2" == chat.asked[-1][2]


async def test_history_renames_and_deletes_after_asking(tmp_path: Path) -> None:
    """`r` names the chosen one, `x` deletes it only by `y`."""
    chat = stored()
    async with chatting(tmp_path, chat) as drive:
        await drive.press("ctrl+r")
        await drive.shows("slow job")
        await drive.press("r", "end", *" two", "enter")
        await drive.until(lambda: "slow job two" == chat.kept["c1"].title)
        await drive.press("x")
        assert isinstance(drive.app.screen, AskDelete)
        await drive.press("n")
        assert isinstance(drive.app.screen, ChatHistory)
        assert 2 == len(chat.kept)
        await drive.press("x", "y")
        await drive.until(lambda: ["c2"] == list(chat.kept))
        await drive.until(lambda: "slow job" not in drive.text)


@pytest.mark.parametrize(
    ("line", "shows"),
    [
        ("/help", "/export FILE"),
        ("/tools", "looks at: diagnose"),
        ("/context", "nothing in particular"),
        ("/hepl", "did you mean /help?"),
        ("/zzz", "/help lists them"),
        ("/title", "there is no conversation yet"),
        ("/copy", "nothing to copy yet"),
        ("/copy x", "/copy 2 its second piece of code"),
    ],
)
async def test_slash_commands_answer(tmp_path: Path, line: str, shows: str) -> None:
    """Commands say what they are asked, or why not, and none of them is a question."""
    chat = FakeChat()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, line)
        await drive.shows(shows)

    assert [] == chat.asked


async def test_slash_commands_act_on_the_conversation(tmp_path: Path) -> None:
    """/title names it, /copy gives it to the terminal, /model asks the server again, /new begins anew."""
    chat = FakeChat(events_of(exchange()), status=BrainStatus("ready", "nemotron", "native tool calls", 32768))
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await answered(drive)
        await ask(drive, "/title the slow one")
        await drive.shows("the slow one")
        await ask(drive, "/copy 1")
        await drive.shows("copied code 1")
        assert drive.app.clipboard.endswith("scontrol requeue 812")
        await ask(drive, "/model")
        await drive.shows("native tool calls; its context is 32,768 tokens")
        await ask(drive, "/new")
        await drive.until(lambda: not view_of(drive).talk.exchanges)

    assert 1 == chat.looks


async def test_commands_are_hinted_while_typed(tmp_path: Path) -> None:
    """A slash lists the commands, a word the one it becomes."""
    async with chatting(tmp_path, FakeChat()) as drive:
        await drive.press("slash")
        assert "/new" in drive.line("/history")
        await drive.press("e")
        assert "/export FILE  write it as markdown" in drive.text


async def test_long_copy_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """What terminals do not take whole is not cut in silence."""
    long = exchange(answer="word " * 20_000, marks=())
    async with chatting(tmp_path, FakeChat(events_of(long, 5000))) as drive:
        await ask(drive, "why?")
        await answered(drive)
        await ask(drive, "/copy")
        await drive.shows("/export FILE writes it")
        assert "" == drive.app.clipboard


async def test_export_writes_a_private_file_and_overwrites_none(tmp_path: Path) -> None:
    """/export writes the conversation as markdown for its owner alone; a file that is there stays as it is."""
    place = tmp_path / "chat.md"
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        await ask(drive, "why?")
        await answered(drive)
        await ask(drive, f"/export {place}")
        await drive.shows("written to")
        text = place.read_text("utf-8")
        assert "Rank 3 of job 812" in text
        assert 0o600 == place.stat().st_mode & 0o777
        await ask(drive, f"/export {place}")
        await drive.shows("is there already")

    assert text == place.read_text("utf-8")
