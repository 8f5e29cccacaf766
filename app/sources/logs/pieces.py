"""A log that is read in pieces by byte offset from elsewhere: a pod's exporter, or a host behind ssh. Pure.

Whoever serves the pieces goes on with a rotated file while it has the name `.1`, then begins the new one, and says so.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.frozen import frozen
from app.sources.logs.cutter import Cutter


@frozen
class Piece:
    """Some bytes of a log."""

    id: str
    """Which file they are of; changes when the log is rotated."""
    offset: int
    next_offset: int
    size: int
    """Of the whole file, in bytes."""
    is_rotated: bool
    """The place asked for was gone: another file, or a shorter one; this is from its start."""
    data: bytes


@frozen
class Place:
    """Where to go on."""

    id: str = ""
    offset: int | None = None
    """None: near the end, for the first look."""
    size: int = 0
    """Of the file when it was last read."""


class PieceTail:
    """What was read, and where to go on."""

    def __init__(self) -> None:
        self.place = Place()
        self._cutter = Cutter()

    @property
    def is_begun(self) -> bool:
        """Something was read, so what comes is news."""
        return self.place.offset is not None

    def take(self, piece: Piece) -> tuple[list[str], str]:
        """The lines a piece ends, and what was lost before it, if anything, in a sentence."""
        before = self.place
        lines: list[str] = []
        lost = ""
        if before.id and (piece.id != before.id or piece.is_rotated):
            lines += self._cutter.end()
            lost = _lost(before, piece)
        lines += self._cutter.cut(piece.data)
        self.place = replace(before, id=piece.id, offset=piece.next_offset, size=piece.size)
        return lines, lost


def _lost(before: Place, piece: Piece) -> str:
    """What is known to be lost at a change of files: bytes that were there and were not read before it went."""
    left = before.size - (before.offset or 0)
    if left > 0:
        return f"the log was rotated before its last {left:,} bytes were read"
    return "the log was emptied; what was written in between may be lost" if piece.id == before.id else ""
