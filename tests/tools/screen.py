"""A terminal in memory that knows what pyte lacks: to write the last letter again so many times (REP)."""

from __future__ import annotations

from typing import Any, ClassVar

import pyte


class RepeatingScreen(pyte.Screen):
    """pyte's screen, which remembers the letter it drew last."""

    last = " "

    def draw(self, data: str) -> None:
        """Write letters."""
        if data:
            self.last = data[-1]
        super().draw(data)

    def repeat(self, times: int = 1, *_: Any) -> None:  # noqa: ANN401 - pyte hands on whatever else was said
        """Write the last letter again."""
        super().draw(self.last * max(1, times))


class _Repeats:
    csi: ClassVar[dict[str, str]] = {**pyte.Stream.csi, "b": "repeat"}
    events: ClassVar[frozenset[str]] = pyte.Stream.events | {"repeat"}


class RepeatingStream(_Repeats, pyte.Stream):
    """Text for such a screen."""


class RepeatingByteStream(_Repeats, pyte.ByteStream):
    """Bytes for such a screen."""
