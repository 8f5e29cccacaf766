"""A stream of bytes cut into lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.transport.head import TooLargeError, size


class LineCutter:
    """Cuts what comes into lines and keeps the unfinished one, which may be `most` bytes long; no more is held."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._length = 0

    def split(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` ends; with no data, the stream's last one. Raises HttpError for one too long."""
        first, *others = data.split(b"\n")
        self._parts.append(first)
        self._length += len(first)
        lines: list[bytes] = []
        if others or not data:
            lines = [b"".join(self._parts), *others[:-1]] if others or self._length else []
            self._parts, self._length = others[-1:], len(others[-1]) if others else 0
        if self._length > self._most:
            raise TooLargeError(f"sent a line longer than {size(self._most)}")
        return (line.removesuffix(b"\r") for line in lines)
