"""The places of an answer: folds, links, time, copying; proposals, which only their key does; hostile text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.domain.chat import Mark, Proposal
from app.tui.chat_view import ChatView
from tests.present.fleets import NOW
from tests.tui.driving import Drive
from tests.tui.fake_chat import ANSWER, HOSTILE, PLAN, PROPOSAL, SEVERE, TOOLS, FakeChat, events_of, exchange
from tests.tui.test_chat import answered, ask, chatting, page_id, view_of
from widgets.chat_line import AskLine


async def asked(drive: Drive) -> ChatView:
    """Ask the usual question and wait for its answer."""
    await ask(drive, "why is job 812 slow?")
    await answered(drive)
    return view_of(drive)


async def test_tab_walks_over_every_place_and_back_to_the_line(tmp_path: Path) -> None:
    """From the line to the question, folds, links and code in their order, and out again; shift+tab the other way."""
    chat = FakeChat(events_of(exchange(reasoning="let me see")))
    async with chatting(tmp_path, chat) as drive:
        view = await asked(drive)
        seen = []
        for _ in range(12):
            await drive.press("tab")
            seen.append(view.log_lines.stop)
            if isinstance(drive.app.screen.focused, AskLine):
                break
        kinds = [one.partition("/")[2] for one in seen]
        assert ["q0", "r0", "t1", "t2", "m0", "m1", "m2", "m3", "m4", "c1", "m5", ""] == kinds
        await drive.press("shift+tab")
        assert "0/m5" == view.log_lines.stop
        assert "nothing supports this: no look says 412" in drive.text


async def test_look_unfolds_with_arguments_time_and_result(tmp_path: Path) -> None:
    """Enter and space show and hide what a look was given and what it brought."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        view = await asked(drive)
        await drive.press("tab")
        view.log_lines.stop_at("0/t2")
        await drive.press("enter")
        for text in ("▾ [2] metric_history", "metric util", "as of 16:00:00 t shows the screen then", '"mean": 71.2'):
            assert text in drive.text
        await drive.press("space")
        assert '"mean"' not in drive.text


@pytest.mark.parametrize(
    ("place", "page", "shown"),
    [("0/m0", "job", "812"), ("0/m2", "gpu", "gpu-01/3"), ("0/m4", "incidents", "i-12")],
    ids=["job", "gpu", "incident"],
)
async def test_links_open_what_they_name(tmp_path: Path, place: str, page: str, shown: str) -> None:
    """Enter on a link opens the page of it, and back leads to the answer."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        view = await asked(drive)
        await drive.press("tab")
        view.log_lines.stop_at(place)
        await drive.press("enter")
        await drive.until(lambda: page == page_id(drive))
        assert shown in drive.text


async def test_n_goes_from_link_to_link(tmp_path: Path) -> None:
    """`n` and `N` pass over folds and code; past the last link it is said."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        view = await asked(drive)
        await drive.press("tab", "n", "n")
        assert "0/m1" == view.log_lines.stop
        await drive.press("N")
        assert "0/m0" == view.log_lines.stop
        await drive.press("n", "n", "n", "n", "n", "n")
        assert "0/m5" == view.log_lines.stop
        await drive.shows("no link further down")


async def test_link_to_what_is_gone_says_so(tmp_path: Path) -> None:
    """A node that nobody knows, and a look that was not made, open nothing."""
    text = "see gpu-99 and [9]"
    marks = (Mark(4, 10, "node", "gpu-99"), Mark(15, 18, "citation", "9"))
    async with chatting(tmp_path, FakeChat(events_of(exchange(answer=text, marks=marks)))) as drive:
        view = await asked(drive)
        await drive.press("tab")
        view.log_lines.stop_at("0/m0")
        await drive.press("enter")
        await drive.shows("'gpu-99' is no node")
        view.log_lines.stop_at("0/m1")
        await drive.press("enter")
        await drive.shows("no look of number 9")


async def test_citation_opens_its_look_and_time_moves_the_screen(tmp_path: Path) -> None:
    """Enter on `[1]` unfolds what it rests on; `t` shows the whole screen as it was then."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        drive.feed.past[NOW - 700] = drive.feed.latest()
        view = await asked(drive)
        await drive.press("tab")
        view.log_lines.stop_at("0/m1")
        await drive.press("enter")
        assert "0/t1" == view.log_lines.stop
        assert "fell off the bus" in drive.text
        await drive.press("t")
        await drive.until(lambda: drive.app.moment.replay_at is not None)
        assert NOW - 600 == drive.app.moment.replay_at
        await drive.shows("at 15:50:00")


async def test_copy_takes_the_chosen_place(tmp_path: Path) -> None:
    """`c` copies the code or result under the keys, else the whole answer, exactly as it was written."""
    async with chatting(tmp_path, FakeChat(events_of(exchange()))) as drive:
        view = await asked(drive)
        await drive.press("tab", "c")
        assert ANSWER == drive.app.clipboard
        view.log_lines.stop_at("0/c1")
        await drive.press("c")
        assert (
            'scontrol update nodename=gpu-01 state=drain reason="Xid 79"\nscontrol requeue 812' == drive.app.clipboard
        )
        view.log_lines.stop_at("0/t2")
        await drive.press("c")
        assert '{\n "last": 0,\n "mean": 71.2\n}' == drive.app.clipboard


# ── proposals ──


async def test_proposal_is_shown_whole(tmp_path: Path) -> None:
    """The exact command, whom it hits, what undoes it, what is to be known first, and who says it must be."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL, Proposal("p2", SEVERE)))))
    async with chatting(tmp_path, chat, size=(120, 60)) as drive:
        await asked(drive)
        for text in (
            "$ scontrol update nodename=gpu-01 state=drain 'reason=Xid 79'",
            "812 (ana, llama-ft), 8 GPUs, goes on until it ends",
            "undone by  resume gpu-01 takes jobs again",
            "▲ 3 jobs run there",
            "why: so that nothing new starts on a broken GPU",
            "work is lost or others are hit",
            "nothing undoes this",
        ):
            assert text in drive.text


async def test_y_does_it_once_while_the_card_has_the_keys(tmp_path: Path) -> None:
    """From the line tab goes to the proposal that waits; `y` does it, and only once."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        await drive.press("tab")
        assert "y does it" in drive.text
        await drive.press("y")
        await drive.shows("gpu-01 takes no new jobs")
        await drive.press("y", "y")

    assert [PROPOSAL] == chat.approved
    assert [] == chat.declined


async def test_card_that_does_not_fit_is_read_to_its_end_first(tmp_path: Path) -> None:
    """Where something of the card is below the edge `y` is refused; when its end was in sight it is done."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat, "a", size=(80, 24)) as drive:
        await asked(drive)
        await drive.press("tab")
        assert "why: so that" not in drive.text
        await drive.press("y")
        await drive.shows("not all of it is in sight")
        assert [] == chat.approved
        await drive.press("pagedown", "y")
        await drive.until(lambda: [PROPOSAL] == chat.approved)


async def test_n_leaves_it_undone(tmp_path: Path) -> None:
    """`n` declines the proposal that has the keys; afterwards `y` does nothing."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        await drive.press("tab", "n")
        await drive.shows("left undone")
        await drive.press("y")

    assert ([PROPOSAL], []) == (chat.declined, chat.approved)


async def test_deed_at_work_is_shown_and_not_begun_twice(tmp_path: Path) -> None:
    """While it is done the card says for how long, and its keys do nothing."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        chat.gate = asyncio.Event()
        await drive.press("tab", "y")
        await drive.shows("at work for")
        await drive.press("y", "n")
        chat.gate.set()
        await drive.shows("gpu-01 takes no new jobs")

    assert ([PROPOSAL], []) == (chat.approved, chat.declined)


@pytest.mark.parametrize(
    "keys",
    [
        ("enter",),
        ("space",),
        ("y",),
        ("tab", "enter", "space"),
        ("tab", "tab", "shift+tab", "enter"),
        ("tab", "shift+tab", "y"),
        ("tab", "escape"),
    ],
    ids="-".join,
)
async def test_nothing_else_does_it(tmp_path: Path, keys: tuple[str, ...]) -> None:
    """No other key, no `y` typed into the line or pressed elsewhere, approves anything."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        await drive.press(*keys)
        await drive.pilot.pause()

    assert [] == chat.approved


@pytest.mark.parametrize("text", ["y", "yes, do it", "/y", "approve p1"])
async def test_words_do_not_do_it(tmp_path: Path, text: str) -> None:
    """Agreeing in words is a question like any other."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        await ask(drive, text)
        await drive.pilot.pause()

    assert [] == chat.approved


async def test_click_does_not_do_it(tmp_path: Path) -> None:
    """A click anywhere on the card does nothing."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        view = await asked(drive)
        for y in range(view.log_lines.size.height):
            await drive.pilot.click(view.log_lines, offset=(5, y))

    assert [] == chat.approved


async def test_card_that_comes_while_typing_does_not_take_the_keys(tmp_path: Path) -> None:
    """A proposal that arrives under a typing hand gets none of its letters."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    chat.gate = asyncio.Event()
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        chat.gate.set()
        await drive.press("y", "y", "y")
        await answered(drive)
        assert "yyy" == drive.app.screen.query_one(AskLine).text

    assert [] == chat.approved


async def test_palette_does_not_do_it(tmp_path: Path) -> None:
    """Found in the palette, the deed says which key does it."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat) as drive:
        await asked(drive)
        await drive.press("tab")
        await drive.app.run_action("chat('do')", drive.app.screen)
        await drive.shows("y does it, on the proposal that tab goes to")

    assert [] == chat.approved


async def test_what_was_settled_while_the_answer_went_on_stays_so(tmp_path: Path) -> None:
    """The end of an answer does not ask again for what was done meanwhile."""
    script = events_of(exchange(proposals=(PROPOSAL,)))
    chat = FakeChat([script[-2], *script[:-2], script[-1]])
    chat.gate, chat.acts_at_once = asyncio.Event(), True
    async with chatting(tmp_path, chat) as drive:
        await ask(drive, "why?")
        await drive.shows("drain proposed")
        await drive.press("tab", "y")
        await drive.shows("gpu-01 takes no new jobs")
        chat.gate.set()
        await answered(drive)
        assert "gpu-01 takes no new jobs" in drive.text
        assert "drain proposed" not in drive.text


async def test_read_only_and_the_past_do_nothing(tmp_path: Path) -> None:
    """With --read-only `y` is refused, and so it is while the screen shows the past."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,))))
    async with chatting(tmp_path, chat, read_only=True) as drive:
        await asked(drive)
        await drive.press("tab", "y")
        await drive.shows("--read-only")
    async with chatting(tmp_path, chat, "1") as drive:
        await drive.type(":at 15:30")
        await drive.until(lambda: drive.app.moment.replay_at is not None)
        await drive.press("5")
        await asked(drive)
        await drive.press("tab", "y")
        await drive.shows("this is the past")

    assert [] == chat.approved


# ── hostile ──


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_hostile_text_paints_no_control_character(tmp_path: Path, size: tuple[int, int]) -> None:
    """Escapes, directions and markup in every field of an answer are letters or nothing, and the frame stands."""
    plan = type(PLAN)(
        "drain", ("\x1b[2J",), (("scontrol", HOSTILE),), HOSTILE, (HOSTILE,), HOSTILE, warnings=(HOSTILE,)
    )
    bad = exchange(
        question=HOSTILE,
        answer=HOSTILE,
        marks=(),
        reasoning=HOSTILE,
        blind=(HOSTILE,),
        notes=(HOSTILE,),
        tools=(type(TOOLS[0])(1, HOSTILE, {HOSTILE: HOSTILE}, NOW, NOW, 1.0, HOSTILE, HOSTILE),),
        proposals=(Proposal("p1", plan, HOSTILE, outcome=HOSTILE),),
    )
    async with chatting(tmp_path, FakeChat(events_of(bad)), size=size) as drive:
        view = await asked(drive)
        await drive.press("tab")
        view.log_lines.stop_at("0/r0")
        await drive.press("enter")
        view.log_lines.stop_at("0/t1")
        await drive.press("enter")
        for _ in range(12):
            strips = drive.app.screen._compositor.render_strips()
            shown = "".join(segment.text for strip in strips for segment in strip)
            assert [] == [char for char in shown if ord(char) < 32 or char in "\x7f\x9b\u202e\u2066\u2069"]
            assert {size[0]} == {strip.cell_length for strip in strips}
            await drive.press("pageup")


async def test_plain_characters_draw_it_all(tmp_path: Path) -> None:
    """In ASCII every sign of the chat is ASCII, and nothing is missing."""
    chat = FakeChat(events_of(exchange(proposals=(PROPOSAL,), reasoning="hm")))
    async with chatting(tmp_path, chat, ascii=True, size=(120, 60)) as drive:
        await asked(drive)
        await drive.shows("!412 GPU-hours")
        assert "> [1] diagnose" in drive.text
        assert drive.text.isascii()
