"""Plays a recording: what happened is applied to a board in the order it did, judged when it was judged.

Forwards is exact. Backwards begins anew at a segment some time before; where the past is asked for (charts, time
travel), what was played is kept in a history of its own, in a private folder that goes with the player.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.recorder.container import Block, Frame, RecordingError, Unpacker, blocks
from app.services.recorder.frames import Begun, Happened, Looked, Reader, Ticked, Went, when_of
from app.services.recorder.replay_feed import ReplayFeed
from app.services.recording import Keeper
from app.store.levels import DAY_S, Retention

if TYPE_CHECKING:
    from app.services.recorder.judges import Judges
    from app.store.history import History

WARM_S = 900.0
"""A moment is come to from a segment that began at least this much before, so that charts and holds have their past."""
_TURN_S = 0.01
"""Others are let in this often."""
_log = logging.getLogger(__name__)
_EVER = Retention(3650 * DAY_S, 3650 * DAY_S, 3650 * DAY_S)


@dataclass(slots=True)
class ReplayClock:
    """The time of what is played; waiting takes the time of here."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Player:
    """One recording, and the moment it is at."""

    def __init__(self, path: Path, clock: ReplayClock | None = None) -> None:
        """Raises RecordingError where there is no recording to play."""
        self.path = path
        self.clock = clock or ReplayClock()
        self.board = Board(Snapshot())
        self.feed = ReplayFeed(self, self.board, self.clock)
        self._file, self._blocks = _opened(path)
        self._unpacker = Unpacker(self._file)
        self._next = 0
        """The block that is read next."""
        self._waiting: deque[Frame] = deque()
        self._reader = Reader()
        self._judges: Judges | None = None
        self._keeper: Keeper | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept_at = 0.0
        self._has_begun = False
        self._last: float | None = None
        self.damage = ""
        """What of the recording could not be read, for a person."""
        self.begun = self._first()
        self.start, self.end = self.begun.at, max(self.begun.at, self._blocks[-1].at)

    @property
    def is_at_end(self) -> bool:
        """Nothing more is to come."""
        return not self._waiting and self._next >= len(self._blocks)

    async def seek(self, when: float, *, warm_s: float = WARM_S, keep: bool = False) -> None:
        """Come to a moment: on from where it is, else from a segment before. Raises RecordingError."""
        if not self._has_begun or when < self.clock.at or (keep and self._keeper is None):
            await self._restart(when - warm_s, keep=keep or self._keeper is not None)
        await self.play(when)

    async def play(self, when: float) -> None:
        """Apply all that happened until a moment. Raises RecordingError."""
        turn_at = time.monotonic() + _TURN_S
        while (frame := self._frame()) is not None:
            try:
                if when_of(frame) > when:
                    break
                self._waiting.popleft()
                await self._taken(await self._reader.happened(frame))
            except RecordingError as error:
                self._skip(error)
            if time.monotonic() >= turn_at:
                await asyncio.sleep(0)
                turn_at = time.monotonic() + _TURN_S
        self.clock.at = max(self.clock.at, min(when, self.end))

    async def judge(self) -> None:
        """Judge the picture as it is now, whoever did so when it was recorded."""
        if self._judges is not None:
            await self._judges.step("")

    async def remember(self) -> History:
        """The past of this moment, as a history: the recording is played from its beginning once more."""
        other = Player(self.path)
        self.feed.owns(other)
        await other.seek(self.clock.at, warm_s=float("inf"), keep=True)
        await other.kept()
        assert other._keeper is not None, "it was told to keep"  # noqa: S101 - a mistake of ours
        return other._keeper.history

    async def kept(self) -> None:
        """Let the history hold all that was played."""
        if self._keeper is not None:
            await self._keeper.tick()

    def shut(self) -> None:
        """Give back the file of a recording that was only looked into."""
        self._file.close()

    async def close(self) -> None:
        """Give back the file, and what was kept."""
        await self.feed.close()
        await self._forget()
        self._file.close()

    # ── what happens ──

    async def _taken(self, one: Happened) -> None:
        """Apply one thing. Raises RecordingError for what cannot be applied."""
        try:
            await self._apply(one)
        except OSError:
            raise
        except Exception as error:
            _log.warning("a part of the recording %s cannot be applied", self.path, exc_info=error)
            raise RecordingError(f"a part of it cannot be applied: {error!r:.200}") from error

    async def _apply(self, one: Happened) -> None:
        if not isinstance(one, Begun):
            self.clock.at = max(self.clock.at, one.at)
        match one:
            case Looked():
                if not one.is_primer:
                    self.board.apply(one.spec, one.reading, one.missed)
            case Ticked():
                if self._judges is not None:
                    await self._judges.step(one.kind, one.idle)
            case Went():
                self.board.forget(one.name)
            case Begun():
                if one.is_new or not self._has_begun:
                    self._begin(one)
        if self._keeper is None:
            self.board.drain()
        elif self.clock.at - self._kept_at >= self.begun.interval_s:
            self._kept_at = self.clock.at
            await self._keeper.tick()

    def _begin(self, one: Begun) -> None:
        from app.services.recorder.judges import Judges  # noqa: PLC0415 - late: the engine is for who plays

        self.begun, self._has_begun = one, True
        self.clock.at = 0.0  # see `Judges`
        self._judges = Judges(self.board, self.feed, self.clock, one)
        self.clock.at = one.at
        self.board.replace(replace(one.picture, version=self.board.snapshot.version + 1))

    # ── where it is read ──

    def _first(self) -> Begun:
        """The beginning of the first segment. Raises RecordingError."""
        frame = self._frame()
        if frame is None or frame.head.get("t") != "begin":
            raise RecordingError(f"{self.path} cannot be replayed: {self.damage or 'nothing whole is in it'}")
        begun = Reader().begun(frame)
        self._rewind(0)
        return begun

    def _frame(self) -> Frame | None:
        """The next frame; None at the end. What is damaged is passed over, to the next segment."""
        while not self._waiting:
            if self._next >= len(self._blocks):
                return None
            block = self._blocks[self._next]
            self._next += 1
            try:
                self._waiting.extend(self._unpacker.frames(block))
            except RecordingError as error:
                self._skip(error)
        return self._waiting[0]

    def _skip(self, error: RecordingError) -> None:
        """Go on with the next segment."""
        self.damage = str(error)
        self._waiting.clear()
        while self._next < len(self._blocks) and self._blocks[self._next].kind != b"S":
            self._next += 1
        self._reader, self._has_begun = Reader(), False

    def _rewind(self, block: int) -> None:
        self._waiting.clear()
        self._next, self._reader, self._has_begun = block, Reader(), False

    async def _restart(self, when: float, *, keep: bool) -> None:
        """Begin anew with the last segment that begins no later than `when`, else with the first."""
        chosen = 0
        for at, block in enumerate(self._blocks):
            if block.kind == b"S" and at and self._blocks[at - 1].at <= when:
                chosen = at
        self._rewind(chosen)
        self.board.drain()
        self.board.recent.clear()
        self.clock.at = self._kept_at = 0.0
        await self._forget()
        if keep:
            await self._keep()

    async def _keep(self) -> None:
        from app.store.sqlite import open_store  # noqa: PLC0415 - late: one look at a moment needs no past

        self._folder = tempfile.TemporaryDirectory(prefix="gpu-watchdog-replay-", ignore_cleanup_errors=True)
        history = await open_store(Path(self._folder.name) / "history.db", self.clock.now, retention=_EVER)
        self._keeper = Keeper(self.board, history, self.clock, self.begun.interval_s)
        self.feed.keep(history)

    async def _forget(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            with contextlib.suppress(OSError):
                await keeper.history.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _opened(path: Path) -> tuple[BinaryIO, tuple[Block, ...]]:
    """The file and its blocks. Raises RecordingError."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        found = tuple(blocks(file))
    except (RecordingError, OSError) as error:
        file.close()
        raise RecordingError(f"{path} cannot be replayed: {error}") from error
    if not found:
        file.close()
        raise RecordingError(f"{path} cannot be replayed: nothing whole is in it")
    return file, found
