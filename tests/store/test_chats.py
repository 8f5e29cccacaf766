"""Conversations in their file: kept, found, shared by several screens, told as they ended, never lost for trouble."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.chat import Chip, Conversation, Exchange, Mark, Proposal, ToolUse, Usage
from app.domain.job_actions import Plan
from app.store.alive import is_alive, own_name
from app.store.chat_rows import INTERRUPTED, Decision
from app.store.chats import Chats
from app.store.trouble import set_aside
from tests.store.chatting_child import NOW, grown
from tests.store.nursery import Nursery

PLAN = Plan(
    "cancel", ("812",), (("scancel", "812"),), "cancel job 812", ("812 ana llama: RUNNING",), "nothing undoes this"
)
WHOLE = Exchange(
    "x1",
    NOW,
    "why is gpu-01/3 slow?",
    (Chip("gpu", "gpu-01/3"),),
    "It is **hot** [1].",
    "thinking",
    (
        ToolUse(
            1,
            "gpu_details",
            {"gpu": "gpu-01/3", "deep": {"a": [1, None]}},
            NOW,
            NOW,
            0.2,
            '{"temperature_c": 91}',
            "hot",
        ),
    ),
    (Proposal("p1", PLAN, "because"),),
    (Mark(14, 17, "citation", "1"),),
    ("the kernel log: not readable",),
    ("a note",),
    "nemotron",
    "done",
    "",
    Usage(0.3, 4.2, 100, 20),
)


@asynccontextmanager
async def chats(path: Path) -> AsyncIterator[Chats]:
    """A store that is closed at the end."""
    one = Chats(path / "state" / "chats.db", lambda: NOW)
    try:
        yield one
    finally:
        await one.close()


async def begun(one: Chats, key: str = "c1", *exchanges: Exchange) -> None:
    """A conversation with exchanges."""
    await one.begin(Conversation(key, began=NOW, changed=NOW, user="ana"))
    for number, exchange in enumerate(exchanges):
        await one.keep(key, exchange, NOW + number)


async def test_an_exchange_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """Everything of an exchange is there after the file was closed and opened again."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
    async with chats(tmp_path) as one:
        found = await one.conversation("c1")

    assert Conversation("c1", "why is gpu-01/3 slow?", NOW, NOW, "ana", (WHOLE,)) == found


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """File and folder cannot be read by others, the write-ahead log neither."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}

    assert 0o700 == (tmp_path / "state").stat().st_mode & 0o777
    names = ("chats.db", "chats.db-wal", "chats.db-shm", "chats.db.lock")
    assert dict.fromkeys(names, 0o600) == modes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ["c2", "c1"]),
        ("SLOW", ["c1"]),
        ("slow hot", ["c1"]),
        ("slow pending", []),
        ("pending", ["c2"]),
        ("100%", ["c2"]),
        ("1_0", []),
        ("' OR 1=1 --", []),
        ("gpu-01/3", ["c1"]),
        ("straße", ["c2"]),
    ],
)
async def test_search_finds_what_holds_every_word_as_it_is_written(
    tmp_path: Path, words: str, expected: list[str]
) -> None:
    """Words are compared in one case; no character of theirs is a wild card or a piece of SQL."""
    other = Exchange("x2", NOW, "why is job 812 pending at 100%? STRASSE", answer="priority")
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        await begun(one, "c2", replace(other, asked_at=NOW + 9))
        await one.keep("c2", other, NOW + 9)

        assert expected == [each.id for each in await one.headings(words)]


async def test_a_heading_shows_the_title_the_model_and_where_the_words_are(tmp_path: Path) -> None:
    """A conversation that was named has that title; one that was not, its first question."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        first = (await one.headings("hot"))[0]
        await one.rename("c1", "the hot one")
        second = (await one.headings("hot one"))[0]

    assert ("why is gpu-01/3 slow?", 1, "nemotron") == (first.title, first.exchanges, first.model)
    assert "**hot**" in first.found
    assert "the hot one" == second.title


async def test_cutting_forgets_an_exchange_and_what_followed(tmp_path: Path) -> None:
    """The exchange whose question was edited goes with all that came after it, and the title with the first."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", *(replace(WHOLE, id=f"x{number}", question=f"q{number}") for number in range(4)))
        await one.cut("c1", "x2")
        await one.cut("c1", "unknown")
        found = await one.conversation("c1")
        await one.delete("c1")

        assert found is not None
        assert ["x0", "x1"] == [each.id for each in found.exchanges]
        assert await one.conversation("c1") is None
        assert [] == list(await one.headings())


async def test_a_forgotten_conversation_does_not_come_back(tmp_path: Path) -> None:
    """What an answer that still grows keeps of a conversation that was deleted meanwhile is dropped."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        await one.delete("c1")
        await one.keep("c1", WHOLE, NOW)

        assert await one.conversation("c1") is None


async def test_several_screens_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    """Four screens keep growing answers in one file at the same time."""
    async with chats(tmp_path) as first, chats(tmp_path) as second, chats(tmp_path) as third, chats(tmp_path) as fourth:
        screens = (first, second, third, fourth)

        async def write(number: int, screen: Chats) -> None:
            await begun(screen, f"c{number}")
            for words in range(30):
                await screen.keep(f"c{number}", grown(words, "k"), NOW + words)

        await asyncio.gather(*(write(number, screen) for number, screen in enumerate(screens)))
        found = [await first.conversation(f"c{number}") for number in range(4)]

        assert [grown(29, "k")] * 4 == [one.exchanges[0] for one in found if one is not None]
        assert ["", "", "", ""] == [screen.trouble for screen in screens]


async def test_what_a_living_process_writes_is_open_and_what_a_dead_one_wrote_is_stopped(tmp_path: Path) -> None:
    """An answer under way is told as open on every screen, and as stopped when its process is gone."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", replace(WHOLE, state="open"))
        living = await one.conversation("c1")
    with closing(sqlite3.connect(tmp_path / "state" / "chats.db")) as db, db:
        db.execute("UPDATE exchange SET owner = replace(owner, ?, ?)", (f" {os.getpid()} ", " 999999999 "))
    async with chats(tmp_path) as one:
        dead = await one.conversation("c1")

    assert living is not None
    assert dead is not None
    assert ("open", "stopped") == (living.exchanges[0].state, dead.exchanges[0].state)


def test_a_process_is_known_by_more_than_its_number() -> None:
    """Another process of the same number is not the one that was; of another machine's nothing can be said."""
    own = own_name()

    assert is_alive(own) is True
    assert is_alive(f"{own}1") is False
    assert is_alive(f"elsewhere {os.getpid()} 1") is None


async def test_a_proposal_is_decided_once(tmp_path: Path) -> None:
    """Of two screens that want to do it one may; what it then says of it stands, whoever asks later."""
    doing, done = Decision("doing", own_name(), NOW), Decision("done", own_name(), NOW, "cancelled")
    async with chats(tmp_path) as one, chats(tmp_path) as other:
        await begun(one, "c1", WHOLE)
        first, second = await asyncio.gather(one.decide("c1", "p1", doing), other.decide("c1", "p1", doing))
        finished = await one.decide("c1", "p1", done)
        late = await other.decide("c1", "p1", Decision("declined", own_name(), NOW))
        found = await other.conversation("c1")

    assert sorted((first, second)) == [False, True]
    assert (True, False) == (finished, late)
    assert found is not None
    assert ("done", "cancelled") == (found.exchanges[0].proposals[0].state, found.exchanges[0].proposals[0].outcome)


async def test_what_a_dead_process_was_doing_is_not_known_and_not_done_again(tmp_path: Path) -> None:
    """A process that died while it acted leaves a proposal that nobody can approve any more."""
    dead = own_name().replace(f" {os.getpid()} ", " 999999999 ")
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        await one.decide("c1", "p1", Decision("doing", dead, NOW))
        again = await one.decide("c1", "p1", Decision("doing", own_name(), NOW))
        found = await one.conversation("c1")

    assert again is False
    assert found is not None
    assert ("failed", INTERRUPTED) == (found.exchanges[0].proposals[0].state, found.exchanges[0].proposals[0].outcome)


@pytest.mark.parametrize("at", [0, 20, 100])
async def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path, at: int) -> None:
    """Garbage in the header or behind it: the file is kept under another name, said, and conversations go on."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
    path = tmp_path / "state" / "chats.db"
    body = bytearray(path.read_bytes())
    body[at:4096] = os.urandom(4096 - at)
    path.write_bytes(bytes(body))
    async with chats(tmp_path) as one:
        await begun(one, "c2", WHOLE)
        found = await one.conversation("c2")
        trouble = one.trouble
    aside = [each for each in path.parent.iterdir() if "corrupt" in each.name and each.suffix != ".db-wal"]

    assert found is not None
    assert (WHOLE,) == found.exchanges
    assert 1 <= len(aside)
    assert "was damaged: it was moved to" in trouble
    assert bytes(body) in [each.read_bytes() for each in aside]


async def test_damage_that_two_screens_find_at_once_is_moved_aside_once(tmp_path: Path) -> None:
    """Two screens open the same damaged file: one moves it, both go on in the new one."""
    path = tmp_path / "state" / "chats.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 1000)
    async with chats(tmp_path) as one, chats(tmp_path) as other:
        await asyncio.gather(begun(one, "c2", WHOLE), begun(other, "c3", WHOLE))

        assert {"c2", "c3"} <= {each.id for each in await one.headings()}
        assert 1 == len([each for each in path.parent.iterdir() if each.name.split(".corrupt-")[-1].endswith("Z")])


async def test_a_file_that_another_screen_moved_away_is_left_for_the_new_one(tmp_path: Path) -> None:
    """A screen that has the old file open writes to the one that lies there now."""
    async with chats(tmp_path) as one, chats(tmp_path) as other:
        await begun(one, "c1", WHOLE)
        set_aside(one.path, NOW)
        await begun(other, "c2", WHOLE)
        await begun(one, "c3", WHOLE)

        assert {"c2", "c3"} == {each.id for each in await one.headings()}


async def test_a_newer_programs_file_is_left_alone_and_memory_used(tmp_path: Path) -> None:
    """A file with more steps than this program knows is not touched; conversations last as long as the program."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
    path = tmp_path / "state" / "chats.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    async with chats(tmp_path) as one:
        await begun(one, "c2", WHOLE)
        found = await one.conversation("c2")

        assert found is not None
        assert (WHOLE,) == found.exchanges
        assert ["c2"] == [each.id for each in await one.headings("slow")]
        assert "newer gpu-watchdog" in one.trouble


async def test_a_full_disk_is_said_and_what_came_meanwhile_is_written_later(tmp_path: Path) -> None:
    """While the disk takes nothing conversations go on in memory; when it does again, all of it is in the file."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE)
        line = one._line
        assert line is not None
        pages = (await line.run(lambda db: db.execute("PRAGMA page_count").fetchone()))[0]
        await line.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        connect = one._opened

        async def opened() -> object:
            found = await connect()
            await found.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
            return found

        one._opened = opened  # type: ignore[method-assign, assignment]
        big = replace(WHOLE, id="x2", answer="much " * 20_000)
        await one.keep("c1", big, NOW + 5)
        await one.keep("c1", replace(big, id="x3"), NOW + 6)
        told, held = one.trouble, await one.conversation("c1")
        one._opened = connect  # type: ignore[method-assign]
        await one._shut()
        await one.keep("c1", replace(WHOLE, id="x4"), NOW + 7)
        healed = one.trouble
    async with chats(tmp_path) as one:
        found = await one.conversation("c1")

    assert "conversations are kept in memory" in told
    assert held is not None
    assert ["x1", "x2", "x3"] == [each.id for each in held.exchanges]
    assert "" == healed
    assert found is not None
    assert ["x1", "x2", "x3", "x4"] == [each.id for each in found.exchanges]


async def test_a_row_that_cannot_be_read_costs_itself_alone(tmp_path: Path) -> None:
    """The other exchanges of its conversation are there, and of the broken one its question."""
    async with chats(tmp_path) as one:
        await begun(one, "c1", WHOLE, replace(WHOLE, id="x2"))
    with closing(sqlite3.connect(tmp_path / "state" / "chats.db")) as db, db:
        db.execute("UPDATE exchange SET body = '{' WHERE id = 'x1'")
    async with chats(tmp_path) as one:
        found = await one.conversation("c1")

    assert found is not None
    assert [("failed", WHOLE.question), ("done", WHOLE.question)] == [(e.state, e.question) for e in found.exchanges]


async def test_sixty_kills_cost_at_most_the_keeping_in_flight(tmp_path: Path) -> None:
    """Sixty processes are killed while they keep an answer: each is whole up to what was kept, and told as stopped."""
    nursery, dice = Nursery(), random.Random(60)
    path = tmp_path / "state" / "chats.db"
    path.parent.mkdir()
    kept: dict[str, int] = {}
    try:
        for number in range(60):
            kept[f"c{number}"] = nursery.live(path, f"c{number}", dice.uniform(0.0, 0.05))
            async with chats(tmp_path) as one:
                found = await one.conversation(f"c{number}")
            assert found is not None
            words = len(found.exchanges[0].answer.split())
            assert kept[f"c{number}"] <= words <= kept[f"c{number}"] + 1
            assert replace(grown(words, f"c{number}"), state="stopped") == found.exchanges[0]
    finally:
        nursery.end()
    with closing(sqlite3.connect(path)) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()
        assert (60,) == db.execute("SELECT count(*) FROM chat").fetchone()
