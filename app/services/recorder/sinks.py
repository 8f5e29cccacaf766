"""Where recordings are kept: one file that grows, or a ring of files of which the oldest go.

The ring is the flight recorder: each file of it is a recording, and so are several of them behind each other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.config.paths import private_dir
from app.domain.frozen import frozen
from app.services.recorder.container import FIRST_LINE, RecordingError, blocks

FOLDER = "flight"
"""Of the state folder."""
_NAME = re.compile(r"flight-(\d{1,16})\.rec")
_COPIED_AT_ONCE = 1024 * 1024
_SHARE = 8
"""One file of the ring holds at most one part in so many of it, so that little goes at once."""


class FileSink:
    """One file, for its owner alone, that must not exist yet."""

    wants_segment = False

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self.file.write(FIRST_LINE)
        self.size = len(FIRST_LINE)

    def write(self, blocks: bytes, *, begins: bool, at: float) -> None:  # noqa: ARG002 - the protocol's
        """Raises OSError; what a full disk cut short is taken back."""
        try:
            _write_all(self.file, blocks)
        except OSError:
            self.file.truncate(self.size)
            self.file.seek(self.size)
            raise
        self.size += len(blocks)

    def close(self) -> None:
        self.file.close()


class FlightSink:
    """The ring in a folder of its own; `most_bytes` bounds all of it."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._now: FileSink | None = None

    @property
    def wants_segment(self) -> bool:
        """The file is as large as one may be."""
        return self._now is not None and self._now.size * _SHARE >= self._most

    def write(self, blocks: bytes, *, begins: bool, at: float) -> None:
        """Raises OSError."""
        if begins or self._now is None:
            self._turn_over(at)
        assert self._now is not None, "it was opened just now"  # noqa: S101 - a mistake of ours
        self._now.write(blocks, begins=begins, at=at)
        if begins:
            self._prune()

    def close(self) -> None:
        if self._now is not None:
            self._now.close()

    def _turn_over(self, at: float) -> None:
        self.close()
        self._now = None
        private_dir(self._folder)
        number = int(at * 1000)
        while (path := self._folder / f"flight-{number}.rec").exists():
            number += 1
        self._now = FileSink(path)

    def _prune(self) -> None:
        """Let the oldest go, all but the one that is written."""
        kept = ring(self._folder)
        size = sum(one.size for one in kept)
        for one in kept[:-1]:
            if size <= self._most - self._most // _SHARE:  # room for the one that grows now
                return
            one.path.unlink(missing_ok=True)
            size -= one.size


@frozen
class Piece:
    """One file of a ring."""

    path: Path
    at: float
    """Epoch seconds about when it began."""
    size: int


def ring(folder: Path) -> tuple[Piece, ...]:
    """The files of a ring, oldest first; a folder that is not there holds none."""
    found = []
    try:
        for entry in os.scandir(folder):
            name = _NAME.fullmatch(entry.name)
            if name is not None and entry.is_file(follow_symlinks=False):
                found.append(Piece(Path(entry.path), int(name[1]) / 1000, entry.stat(follow_symlinks=False).st_size))
    except OSError:
        return ()
    return tuple(sorted(found, key=lambda one: one.at))


def cut(folder: Path, start: float, end: float, path: Path) -> int:
    """Put the files of a ring that cover a time behind each other, as one recording; how many bytes that came to.

    0: nothing of that time is kept, and nothing was written. Raises OSError.
    """
    pieces = _covering(ring(folder), start, end)
    if not pieces:
        return 0
    sink = FileSink(path)
    try:
        for one in pieces:
            with one.path.open("rb") as file:
                _copy(file, sink)
    finally:
        sink.close()
    return path.stat().st_size


def _covering(pieces: Sequence[Piece], start: float, end: float) -> list[Piece]:
    """Those that may hold something of the time: each goes on until the next begins."""
    ends = [*(one.at for one in pieces[1:]), float("inf")][: len(pieces)]
    return [one for one, until in zip(pieces, ends, strict=True) if one.at <= end and until >= start]


def _copy(file: BinaryIO, sink: FileSink) -> None:
    """The whole blocks of a file: behind one that is cut off nothing more would be read."""
    try:
        end = max((one.end for one in blocks(file)), default=0)
    except RecordingError:
        return
    file.seek(len(FIRST_LINE))
    while left := end - file.tell():
        if left < 0 or not (read := file.read(min(left, _COPIED_AT_ONCE))):
            return
        _write_all(sink.file, read)


def _write_all(file: BinaryIO, blocks: bytes) -> None:
    view = memoryview(blocks)
    while view:
        view = view[file.write(view) :]
