"""Follows a file of this machine by what it is and not by its name: no line lost or doubled over rotation. Blocking.

The open file is read to its end even after it was renamed, removed or compressed, and for some looks more, since its
writer may not have let go of it; then those that came and went in between; then the one that has the name now. A file
emptied in place (`copytruncate`) is seen by its size, or, where it has grown past our place again, by the bytes before
that place being others; what was not read yet is looked for in its copy. What is written between the copying and the
emptying is lost to everybody.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from app.sources.logs.look import BACKLOG_BYTES, LogError, LogLook
from app.sources.logs.rotation import Identity, OpenFile, Seen, here, open_file, seen, siblings, successors

CHUNK = 262144
LINGER_LOOKS = 12
"""Looks for which a file that was rotated away is still asked for more."""
_MOST_KNOWN = 200


class FileTail:
    """One file, followed."""

    def __init__(self, path: Path, backlog: int = BACKLOG_BYTES) -> None:
        self._path = path
        self._backlog = backlog
        self._file: OpenFile | None = None
        self._next: deque[OpenFile] = deque()
        self._old: list[tuple[OpenFile, int]] = []
        """Files rotated away, and for how many looks more they are asked."""
        self._known: dict[Identity, Seen] = {}
        """Files that are no news: there at the first look, read, or a copy of one that was."""
        self._is_begun = False

    def look(self, most: int) -> LogLook:
        """What came since the last look, `most` bytes at the most. Raises LogError."""
        is_first = not self._is_begun
        try:
            if self._file is None:
                self._file = self._first(from_end=is_first)
            lines, size, lost = self._read(self._file, most)
        except OSError as error:
            raise LogError(_why(self._path, error)) from error
        self._is_begun = True
        return LogLook(tuple(lines), is_history=is_first, size_bytes=size, lost=lost)

    def close(self) -> None:
        """Close every file."""
        for file in (*([self._file] if self._file else []), *self._next, *(one for one, _ in self._old)):
            file.close()
        self._file, self._old = None, []
        self._next.clear()

    def _first(self, *, from_end: bool) -> OpenFile:
        """The file that has the name, at a whole line near its end, or at its start."""
        file = open_file(self._path)
        if file is None:
            raise LogError(f"{self._path} is no file: give a log file, or `journal`")
        size = file.status.st_size
        if from_end and size > self._backlog:
            file.place = size - self._backlog
            head = file.read(self._backlog)
            file.place, file.mark = size - self._backlog + head.find(b"\n") + 1, b""
        if from_end:
            self._known = here(self._path)
        return file

    def _read(self, file: OpenFile, most: int) -> tuple[list[str], int, str]:
        """Lines up to the end of what there is, over as many files as there are by now."""
        lines, size = self._linger(most)
        lost = ""
        while size < most:
            lost = self._mind_emptying(file, lines) or lost
            data = file.read(min(CHUNK, most - size))
            size += len(data)
            lines += file.cutter.cut(data)
            if data:
                continue
            following = self._following(file)
            if following is None:
                break
            if file.status.st_size > file.place:
                self._next.appendleft(following)  # it grew while we looked for the next
                continue
            self._old.append((file, LINGER_LOOKS))
            self._file = file = following
        return lines, size, lost

    def _following(self, file: OpenFile) -> OpenFile | None:
        """The file that took the name after this one; None while this one has it, or nobody has."""
        if self._next:
            return self._next.popleft()
        if self._has_name(file) is not False:
            return None
        self._know(file)
        found = successors(self._path, file, self._known)
        for one in found:
            self._know(one)
        self._next.extend(found)
        return self._next.popleft() if self._next else None

    def _has_name(self, file: OpenFile) -> bool | None:
        """Whether a file has the log's name now; None while nobody has."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return (status.st_dev, status.st_ino) == file.identity

    def _copies(self, file: OpenFile) -> list[str]:
        """Lines of a file of which nothing was read before it was copied and emptied: its copy is new beside it."""
        lines: list[str] = []
        found = successors(self._path, file, self._known)
        # Still our file's name, so none of those beside it got it after ours: they are copies.
        are_copies = self._has_name(file) is True
        for one in found if are_copies else ():
            self._know(one)
            lines += one.cutter.cut(one.read(one.status.st_size)) + one.cutter.end()
        for one in found:
            one.close()
        return lines

    def _know(self, file: OpenFile) -> None:
        """Remember that a file is no news any more."""
        self._known.pop(file.identity, None)
        self._known[file.identity] = seen(file)
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _linger(self, most: int) -> tuple[list[str], int]:
        """What late writers added to files that were rotated away."""
        lines: list[str] = []
        size = 0
        kept: list[tuple[OpenFile, int]] = []
        for file, looks in self._old:
            data = file.read(min(CHUNK, most - size)) if size < most else b""
            size += len(data)
            lines += file.cutter.cut(data)
            if looks > 1:
                kept.append((file, looks if data else looks - 1))
                continue
            lines += file.cutter.end()
            file.close()
        self._old = kept
        return lines, size

    def _mind_emptying(self, file: OpenFile, lines: list[str]) -> str:
        """See whether the file was emptied in place; reads the rest from its copy, and says what was lost."""
        if file.is_as_read():
            if not file.mark and self._has_name(file):
                lines += self._copies(file)
            return ""
        rest = self._rest_of_copy(file)
        lines += file.cutter.cut(rest or b"")
        lines += file.cutter.end()
        file.place, file.mark = 0, b""
        return "" if rest is not None else f"{self._path} was emptied, and no copy of it holds what was not read yet"

    def _rest_of_copy(self, file: OpenFile) -> bytes | None:
        """What a copy of the emptied file holds behind our place; None where none is that file's copy."""
        for path in siblings(self._path):
            try:
                copy = open_file(path)
            except OSError:
                continue
            if copy is None:
                continue
            try:
                copy.place, copy.mark = file.place, file.mark
                if copy.identity != file.identity and copy.is_as_read():
                    self._know(copy)
                    return copy.read(max(0, copy.status.st_size - copy.place))
            finally:
                copy.close()
        return None


def _why(path: Path, error: OSError) -> str:
    """What went wrong, and what to do about it."""
    if isinstance(error, PermissionError):
        return f"{path} may not be read by this user: add it to the group of the file (often adm), or read `journal`"
    if isinstance(error, FileNotFoundError):
        return f"{path} is not there; see settings: log.path"
    return f"{path} cannot be read: {error.strerror or error}"
