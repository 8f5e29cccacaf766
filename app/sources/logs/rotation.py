"""Files of a log that is rotated: the one that has its name now, and those beside it. Blocking.

Names shift while they are looked at, so files are opened first and asked what they are afterwards; a look at the folder
that does not fit what was opened is done again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.frozen import frozen
from app.sources.logs.cutter import Cutter

Identity = tuple[int, int]
"""Device and inode."""
_MARK = 256
"""Bytes before our place that are remembered to know a file's content by."""
_HEAD = 64
_MOST_SIBLINGS = 100
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_TRIES = 20


@dataclass(slots=True)
class OpenFile:
    """A file being read, whatever its name is by now."""

    descriptor: int
    identity: Identity
    place: int = 0
    mark: bytes = b""
    cutter: Cutter = field(default_factory=Cutter)

    def read(self, most: int) -> bytes:
        """The next bytes; remembers the last of them."""
        data = os.pread(self.descriptor, most, self.place)
        self.place += len(data)
        self.mark = (self.mark + data)[-_MARK:]
        return data

    @property
    def status(self) -> os.stat_result:
        """What the system says of it now."""
        return os.fstat(self.descriptor)

    def is_as_read(self) -> bool:
        """Whether what was read of it is still there: not emptied, and not filled with something else since."""
        if self.status.st_size < self.place:
            return False
        return os.pread(self.descriptor, len(self.mark), self.place - len(self.mark)) == self.mark

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


def open_file(path: Path) -> OpenFile | None:
    """The regular file a name stands for now, at its start; None for anything else. Raises OSError."""
    # Non-blocking, or a FIFO put in the log's place would hang the reader.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    return OpenFile(descriptor, (status.st_dev, status.st_ino))


@frozen
class Seen:
    """What a file was when it was last looked at: an inode that is used again is another file."""

    size: int
    head: bytes

    def is_still(self, file: OpenFile) -> bool:
        """Whether an open file can be the one that was seen: it has not shrunk, and begins as it did."""
        return file.status.st_size >= self.size and os.pread(file.descriptor, len(self.head), 0) == self.head


def seen(file: OpenFile) -> Seen:
    """What a file is now."""
    return Seen(file.status.st_size, os.pread(file.descriptor, _HEAD, 0))


def here(path: Path) -> dict[Identity, Seen]:
    """The rotated files that are there already, as they are."""
    found: dict[Identity, Seen] = {}
    for place in siblings(path):
        try:
            file = open_file(place)
        except OSError:
            continue
        if file is not None:
            found[file.identity] = seen(file)
            file.close()
    return found


def successors(path: Path, old: OpenFile, known: Mapping[Identity, Seen]) -> list[OpenFile]:
    """The files that got the log's name after `old`, the oldest first; the caller closes them.

    What is `known` is none of them.
    """
    for _ in range(_TRIES):
        found = _newer(path, old, known)
        if found is not None:
            return found
    return []


def siblings(path: Path) -> list[Path]:
    """Rotated files beside it (`kern.log.1`, `kern.log-20260227`), the newest first, none that is compressed."""
    name = path.name
    aged: list[tuple[int, Path]] = []
    for one in os.scandir(path.parent):
        if one.name.startswith((f"{name}.", f"{name}-")) and not one.name.endswith(_COMPRESSED):
            try:
                status = one.stat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                aged.append((status.st_mtime_ns, Path(one.path)))
    return [place for _, place in sorted(aged, key=lambda one: one[0], reverse=True)[:_MOST_SIBLINGS]]


def _newer(path: Path, old: OpenFile, known: Mapping[Identity, Seen]) -> list[OpenFile] | None:
    """One try at `successors`; None where names shifted meanwhile."""
    before = _names(path)
    opened: dict[Identity, tuple[tuple[int, int], OpenFile]] = {}
    for place in before:
        try:
            file = open_file(place)
        except OSError:
            continue
        if file is None:
            continue
        was = known.get(file.identity)
        if file.identity in opened or file.identity == old.identity or (was is not None and was.is_still(file)):
            file.close()
            continue
        opened[file.identity] = (_age(path, place, file), file)
    if _names(path) != before:
        for _, file in opened.values():
            file.close()
        return None
    return [file for _, file in sorted(opened.values(), key=lambda one: one[0])]


def _age(path: Path, place: Path, file: OpenFile) -> tuple[int, int]:
    """What files are put in order by: their last change, and at the same moment the number in their name."""
    if place == path:
        return 1 << 80, 0  # the newest, whatever its time says: nothing may have been written to it yet
    number = place.name.removeprefix(f"{path.name}.")
    return file.status.st_mtime_ns, -int(number) if number.isdigit() and len(number) < 9 else 0


def _names(path: Path) -> dict[Path, Identity]:
    """Which file each name stands for now."""
    found: dict[Path, Identity] = {}
    for place in (*siblings(path), path):
        try:
            status = place.stat()
        except OSError:
            continue
        found[place] = (status.st_dev, status.st_ino)
    return found
