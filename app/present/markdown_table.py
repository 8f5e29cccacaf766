"""Tables of markdown in the columns there are: every cell wrapped, none cut; too narrow a place gets a list instead.

While an answer grows, its table is laid out with every new row, since that may be a wider one. What its rows were read
as, and how they were laid out, is remembered, or a table of a hundred would hold a frame up.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from app.present.cells import Cell, Line, Tone, fit, fit_line, line_width, tidy
from app.present.markdown_blocks import Block, Piece
from app.present.markdown_inline import Prose, Run, Sign, runs_of
from app.present.markdown_wrap import BLANK, Sheet, Spot, Told, hung, wrapped

_GAP = 2
_LEAST = 6
"""Columns that a column is never narrower than, unless all it holds is."""
_BARS = re.compile(r"(?<!\\)\|")
_DIVIDER = re.compile(r"^[\s|:-]+$")
_COLUMNS_MOST = 24
_ROWS_KEPT = 1000
"""Rows that are remembered, some of them as laid out before a column became wider."""
Aligns = tuple[str, ...]
Runs = tuple[Run, ...]


class Row(NamedTuple):
    """A row that was read."""

    cells: tuple[Runs, ...]
    wide: tuple[int, ...]
    """Columns that each of them would need."""


def table_lines(block: Block, sheet: Sheet) -> tuple[Told, ...]:
    """Head, rule and rows; rows as `head value` where the columns do not fit."""
    head, *pieces = block.pieces
    has_divider = bool(pieces) and _DIVIDER.match(pieces[0].text) is not None
    aligns = _aligns(_cells(pieces[0])) if has_divider else ()
    read = [_read(head, "head", _within(sheet.marks, head))]
    read += [_read(one, "plain", _within(sheet.marks, one)) for one in pieces[1 if has_divider else 0 :]]
    count = min(max(len(row.cells) for row in read), _COLUMNS_MOST)
    rows = [Row((*row.cells, *[()] * count)[:count], (*row.wide, *[0] * count)[:count]) for row in read]
    widths = _widths([row.wide for row in rows], sheet.width)
    if widths is None:
        return _listed([row.cells for row in rows], sheet)
    return _laid([row.cells for row in rows], tuple(widths), aligns, sheet)


@lru_cache(_ROWS_KEPT)
def _read(piece: Piece, tone: Tone, marks: tuple[Sign, ...]) -> Row:
    """A row; `marks` are those that it has."""
    cells = tuple(_runs(one, marks, tone) for one in _cells(piece))
    return Row(cells, tuple(line_width([Cell(one.text) for one in runs]) for runs in cells))


def _within(marks: tuple[Sign, ...], piece: Piece) -> tuple[Sign, ...]:
    """The marks that touch a piece."""
    first = bisect_right(marks, piece.start, key=lambda mark: mark.end)
    return marks[first : bisect_left(marks, piece.start + len(piece.text), key=lambda mark: mark.start)]


def _cells(piece: Piece) -> list[Piece]:
    """The cells of a row with their places."""
    cuts = [found.start() for found in _BARS.finditer(piece.text)]
    bounds = [-1, *cuts, len(piece.text)]
    found = []
    for before, after in pairwise(bounds):
        raw = piece.text[before + 1 : after]
        found.append(Piece(raw.strip(), piece.start + before + 1 + len(raw) - len(raw.lstrip())))
    if found and not found[0].text and cuts:
        found = found[1:]
    if len(found) > 1 and not found[-1].text:
        found = found[:-1]
    return found


def _aligns(divider: Sequence[Piece]) -> Aligns:
    return tuple("right" if one.text.endswith(":") and not one.text.startswith(":") else "left" for one in divider)


def _runs(piece: Piece, marks: tuple[Sign, ...], tone: Tone) -> Runs:
    return tuple(one._replace(text=tidy(one.text, 2000)) for one in runs_of(Prose((piece,)), tone, marks))


def _widths(rows: Sequence[Sequence[int]], width: int) -> list[int] | None:
    """A width for each column, the widest narrowed first; None where they do not fit."""
    natural = [max(1, *column) for column in zip(*rows, strict=True)]
    least = [min(one, _LEAST) for one in natural]
    room = width - _GAP * (len(natural) - 1)
    if sum(least) > room:
        return None
    found = list(natural)
    while sum(found) > room:
        widest = max(range(len(found)), key=lambda at: (found[at] - least[at], found[at]))
        over = sum(found) - room
        others = sorted((one for at, one in enumerate(found) if at != widest and one < found[widest]), reverse=True)
        step = found[widest] - (others[0] if others else least[widest])
        found[widest] = max(least[widest], found[widest] - max(1, min(over, step)))
    return found


def _laid(rows: Sequence[tuple[Runs, ...]], widths: tuple[int, ...], aligns: Aligns, sheet: Sheet) -> tuple[Told, ...]:
    lines: list[Told] = []
    for number, row in enumerate(rows):
        lines += _row(row, widths, aligns)
        if not number:
            lines.append(Told((Cell(sheet.glyphs.rest * (sum(widths) + _GAP * (len(widths) - 1)), "frame"),)))
    return tuple(lines)


@lru_cache(_ROWS_KEPT)
def _row(row: tuple[Runs, ...], widths: tuple[int, ...], aligns: Aligns) -> tuple[Told, ...]:
    """One row; as high as its highest cell."""
    columns = [wrapped(runs, width) if runs else (BLANK,) for runs, width in zip(row, widths, strict=True)]
    lines = []
    for height in range(max(len(one) for one in columns)):
        cells: Line = ()
        spots: list[Spot] = []
        for at, (column, width) in enumerate(zip(columns, widths, strict=True)):
            told = column[height] if height < len(column) else BLANK
            is_right = at < len(aligns) and aligns[at] == "right"
            before = line_width(cells) + (width - line_width(told.line) if is_right else 0)
            spots += [Spot(one.start + before, one.end + before, one.key) for one in told.spots]
            cells = (*cells, *fit_line(told.line, width, "right" if is_right else "left"))
            if at + 1 < len(widths):
                cells = (*cells, Cell(" " * _GAP))
        lines.append(Told(cells, tuple(spots)))
    return tuple(lines)


def _listed(rows: Sequence[tuple[Runs, ...]], sheet: Sheet) -> tuple[Told, ...]:
    """Every row as lines of `head  value`."""
    lines: list[Told] = []
    for number, row in enumerate(rows[1:]):
        if number:
            lines.append(BLANK)
        for head, runs in zip(rows[0], row, strict=True):
            if runs:
                lead = fit("".join(one.text for one in head), max(2, sheet.width // 3), cut="").rstrip()
                lines += hung(runs, sheet.width, f"{lead}  " if lead else "", "head")
    return tuple(lines)
