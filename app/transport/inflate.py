"""gzip undone in small pieces and never past a bound: a bomb is cut while it is still small."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator

from app.transport.head import HttpError, TooLargeError, size

PIECE = 256 * 1024
"""Bytes inflated at a time, under a millisecond's work, so that a large page can be undone without a stall."""
SLICE = 64 * 1024
"""Bytes given to zlib at a time: it copies what it could not use yet."""
MAX_MEMBERS = 100
"""gzip members in a row; a page of thousands of empty ones would cost more time than its size says."""


def inflate(raw: bytes, most: int) -> Iterator[bytes]:
    """Yield what gzip data inflates to, piece by piece, `most` bytes in all.

    Raises TooLargeError beyond that, and HttpError when the data is damaged or ends in the middle.
    """
    stream, members, left = zlib.decompressobj(wbits=31), 1, most
    for start in range(0, len(raw), SLICE):
        given, is_drained = raw[start : start + SLICE], False
        while given or not is_drained:
            if stream.eof:
                stream, members = zlib.decompressobj(wbits=31), members + 1
            if members > MAX_MEMBERS:
                raise TooLargeError(f"sent a gzip page in more than {MAX_MEMBERS} parts")
            wanted = min(PIECE, left + 1)
            try:
                piece = stream.decompress(given, wanted)
            except zlib.error as error:
                raise HttpError("sent a page that says it is gzip and is not, or is damaged") from error
            given = stream.unused_data if stream.eof else stream.unconsumed_tail
            is_drained = stream.eof or len(piece) < wanted
            left -= len(piece)
            if left < 0:
                raise TooLargeError(f"page larger than {size(most)} once inflated")
            if piece:
                yield piece
    if raw and not stream.eof:
        raise HttpError("sent a gzip page that ends in the middle")


async def decoded(body: bytes, encoding: str, most: int) -> bytes:
    """A body without its Content-Encoding; a large one is undone in pieces that leave the loop to others.

    Raises HttpError.
    """
    if not encoding or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise HttpError(f"answered in an encoding nobody asked for ({encoding[:40]!r})")
    pieces: list[bytes] = []
    for piece in inflate(body, most):
        pieces.append(piece)
        if len(piece) == PIECE:
            await asyncio.sleep(0)
    return b"".join(pieces)
