"""Logs of facts: one line in one write, for their owner alone, never overwritten; anew once one is large."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

MOST_BYTES = 32 * 1024 * 1024
"""A log that has grown to this is put aside under the next number; none is ever removed."""
MOST_ASIDE = 9999
_HOW = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def append_line(path: Path, line: bytes, *, syncs: bool = False, most_bytes: int = MOST_BYTES) -> None:
    """Append one line, which ends in a line break, whole; `syncs`: it is on the disk afterwards. Raises OSError.

    What a full disk left half written ends in no line break; the next line begins with one, and stays whole.
    """
    file = os.open(path, _HOW, 0o600)
    try:
        if _is_large(file, most_bytes):
            file = _anew(path, file, most_bytes)
        found = os.fstat(file)
        if found.st_mode & 0o077:
            os.fchmod(file, 0o600)
        if found.st_size and os.pread(file, 1, found.st_size - 1) != b"\n":
            line = b"\n" + line
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if syncs:
            os.fsync(file)
    finally:
        os.close(file)


def _is_large(file: int, most_bytes: int) -> bool:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    return found.st_size >= most_bytes


def _anew(path: Path, file: int, most_bytes: int) -> int:
    """Put a large log aside and open a new one; of several processes only one does, the others find it done.

    Where it cannot be put aside, it goes on: facts are worth more than small files.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    with contextlib.suppress(OSError):
        at, here = os.fstat(file), path.stat()
        if (at.st_dev, at.st_ino) == (here.st_dev, here.st_ino) and at.st_size >= most_bytes:
            path.rename(aside(path))
    fresh = os.open(path, _HOW, 0o600)
    os.close(file)
    return fresh


def aside(path: Path) -> Path:
    """The name for the next log that is put aside: `audit.1.jsonl`, `audit.2.jsonl`, …, the newest the highest."""
    for number in range(1, MOST_ASIDE):
        found = path.with_name(f"{path.stem}.{number}{path.suffix}")
        if not found.exists():
            return found
    raise OSError(errno.EEXIST, f"there are {MOST_ASIDE} of them already")


def newest_first(path: Path) -> tuple[Path, ...]:
    """The log and those put aside, the newest first."""
    numbered = [
        (int(one.name.split(".")[-2]), one)
        for one in path.parent.glob(f"{path.stem}.*{path.suffix}")
        if one.name.split(".")[-2].isdigit()
    ]
    return (path, *(one for _, one in sorted(numbered, reverse=True)))
