"""Plain characters: the last stop before a terminal that can show no others, names from outside included."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LIKE = str.maketrans(
    {
        "°": "'", "×": "x", "—": "-", "–": "-", "−": "-", "…": "~", "·": "-", "•": "*", "▁": "_", "▔": "-",
        "│": "|", "─": "-", "▲": "!", "▴": "^", "▾": "v", "◆": "#", "●": "*", "▎": "|", "▊": "|", "▌": "|", "█": "#",
    }
)  # fmt: skip


class PlainCharacters(LineFilter):
    """Turns every character that is not ASCII into one that is, at the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual passes it
        """The segments in plain characters."""
        return [
            segment if segment.text.isascii() else Segment(plain(segment.text), segment.style, segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def plain(text: str) -> str:
    """The text in ASCII: what looks alike, else a question mark a column."""
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text.translate(_LIKE))
