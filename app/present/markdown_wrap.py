"""Runs of text in lines of a width, with what of each line leads somewhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import set_cell_size

from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, text_width
from app.present.glyphs import UNICODE, Glyphs
from app.present.markdown_inline import Run, Sign

_WIDE_RANGES = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
"""Where a line may break beside any character."""
_UNITS = "%|kW|W|GiB|MiB|GB|MB|G|M|h|s|ms|min|°C|°|MHz|d"
_WORDS = re.compile(rf"\d[\d.,]* (?:{_UNITS})(?!\w)|\s+|[{_WIDE_RANGES}]|[^\s{_WIDE_RANGES}]+")
_WIDE = re.compile(rf"[{_WIDE_RANGES}]")


class Spot(NamedTuple):
    """Columns of a line that lead somewhere."""

    start: int
    end: int
    key: str


class Told(NamedTuple):
    """One line, and what of it leads somewhere."""

    line: Line
    spots: tuple[Spot, ...] = ()


BLANK = Told(())


@frozen
class Sheet:
    """What blocks are laid out on."""

    width: int
    glyphs: Glyphs = UNICODE
    marks: tuple[Sign, ...] = ()
    prefix: str = ""
    """Before the number of a piece of code: makes the key of its stop."""


def wrapped(runs: Sequence[Run], width: int) -> tuple[Told, ...]:
    """Runs in lines of at most `width` columns, broken between words where that can be."""
    lines: list[list[Run]] = [[]]
    used = 0
    space: Run | None = None
    for word in _words(runs):
        if "\n" in word[0].text:
            lines.append([])
            used, space = 0, None
            continue
        if word[0].text.isspace():
            space = Run(" ", word[0].tone, word[0].key) if used else None
            continue
        wide = sum(text_width(one.text) for one in word)
        if used and used + (space is not None) + wide > width:
            lines.append([])
            used, space = 0, None
        if space is not None:
            lines[-1].append(space)
            used, space = used + 1, None
        for one in word:
            used = _place(lines, one, used, width)
    return tuple(_told(one) for one in lines if one) or (BLANK,)


def hung(runs: Sequence[Run], width: int, lead: str, tone: Tone, *, again: bool = False) -> tuple[Told, ...]:
    """Wrapped lines with a lead before the first, and spaces (or the lead `again`) before the others."""
    wide = text_width(lead)
    first, further = Cell(lead, tone), Cell(lead if again else " " * wide, tone)
    told = wrapped(runs, max(4, width - wide))
    return tuple(shifted(one, first if not number else further) for number, one in enumerate(told))


def shifted(told: Told, lead: Cell) -> Told:
    """A line behind a lead."""
    wide = text_width(lead.text)
    spots = tuple(Spot(one.start + wide, one.end + wide, one.key) for one in told.spots)
    return Told((lead, *told.line), spots)


def _words(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Words of one or more runs, and the spaces between them; a wide character is a word of its own."""
    word: list[Run] = []
    for run in runs:
        for part in _WORDS.findall(run.text):
            piece = Run(part, run.tone, run.key)
            if part.isspace() or _WIDE.match(part):
                if word:
                    yield word
                    word = []
                yield [piece]
            else:
                word.append(piece)
    if word:
        yield word


def _place(lines: list[list[Run]], run: Run, used: int, width: int) -> int:
    """Put a run on the last line, what does not fit on further ones; the columns then used."""
    text = run.text
    while used + text_width(text) > width:
        room = width - used
        head = set_cell_size(text, room).rstrip() if room > 0 else ""
        if not head and not used:
            head = text[0]
        if head:
            lines[-1].append(run._replace(text=head))
            text = text[len(head) :]
        lines.append([])
        used = 0
        if not text:
            return 0
    if text:
        lines[-1].append(run._replace(text=text))
    return used + text_width(text)


def _told(runs: Sequence[Run]) -> Told:
    """Runs as a line, neighbours of one tone in one cell."""
    cells: list[Cell] = []
    spots: list[Spot] = []
    at, before = 0, ""
    for text, tone, key in runs:
        wide = text_width(text)
        if cells and cells[-1].tone == tone and key == before:
            cells[-1] = Cell(cells[-1].text + text, tone)
        else:
            cells.append(Cell(text, tone))
        if key:
            if spots and spots[-1].key == key and spots[-1].end == at:
                spots[-1] = spots[-1]._replace(end=at + wide)
            else:
                spots.append(Spot(at, at + wide, key))
        at, before = at + wide, key
    return Told(tuple(cells), tuple(spots))
