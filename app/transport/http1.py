"""An HTTP/1.1 response read from bytes in any cut, within limits. Pure: knows no socket, no clock and no target.

What a server sends is hostile until shown otherwise: head, body, chunks and trailers are bounded in size and number.
RFC 9112 is followed where real exporters do; lone line feeds end a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.transport.head import Head, HttpError, NoAnswerError, TooLargeError, foreign, parse_head, size

MAX_HEAD = 32 * 1024
"""Bytes of status line and headers together."""
MAX_LINE = 1024
"""Bytes of a chunk's size line, extensions included, and of a trailer."""
MAX_TRAILERS = 100
MAX_CHUNKS = 20_000
"""Of a bounded body, about 3 µs each: a page cut into single bytes would cost more time than its size says."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")


class ResponseParser:
    """One response: `feed` what arrives, then look at `head`, `is_complete` and the body through `take`.

    The body comes as it was sent; undoing a Content-Encoding is the caller's.
    """

    def __init__(self, max_body: int | None) -> None:
        """`max_body` in bytes; None for a stream that is taken as it comes."""
        self.head: Head | None = None
        self.received = 0
        """Bytes that came in, head included."""
        self.has_leftover = False
        """More came than the response had: the connection cannot be used again."""
        self.is_complete = False
        self.buffered = 0
        """Bytes of body that nobody took yet."""
        self._max_body = max_body
        # Not bound to this parser: that would be a circle, and each answer would wait for Python to look for garbage.
        self._step: Callable[[ResponseParser], bool] = ResponseParser._take_head
        self._data = b""
        self._at = 0
        self._left = 0
        self._taken = 0
        self._chunks = 0
        self._searched = 0
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take what arrived. Raises HttpError."""
        self.received += len(data)
        self._data = self._data + data if self._data else data
        while self._at < len(self._data) and not self.is_complete:
            if not self._step(self):
                break
        self.has_leftover = self.is_complete and self._at < len(self._data)
        self._data, self._at = self._data[self._at :], 0

    def close(self) -> None:
        """The server closed the connection. Raises HttpError when the response is not over."""
        if self.is_complete:
            return
        if not self.received:
            raise NoAnswerError("closed the connection without an answer")
        if self.head is None:
            raise HttpError("closed the connection in the middle of the headers")
        if self._step is ResponseParser._take_rest:
            self.is_complete = True
        elif self._step is ResponseParser._take_counted and not self._chunks:
            whole = self._taken + self._left
            raise HttpError(f"closed the connection after {self._taken:,} of {whole:,} bytes of the page")
        else:
            raise HttpError(f"closed the connection in the middle of the page, after {self._taken:,} bytes")

    def take(self) -> bytes:
        """The body that came since the last call."""
        parts, self._parts, self.buffered = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take_head(self) -> bool:
        """Read status and headers; False when they are not all here yet."""
        data, start = self._data, self._at
        if not data.startswith(b"HTTP/"[: len(data) - start], start):
            raise HttpError(foreign(data[start : start + 64]))
        end = _HEAD_END.search(data, max(start, self._searched))
        if (end.start() if end else len(data)) - start > MAX_HEAD:
            raise TooLargeError(f"sent more than {size(MAX_HEAD)} of headers")
        if end is None:
            self._searched = len(data) - start - 3
            return False
        head = parse_head(data[start : end.start()])
        self._at, self._searched = end.end(), 0
        if head.status == 101:
            raise HttpError("wants to change the protocol (101)")
        if head.status >= 200:  # below: an interim answer (Continue, Early Hints), and the real one follows
            self.head = head
            self._begin_body(head)
        return True

    def _begin_body(self, head: Head) -> None:
        length = head.length
        if head.status in (204, 304) or length == 0:
            self.is_complete = True
        elif head.is_chunked:
            self._step = ResponseParser._take_chunk_size
        elif length is None:
            self._step = ResponseParser._take_rest
        else:
            if self._max_body is not None and length > self._max_body:
                raise TooLargeError(f"page larger than {size(self._max_body)} ({length:,} bytes announced)")
            self._left, self._step = length, ResponseParser._take_counted

    def _take_rest(self) -> bool:
        self._add(self._data[self._at :])
        return True

    def _take_counted(self) -> bool:
        part = self._data[self._at : self._at + self._left]
        self._left -= len(part)
        self._add(part)
        if self._left:
            return True
        if self._chunks:
            self._step = ResponseParser._take_chunk_end
        else:
            self.is_complete = True
        return True

    def _take_chunk_size(self) -> bool:
        found = _CHUNK_SIZE.match(self._data, self._at)
        if found is None:
            end = self._data.find(b"\n", self._at, self._at + MAX_LINE)
            if end >= 0 or len(self._data) - self._at > MAX_LINE:
                raise HttpError(f"sent a broken chunk size after {self._taken:,} bytes of the page")
            return False
        self._at, self._left = found.end(), int(found[1], 16)
        self._chunks += 1
        if self._max_body is not None and (self._taken + self._left > self._max_body or self._chunks > MAX_CHUNKS):
            raise TooLargeError(f"page larger than {size(self._max_body)}, or in more than {MAX_CHUNKS:,} pieces")
        self._step = ResponseParser._take_counted if self._left else ResponseParser._take_trailer
        return True

    def _take_chunk_end(self) -> bool:
        line = self._line()
        if line:
            raise HttpError(f"sent a chunk longer than announced after {self._taken:,} bytes of the page")
        if line is not None:
            self._step = ResponseParser._take_chunk_size
        return line is not None

    def _take_trailer(self) -> bool:
        """Trailers up to the empty line that ends them; they are ignored."""
        line = self._line()
        self._left += 1
        if self._left > MAX_TRAILERS:
            raise TooLargeError("sent trailers without end")
        self.is_complete = line == b""
        return line is not None

    def _line(self) -> bytes | None:
        """The next line without its end, or None when it is not all here yet."""
        end = self._data.find(b"\n", self._at)
        if (len(self._data) if end < 0 else end) - self._at > MAX_LINE:
            raise TooLargeError("sent a line without end after a chunk")
        if end < 0:
            return None
        line = self._data[self._at : end].removesuffix(b"\r")
        self._at = end + 1
        return line

    def _add(self, part: bytes) -> None:
        self._at += len(part)
        self._taken += len(part)
        if self._max_body is not None and self._taken > self._max_body:
            raise TooLargeError(f"page larger than {size(self._max_body)}")
        self._parts.append(part)
        self.buffered += len(part)
