"""Reads pieces of allowed log files by byte offset, across rotation, with secrets taken out.

Names come from the settings and are looked up, never joined to a path, so there is no path to traverse. Whole lines are
served, so that a secret is never cut in two and slips through.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pod.redact import redact_text

DEFAULT_BYTES = 64 * 1024
MOST_BYTES = 256 * 1024


class LogError(Exception):
    """The log cannot be read; the text is for the person who asked."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some lines of a log."""

    name: str
    id: str
    """Which file this is: changes when the log is rotated."""
    offset: int
    next_offset: int
    """Where to go on, in bytes of the file."""
    size: int
    is_rotated: bool
    """The asked-for place is gone (another file, or a shorter one) and this starts at the beginning."""
    text: str


def boot_time(proc_stat: Path = Path("/proc/stat")) -> float | None:
    """When the kernel booted, epoch seconds, for logs that tell uptimes only; in a container its host's."""
    try:
        with proc_stat.open(encoding="ascii") as lines:
            return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), None)
    except (OSError, ValueError, IndexError):
        return None


class Logs:
    """The logs that may be read, by name."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._paths))

    def read(self, name: str, offset: int | None = None, limit: int = DEFAULT_BYTES, log_id: str = "") -> LogPiece:
        """Lines from `offset` on, at most about `limit` bytes; without an offset, the last ones.

        A negative offset counts from the end. With `log_id`, the rest of that file is served even when it has been
        rotated to NAME.1, and the new file follows. Raises KeyError for a name that is not allowed, LogError when the
        file cannot be read. Blocking.
        """
        path = self._paths[name]
        limit = max(1, min(limit, MOST_BYTES))
        try:
            piece = _read(name, path, offset, limit, log_id)
            if log_id and piece.id != log_id:
                rest = _rest_of_rotated(name, path, offset, limit, log_id)
                piece = rest or piece
        except OSError as error:
            raise LogError(f"log {name} cannot be read: {error.strerror}") from error
        return piece


def _rest_of_rotated(name: str, path: Path, offset: int | None, limit: int, log_id: str) -> LogPiece | None:
    try:
        rest = _read(name, path.with_name(f"{path.name}.1"), offset, limit, log_id)
    except OSError:
        return None
    return rest if rest.id == log_id and rest.text else None


def _read(name: str, path: Path, offset: int | None, limit: int, log_id: str) -> LogPiece:
    # Non-blocking, or a FIFO put in the log's place would hang the reader.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        identity = f"{status.st_dev:x}-{status.st_ino:x}"
        is_rotated = bool(log_id and identity != log_id) or (offset or 0) > status.st_size
        start = _start(offset, limit, status.st_size, is_rotated=is_rotated)
        is_tail = offset is None or offset < 0
        file.seek(start)
        raw = file.read(limit)
        if is_tail and start > 0 and not is_rotated:
            # Begin at a line: drop the piece of one that the offset fell into.
            skipped = raw.find(b"\n") + 1
            start, raw = start + skipped, raw[skipped:]
        raw = _whole_lines(raw, limit)
    text = redact_text(raw.decode("utf-8", "replace"))
    return LogPiece(name, identity, start, start + len(raw), status.st_size, is_rotated, text)


def _start(offset: int | None, limit: int, size: int, *, is_rotated: bool) -> int:
    if is_rotated:
        return 0
    if offset is None:
        return max(0, size - limit)
    return max(0, size + offset) if offset < 0 else offset


def _whole_lines(raw: bytes, limit: int) -> bytes:
    """Cut behind the last line break; a line longer than the limit is served in pieces."""
    # Progress bars end their lines with a bare carriage return.
    end = max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1
    return raw[:end] if end or len(raw) < limit else raw
