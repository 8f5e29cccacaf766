"""Bytes of a log that grow, cut into whole lines; the unfinished one is kept for the next bytes. No I/O."""

from __future__ import annotations

import re

MOST_LINE = 65536
"""Bytes of one line; a longer one is cut here, and its rest is a line of its own."""
_ENDS = re.compile(rb"\r\n|\n|\r")


class Cutter:
    """Keeps what is no whole line yet."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def waiting(self) -> int:
        """Bytes of the line under way."""
        return len(self._rest)

    def cut(self, data: bytes) -> list[str]:
        """The lines that are whole with these bytes; progress bars end theirs with a bare carriage return."""
        *whole, rest = _ENDS.split(self._rest + data)
        while len(rest) > MOST_LINE:
            whole.append(rest[:MOST_LINE])
            rest = rest[MOST_LINE:]
        self._rest = rest
        return [one.decode("utf-8", "replace") for one in whole if one.strip()]

    def end(self) -> list[str]:
        """The last line of a log that will not grow any more, whole or not."""
        last, self._rest = self._rest, b""
        return [last.decode("utf-8", "replace")] if last.strip() else []
