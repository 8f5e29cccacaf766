"""Cells and lines: text with a tone, and the arithmetic of terminal columns.

A tone says what a text means, never what colour it has: themes give tones their colours. A cell is plain text; nothing
here or above it reads markup. Text from outside enters through `cells` (or `tidy`), and comes out harmless.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from rich.cells import cell_len, set_cell_size

from app.domain.naming import clean

Align = Literal["left", "right", "center"]
Tone = Literal[
    "plain", "strong", "quiet", "unit", "old", "accent", "good", "look", "bad", "info", "spark", "curve", "head",
    "lost", "cursor", "chosen", "frame", "focus",
    "kind0", "kind1", "kind2", "kind3", "kind4", "kind5", "kind6", "kind7",
    "level0", "level1", "level2", "level3", "level4", "level5", "level6", "level7", "level8", "level9",
]  # fmt: skip
TONES: tuple[Tone, ...] = get_args(Tone)
LEVELS: tuple[Tone, ...] = tuple(tone for tone in TONES if tone.startswith("level"))
"""The ramp of use, from nothing to all."""

KINDS: tuple[Tone, ...] = tuple(tone for tone in TONES if tone.startswith("kind"))
"""Tones that tell things apart and mean nothing: jobs, users."""

_COMBINING_MOST = 2
"""Marks kept on one letter: real scripts stack two, garbage stacks dozens and bleeds into the lines around it."""


class Cell(NamedTuple):
    """A run of text in one tone, over the colour of another tone if `back` is given.

    A named tuple, not a dataclass: lines are compared and hashed on every tick, and tuples do both in C.
    """

    text: str
    tone: Tone = "plain"
    back: Tone | None = None


Line = tuple[Cell, ...]
"""One line of the screen, or one cell of a table."""

GAP = Cell(" ")


@lru_cache(4096)
def tidy(text: str, most: int = 256) -> str:
    """Text from outside as it may stand on a line: cleaned, composed, without marks that terminals disagree about.

    Variation selectors change a character's width in some terminals only, so they go.
    """
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", clean(text, most)):
        if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
            continue
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks > _COMBINING_MOST or (marks and not kept):
            continue
        kept.append(char)
    return "".join(kept)


def cells(text: str, tone: Tone = "plain") -> Line:
    """A line of one cell of text from outside; no cell at all for empty text."""
    tidied = tidy(text)
    return (Cell(tidied, tone),) if tidied else ()


def line(*parts: Cell | str | Line) -> Line:
    """Cells, our own plain strings and lines, one after the other."""
    joined: list[Cell] = []
    for part in parts:
        if isinstance(part, Cell):
            joined.append(part)
        elif isinstance(part, str):
            joined.append(Cell(part))
        else:
            joined.extend(part)
    return tuple(cell for cell in joined if cell.text)


def text_width(text: str) -> int:
    """Terminal columns of a text."""
    return len(text) if text.isascii() else cell_len(text)


def line_width(of: Iterable[Cell]) -> int:
    """Terminal columns of a line."""
    return sum([len(text) if text.isascii() else cell_len(text) for text, _, _ in of])


def line_text(of: Iterable[Cell]) -> str:
    """A line without its tones."""
    return "".join(cell.text for cell in of)


def fit(text: str, width: int, align: Align = "left", cut: str = "…") -> str:
    """The text in exactly `width` columns: padded, or cut with a sign that it was."""
    wide = text_width(text)
    if wide > width:
        if width <= text_width(cut):
            return set_cell_size(cut, max(0, width))
        return set_cell_size(text, width - text_width(cut)) + cut
    space = width - wide
    if align == "right":
        return " " * space + text
    if align == "center":
        return " " * (space // 2) + text + " " * (space - space // 2)
    return text + " " * space


def fit_line(of: Line, width: int, align: Align = "left", cut: str = "…") -> Line:
    """The line in exactly `width` columns: padded, or cut with a sign that it was."""
    if width <= 0:
        return ()
    wide = line_width(of)
    if wide > width:
        return _cut(of, width, cut)
    space = width - wide
    if not space:
        return of
    before = space if align == "right" else space // 2 if align == "center" else 0
    after = space - before
    left = (Cell(" " * before),) if before else ()
    right = (Cell(" " * after),) if after else ()
    return (*left, *of, *right)


def _cut(of: Line, width: int, cut: str) -> Line:
    """The line's beginning and the sign; spaces before the sign would look like a lost word, and stay."""
    room = width
    kept: list[Cell] = []
    for index, cell in enumerate(of):
        wide = text_width(cell.text)
        last = all(not later.text for later in of[index + 1 :])
        if wide < room or (wide == room and last):
            kept.append(cell)
            room -= wide
            continue
        # A text that just fits would leave no room for the sign of the cut that must follow.
        text = cell.text if wide > room else cell.text + " "
        kept.append(cell._replace(text=fit(text, room, cut=cut)))
        return tuple(kept)
    return tuple(kept)


def spread(left: Line, right: Line, width: int, cut: str = "…") -> Line:
    """`left` at the left, `right` at the right of `width` columns; the left is cut first."""
    wide = line_width(right)
    if wide >= width:
        return fit_line(right, width, cut=cut)
    if not right:
        return fit_line(left, width, cut=cut)
    return (*fit_line(left, width - wide - 1, cut=cut), GAP, *right)


def wrap(text: str, width: int) -> tuple[str, ...]:
    """Our own or tidied prose in lines of at most `width` columns, broken between words where it can be."""
    lines: list[str] = []
    now = ""
    for word in text.split():
        tail = word
        while text_width(tail) > width > 0:
            if now:
                lines.append(now)
                now = ""
            # A character wider than the line stands alone on it: nothing of it fits, and nothing may be lost.
            head = set_cell_size(tail, width).rstrip() or tail[0]
            lines.append(head)
            tail = tail[len(head) :]
        joined = f"{now} {tail}" if now else tail
        if text_width(joined) <= width:
            now = joined
        else:
            lines.append(now)
            now = tail
    return (*lines, now) if now else tuple(lines)
