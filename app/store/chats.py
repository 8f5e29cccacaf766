"""`Kept` in one SQLite file: a person's conversations, for all the screens and commands of that person.

Several processes use the file at once: each statement is a transaction of its own and waits for another's. An exchange
is a row; the one that is being answered is written again as it grows, so a kill costs what came since. What was open
when its process died is told as stopped.

A damaged file is moved aside, never deleted, and a new one begun. Where the disk takes nothing (full, read-only, a
newer program's file), what changes is held in memory and written as soon as it can be: `trouble` says so.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from app.config.paths import private_dir
from app.domain.chat import Conversation, Exchange, Heading
from app.store import chat_rows
from app.store.alive import own_name
from app.store.chat_file import connect, move_aside
from app.store.chat_rows import Decision
from app.store.chats_held import Held
from app.store.line import Line
from app.store.reader import FileKey, file_key
from app.store.schema import NotUsable
from app.store.trouble import trouble_of

FILE = "chats.db"
T = TypeVar("T")


class _Refused(Exception):  # noqa: N818 - it names what the disk did
    """The disk takes or gives nothing now; the message is for a person."""


class Chats:
    """Conversations in a file, which is opened when it is first needed."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """`now` gives epoch seconds."""
        self.path = path
        self._refused = ""
        self._moved = ""
        self._now = now
        self._line: Line | None = None
        self._file: FileKey | None = None
        self._one_at_a_time = asyncio.Lock()
        self._held = Held()

    @property
    def trouble(self) -> str:
        """What is wrong with the file, or what was done about it, for a person; empty: nothing is."""
        return self._refused or self._moved

    async def headings(self, words: str = "", limit: int = 200) -> Sequence[Heading]:
        """Conversations, the newest first; with `words` those that hold all of them."""
        wanted = chat_rows.words_of(words)
        try:
            stored = await self._ask(lambda db: chat_rows.headings(db, wanted, limit))
        except _Refused:
            stored = []
        known = [*self._held.headings(wanted), *(one for one in stored if one.id not in self._held)]
        return sorted(known, key=lambda one: -one.changed)[:limit]

    async def conversation(self, key: str) -> Conversation | None:
        """One conversation; an exchange that a process left open by dying is told as stopped."""
        if key in self._held:
            return self._held.get(key)
        try:
            return await self._ask(lambda db: chat_rows.conversation(db, key, self._now()))
        except _Refused:
            return None

    async def begin(self, conversation: Conversation) -> None:
        """Keep a new one, without exchanges."""
        await self._change(
            conversation.id, lambda db: chat_rows.begin(db, conversation), lambda held: held.put(conversation)
        )

    async def keep(self, conversation: str, exchange: Exchange, at: float) -> None:
        """Keep one exchange, new or further on."""
        await self._change(
            conversation,
            lambda db: chat_rows.keep(db, conversation, exchange, own_name(), at),
            lambda held: held.keep(conversation, exchange, at),
        )

    async def cut(self, conversation: str, exchange: str) -> None:
        """Forget an exchange and all that followed it."""
        await self._change(
            conversation,
            lambda db: chat_rows.cut(db, conversation, exchange),
            lambda held: held.cut(conversation, exchange),
        )

    async def rename(self, conversation: str, title: str) -> None:
        """Give it a name."""
        await self._change(
            conversation,
            lambda db: chat_rows.rename(db, conversation, title),
            lambda held: held.rename(conversation, title),
        )

    async def delete(self, conversation: str) -> None:
        """Forget it."""
        await self._change(
            conversation, lambda db: chat_rows.delete(db, conversation), lambda held: held.delete(conversation)
        )

    async def decide(self, conversation: str, proposal: str, decision: Decision) -> bool:
        """Write down what becomes of a proposal; False: somebody was there before, and theirs stands.

        Raises OSError where it cannot be written down: then nobody may act on it.
        """
        try:
            return await self._ask(lambda db: chat_rows.decide(db, conversation, proposal, decision))
        except _Refused as error:
            raise OSError(str(error)) from None

    async def decision(self, conversation: str, proposal: str) -> Decision | None:
        """What became of a proposal. Raises OSError where it cannot be read."""
        try:
            return (await self._ask(lambda db: chat_rows.decisions(db, conversation))).get(proposal)
        except _Refused as error:
            raise OSError(str(error)) from None

    async def close(self) -> None:
        """Write what is held, if the disk takes it by now, and close the file."""
        if self._held.conversations:
            await self._flush()
        async with self._one_at_a_time:
            await self._shut()

    async def _change(
        self, key: str, write: Callable[[sqlite3.Connection], None], hold: Callable[[Held], None]
    ) -> None:
        """Write a change, or hold it, with the conversation it belongs to as far as it can be read."""
        if self._held.conversations:
            await self._flush()
        if key not in self._held:
            try:
                await self._ask(write)
            except _Refused:
                await self._hold(key)
            else:
                self._refused = ""
                return
        hold(self._held)

    async def _hold(self, key: str) -> None:
        try:
            found = await self._ask(lambda db: chat_rows.conversation(db, key, self._now()))
        except _Refused:
            return
        if found is not None:
            self._held.put(found)

    async def _flush(self) -> None:
        """Write all that is held, one conversation at a time; what the disk refuses stays."""
        for key, one in tuple(self._held.conversations.items()):
            try:
                await self._ask(partial(_rewrite, key, one, self._now()))
            except _Refused:
                return
            del self._held.conversations[key]
        self._refused = ""

    async def _ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do a piece of work with the file. Raises _Refused; damage is dealt with, and the work done anew."""
        async with self._one_at_a_time:
            for is_last in (False, True):
                try:
                    return await (await self._opened()).run(work)
                except NotUsable as error:
                    self._refuse(str(error), error)
                except (sqlite3.Error, OSError) as error:
                    damaged = self._file
                    await self._shut()
                    if is_last or not isinstance(error, sqlite3.Error) or trouble_of(error) != "corrupt":
                        self._refuse(f"{self.path} takes nothing ({error}): conversations are kept in memory", error)
                    await self._move_aside(damaged)
        raise AssertionError("the last try returns or raises")

    def _refuse(self, text: str, error: Exception) -> NoReturn:
        self._refused = text
        raise _Refused(text) from error

    async def _opened(self) -> Line:
        """The connection to the file that lies there now: another screen may have moved a damaged one aside."""
        found = file_key(self.path)
        if self._line is not None and found == self._file:
            return self._line
        await self._shut()
        self._file = found
        await asyncio.to_thread(private_dir, self.path.parent)
        self._line = await Line.open(partial(connect, self.path))
        self._file = file_key(self.path)
        return self._line

    async def _move_aside(self, damaged: FileKey | None) -> None:
        """Move the damaged file away, unless another screen has done so and begun a new one."""
        if damaged is None:
            return
        try:
            aside = await asyncio.to_thread(move_aside, self.path, damaged, self._now())
        except OSError as error:
            self._refuse(f"{self.path} is damaged and cannot be moved aside ({error}): move it by hand", error)
        if aside is not None:
            self._moved = f"{self.path} was damaged: it was moved to {aside}, and a new one was begun"

    async def _shut(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _rewrite(key: str, one: Conversation | None, at: float, db: sqlite3.Connection) -> None:
    """A conversation as it was held, in place of what the file has of it."""
    if one is None:
        chat_rows.delete(db, key)
        return
    chat_rows.begin(db, one)
    if one.exchanges and one.title != chat_rows.shortened(one.exchanges[0].question):
        chat_rows.rename(db, key, one.title)
    known = {str(row[0]) for row in db.execute("SELECT id FROM exchange WHERE chat = ?", (key,))}
    for gone in known - {each.id for each in one.exchanges}:
        db.execute("DELETE FROM exchange WHERE chat = ? AND id = ?", (key, gone))
    for exchange in one.exchanges:
        chat_rows.keep(db, key, exchange, own_name(), one.changed or at)
