"""Frames for a slow line: what is on the terminal already is not sent again, and colours are named in few letters.

Textual sends a line from where it changed, every cell with its whole style, changed or not. That costs no time to find
out and many bytes; on a slow line it is the bytes that somebody waits for. A canvas remembers every cell that the
terminal shows. Where it is wrong (another program wrote there) `forget` makes the next frame whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from app.domain.frozen import frozen

_ATTRIBUTES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "51", "52", "53")
"""How bold, dim, … are switched on, by their bit in a style of Rich's."""
_SEEN_ON_BLANKS = sum(1 << bit for bit in (3, 6, 8, 9, 12))
"""Underlined, reversed, struck, twice underlined, overlined: what shows where there is no letter."""
_BRIDGE = 5
"""Cells between two changes that cost no more than moving over them."""
_ERASE = 10
"""Blanks from which on erasing is shorter."""
_REPEAT = 8
"""Bytes from which on saying how often is shorter than saying it so often."""


class Skills(NamedTuple):
    """What a terminal can do that saves bytes."""

    erases: bool = False
    """What it erases takes the colour of the ground (bce)."""
    repeats: bool = False
    """It writes a letter again when told how often (REP)."""


class Pen(NamedTuple):
    """How a cell is drawn."""

    attributes: int = 0
    fore: str | None = ""
    """None: it does not matter, there is nothing in the cell."""
    back: str = ""
    link: str = ""


Cell = tuple[str, Pen]
_AFTER_WIDE: Cell = ("", Pen())
"""Second half of a wide letter."""


@lru_cache(maxsize=4096)
def _pens(style: Style | None, colours: ColorSystem) -> tuple[Pen, Pen]:
    """How letters and how blanks of a style are drawn."""
    if style is None:
        return Pen(), Pen(fore=None)
    attributes = style._attributes & style._set_attributes  # noqa: SLF001 - Rich offers thirteen properties instead
    fore = ";".join(style.color.downgrade(colours).get_ansi_codes()) if style.color else ""
    back = ";".join(style.bgcolor.downgrade(colours).get_ansi_codes(foreground=False)) if style.bgcolor else ""
    link = style.link or ""
    pen = Pen(attributes, fore, back, link)
    return pen, pen if attributes & _SEEN_ON_BLANKS or link else Pen(0, None, back)


@frozen
class Runs:
    """Cells of one line that have changed."""

    y: int
    spans: Sequence[tuple[int, int]]
    """From a column up to another."""
    cells: Sequence[Cell]
    """The whole line as it is now."""


class Canvas:
    """What a terminal shows, cell by cell."""

    def __init__(self, skills: Skills, most_colours: ColorSystem = ColorSystem.EIGHT_BIT) -> None:
        """`most_colours`: a terminal that has more is not told them all, for their names are twice as long."""
        self.skills = skills
        self._colours = most_colours
        self._rows: dict[int, list[Cell | None]] = {}

    def forget(self) -> None:
        """Nothing is known of what is shown."""
        self._rows.clear()

    def encode(self, pieces: Iterable[tuple[int, int, Strip]], colours: ColorSystem = ColorSystem.EIGHT_BIT) -> str:
        """What makes a terminal of so many colours show pieces of lines, each at its column and line."""
        self._colours = min(self._colours, colours)
        changed: dict[int, set[int]] = {}
        for x, y, strip in pieces:
            changed.setdefault(y, set()).update(self._take(x, y, strip))
        writer = _Writer(self.skills)
        for y in sorted(changed):
            if changed[y]:
                row = self._rows[y]
                writer.line(Runs(y, _spans(sorted(changed[y]), row), [cell or (" ", Pen()) for cell in row]))
        return writer.text()

    def _take(self, x: int, y: int, strip: Iterable[Segment]) -> Iterator[int]:
        """Take a piece in; yields the columns that differ from what is shown."""
        row = self._rows.setdefault(y, [])
        is_plain = True
        start = x
        for text, style, control in strip:
            if control:
                continue
            letters, blanks = _pens(style, self._colours)
            if not text.isascii():
                is_plain = is_plain and cell_len(text) == len(text)
            for cell in _cells(text, letters, blanks):
                if x >= len(row):
                    row.extend([None] * (x + 1 - len(row)))
                if row[x] != cell:
                    row[x] = cell
                    yield x
                x += 1
        if not is_plain:  # terminals differ on how wide some letters are: what follows one is sent again
            yield from range(start, x)


def _cells(text: str, letters: Pen, blanks: Pen) -> Iterator[Cell]:
    """A text cell by cell; marks that have no width belong to the letter before them."""
    if text.isascii():
        for letter in text:
            yield (letter, blanks if letter == " " else letters)
        return
    held = ""
    for letter in text:
        width = cell_len(letter)
        if width == 0 and held:
            held += letter
            continue
        if held:
            yield from _wide(held, blanks if held == " " else letters)
        held = letter
    if held:
        yield from _wide(held, blanks if held == " " else letters)


def _wide(letter: str, pen: Pen) -> Iterator[Cell]:
    yield (letter, pen)
    for _ in range(cell_len(letter) - 1):
        yield _AFTER_WIDE


def _spans(columns: Sequence[int], row: Sequence[Cell | None]) -> Sequence[tuple[int, int]]:
    """Neighbouring columns as spans; a short way between two is part of them."""
    found: list[tuple[int, int]] = []
    for column in columns:
        begin = column
        while begin > 0 and row[begin] is not None and row[begin] == _AFTER_WIDE:
            begin -= 1
        if found and begin - found[-1][1] <= _BRIDGE and None not in row[found[-1][1] : begin]:
            found[-1] = (found[-1][0], max(found[-1][1], column + 1))
        else:
            found.append((begin, column + 1))
    return found


def _alike(cells: Sequence[Cell], start: int, end: int) -> int:
    """How many cells from here on are the same."""
    column, first = start + 1, cells[start]
    while column < end and cells[column] == first:
        column += 1
    return column - start


class _Writer:
    """Puts a frame together; knows where the cursor is and how the pen."""

    def __init__(self, skills: Skills) -> None:
        self._skills = skills
        self._parts: list[str] = []
        self._pen = Pen()
        self._at: tuple[int, int] | None = None

    def text(self) -> str:
        """Everything, with the pen laid down."""
        self._draw_with(Pen())
        return "".join(self._parts)

    def line(self, runs: Runs) -> None:
        """The changed cells of a line."""
        for start, end in runs.spans:
            self._move_to(start, runs.y)
            column = start
            while column < end:
                cell = runs.cells[column]
                length = _alike(runs.cells, column, end)
                is_blank = cell[0] == " " and cell[1].fore is None
                if is_blank and self._skills.erases and length >= _ERASE:
                    self._erase(cell[1], length, is_last=column + length == end)
                else:
                    self._put(cell[0], cell[1], length)
                column += length
            if self._at is not None:
                self._at = (end, runs.y)

    def _erase(self, pen: Pen, length: int, *, is_last: bool) -> None:
        self._draw_with(pen)
        self._parts.append(f"\x1b[{length}X")
        if is_last:
            self._at = None
        else:
            self._parts.append(f"\x1b[{length}C")

    def _put(self, letter: str, pen: Pen, times: int) -> None:
        if not letter:
            return
        self._draw_with(pen)
        if self._skills.repeats and len(letter) == 1 and len(letter.encode()) * (times - 1) >= _REPEAT:
            self._parts.append(f"{letter}\x1b[{times - 1}b")
        else:
            self._parts.append(letter * times)

    def _move_to(self, x: int, y: int) -> None:
        if self._at != (x, y):
            same_line = self._at is not None and self._at[1] == y and x > self._at[0]
            self._parts.append(f"\x1b[{x - self._at[0]}C" if same_line and self._at else f"\x1b[{y + 1};{x + 1}H")
        self._at = (x, y)

    def _draw_with(self, pen: Pen) -> None:
        """Change the pen by as little as it takes."""
        before = self._pen
        if pen.fore is None:
            if before.attributes & _SEEN_ON_BLANKS or before.link:
                pen = Pen(0, "", pen.back)
            else:
                pen = before._replace(back=pen.back)
        if pen == before:
            return
        if pen.link != before.link:
            self._parts.append(f"\x1b]8;;{pen.link}\x1b\\")
        codes = list(_changes(before, pen))
        if codes:
            self._parts.append(f"\x1b[{';'.join(codes)}m")
        self._pen = pen


def _changes(before: Pen, after: Pen) -> Iterator[str]:
    """The codes that make one pen of another."""
    if before.attributes & ~after.attributes:
        yield "0" if after[:3] != (0, "", "") else ""
        before = Pen()
    new = after.attributes & ~before.attributes
    yield from (code for bit, code in enumerate(_ATTRIBUTES) if new & 1 << bit)
    if after.fore != before.fore:
        yield after.fore or "39"
    if after.back != before.back:
        yield after.back or "49"


class Lean(CompositorUpdate):
    """An update of the screen, sent as its difference to what is shown."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, canvas: Canvas) -> None:
        self._update = update
        self._canvas = canvas

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        update = self._update
        pieces = _layout(update) if isinstance(update, LayoutUpdate) else _chops(update)
        # Rich says by a private name how many colours this terminal has; Textual reads the same.
        return self._canvas.encode(pieces, console._color_system or ColorSystem.EIGHT_BIT)  # noqa: SLF001


def _layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield x, y, strip
            x += strip.cell_length


def _chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The pieces of a change, cut as Textual cuts them."""
    for y, left, right in update.spans:
        line: Mapping[int, Strip | None] = update.chops[y]
        for end, (x, strip) in zip(update.chop_ends[y], line.items(), strict=False):
            if strip is None or x > right or end <= left:
                continue
            is_whole = left <= x < right and end <= right
            yield x, y, strip if is_whole else strip.crop(0, min(end, right) - x)
