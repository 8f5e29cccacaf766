"""The file of a recording: a first line that says what it is, then blocks, each whole or not there.

A block holds frames (a JSON head and a body), deflated; one of kind `S` begins a segment, which can be read without
what stands before it, so segments of several files make one recording when they are put behind each other. A recording
whose writer was killed ends with the last whole block; a damaged block costs the rest of its segment. A file may come
from anybody: every size in it is bounded before memory is taken, and nothing in it is run.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from app.domain.frozen import frozen

VERSION = 1
"""Raised when a frame changes its meaning."""
MAGIC = b"gpu-watchdog recording %d\n"
FIRST_LINE = MAGIC % VERSION
MOST_PACKED = 64 * 1024 * 1024
MOST_BLOCK = 256 * 1024 * 1024
"""Bytes of one block, deflated and not."""
MOST_HEAD = 4 * 1024 * 1024
"""Bytes of one frame's head."""
PIECE = 8 * 1024 * 1024
"""Frames are put into blocks of about this."""
_LEVEL = 4
"""Of deflate; 9 makes a file a few percent smaller in four times the time."""
_HEAD = struct.Struct("<cIIId")
"""Kind, bytes deflated, bytes inflated, CRC-32 of the deflated ones, epoch seconds of its last frame."""
_FRAME = struct.Struct("<II")
"""Bytes of the head and of the body."""

_JSON = json.JSONEncoder(separators=(",", ":"))
"""Made once: `json.dumps` makes one for each frame."""

BlockKind = Literal[b"S", b"D"]


class RecordingError(Exception):
    """A recording cannot be read or written; the message is for a person."""


@frozen
class Frame:
    """Something that happened."""

    head: Mapping[str, Any]
    body: bytes = b""
    rest: Sequence[bytes] = ()
    """The rest of the body where it is written: put together, megabytes would be held twice."""


@frozen
class Block:
    """Where a block is."""

    offset: int
    kind: BlockKind
    packed: int
    size: int
    crc: int
    at: float
    """Epoch seconds of its last frame."""

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + _HEAD.size + self.packed


@dataclass(slots=True)
class Packer:
    """Makes blocks; the frames of a segment share what deflate has learned."""

    _deflate: Any = None
    _is_first: bool = field(default=True, init=False)

    def begin(self) -> None:
        """Begin a segment with the next block."""
        self._deflate, self._is_first = zlib.compressobj(_LEVEL, wbits=-15), True

    def pack(self, frames: Iterable[Frame], at: float) -> bytes:
        """Blocks that hold the frames; the last of them happened at `at`."""
        if self._deflate is None:
            self.begin()
        made, packed, size = [], list[bytes](), 0
        for frame in frames:
            head, bodies = _JSON.encode(frame.head).encode(), (frame.body, *frame.rest)
            parts = (_FRAME.pack(len(head), sum(map(len, bodies))), head, *bodies)
            packed += map(self._deflate.compress, parts)
            size += sum(map(len, parts))
            if size >= PIECE:
                made.append(self._block(packed, size, at))
                packed, size = [], 0
        if packed:
            made.append(self._block(packed, size, at))
        return b"".join(made)

    def _block(self, parts: Iterable[bytes], size: int, at: float) -> bytes:
        """A block of `size` bytes that are deflated already."""
        packed = b"".join((*parts, self._deflate.flush(zlib.Z_SYNC_FLUSH)))
        kind, self._is_first = b"S" if self._is_first else b"D", False
        return _HEAD.pack(kind, len(packed), size, zlib.crc32(packed), at) + packed


def blocks(file: BinaryIO) -> Iterator[Block]:
    """The whole blocks of a recording, without reading what is in them. Raises RecordingError for another file.

    Where the last one is cut off, they end before it.
    """
    _check(file.readline(100))
    size = file.seek(0, 2)
    at = len(FIRST_LINE)
    is_begun = False
    while at + _HEAD.size <= size:
        file.seek(at)
        kind, packed, raw, crc, when = _HEAD.unpack(file.read(_HEAD.size))
        is_sane = kind in (b"S", b"D") and packed <= MOST_PACKED and raw <= MOST_BLOCK and 0 <= when < 1e11
        if not is_sane or at + _HEAD.size + packed > size or (kind == b"D" and not is_begun):
            return
        is_begun = True
        yield Block(at, kind, packed, raw, crc, when)
        at += _HEAD.size + packed


def _check(line: bytes) -> None:
    if line == FIRST_LINE:
        return
    begins = MAGIC.split(b"%d", maxsplit=1)[0]
    number = line[len(begins) :].strip()
    if line.startswith(begins) and number.isdigit():
        raise RecordingError(f"it is a recording of version {int(number[:9])}, and this program reads {VERSION}")
    raise RecordingError("it is no recording")


@dataclass(slots=True)
class Unpacker:
    """Reads the frames of blocks, one block after the other from the beginning of a segment."""

    file: BinaryIO
    _inflate: Any = None

    def frames(self, block: Block) -> list[Frame]:
        """The frames of one block. Raises RecordingError where it is damaged."""
        self.file.seek(block.offset + _HEAD.size)
        packed = self.file.read(block.packed)
        if zlib.crc32(packed) != block.crc:
            raise RecordingError("a block of it is damaged")
        if block.kind == b"S":
            self._inflate = zlib.decompressobj(wbits=-15)
        try:
            raw = self._inflate.decompress(packed, block.size + 1)
        except zlib.error as error:
            raise RecordingError(f"a block of it is damaged: {error}") from error
        if len(raw) != block.size:
            raise RecordingError("a block of it holds more or less than it says")
        return list(_frames(raw))


def _frames(raw: bytes) -> Iterator[Frame]:
    at = 0
    while at < len(raw):
        if at + _FRAME.size > len(raw):
            raise RecordingError("a frame of it is cut off")
        head_size, body_size = _FRAME.unpack_from(raw, at)
        at += _FRAME.size
        if head_size > MOST_HEAD or at + head_size + body_size > len(raw):
            raise RecordingError("a frame of it is larger than it can be")
        yield Frame(json_of(raw[at : at + head_size]), raw[at + head_size : at + head_size + body_size])
        at += head_size + body_size


def json_of(raw: bytes) -> dict[str, Any]:
    """A JSON object. Raises RecordingError for anything else."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"a frame of it cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise RecordingError("a frame of it is no object")
    return found
