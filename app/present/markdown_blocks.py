"""Markdown cut into blocks: headings, paragraphs, items, quotes, tables, code. Pure; knows no width and no colour.

Made for text that is still growing: every block can be read again from its own start without what stood before it, so
that only the last one is read anew. A long piece of code is several blocks for the same reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from app.domain.frozen import frozen

Kind = Literal["heading", "prose", "item", "quote", "table", "code", "rule"]
CODE_LINES = 40
"""Lines of code in one block."""
PROSE_MOST = 4000
"""Characters of one paragraph; what is longer becomes another, so that a hostile one costs no more than many."""
_FENCE = re.compile(r"^( {0,12})(`{3,}|~{3,})\s*([^`]*)$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_RULE = re.compile(r"^ {0,3}([-*_])\s*(?:\1\s*){2,}$")
_ITEM = re.compile(r"^(\s{0,16})([-*+•]|\d{1,4}[.)])(\s+|$)(.*)$")
_QUOTE = re.compile(r"^ {0,3}>\s?(.*)$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-*:?\s*)*\|?\s*$")


@frozen
class Fence:
    """An open piece of code."""

    sign: str
    indent: int
    language: str = ""


@frozen
class Piece:
    """A part of a block's text, and where in the source it stood."""

    text: str
    start: int


@frozen
class Block:
    """One block."""

    kind: Kind
    start: int
    """Offset of its first line in the source."""
    pieces: tuple[Piece, ...] = ()
    """Its lines, without the signs of their kind."""
    level: int = 0
    """Of a heading; columns by which an item or a piece of code is indented."""
    sign: str = ""
    """An item's own: `•`, `1.`; the language of code."""
    inside: Fence | None = None
    """The code that it goes on with: a later part of a long one."""
    is_near: bool = False
    """No empty line stood before it."""
    is_open: bool = False
    """Code whose end has not come."""


@dataclass(slots=True)
class _Reader:
    """Where reading has come to."""

    lines: list[tuple[int, str]]
    at: int = 0

    @property
    def is_over(self) -> bool:
        return self.at >= len(self.lines)

    @property
    def line(self) -> str:
        return self.lines[self.at][1]

    def take(self) -> tuple[int, str]:
        self.at += 1
        return self.lines[self.at - 1]


def blocks_of(
    source: str, start: int = 0, inside: Fence | None = None, *, is_near: bool = False, is_growing: bool = False
) -> Iterator[Block]:
    """The blocks from an offset on, where one begins; while it grows, a lone line of a table is taken for one."""
    reader = _Reader(_lines(source, start))
    if inside is not None:
        yield from _code(reader, inside, start, is_first=False)
        is_near = True
    while not reader.is_over:
        if not reader.line.strip():
            reader.take()
            is_near = False
            continue
        yield from _block(reader, is_near=is_near, is_growing=is_growing)
        is_near = True


def _lines(source: str, start: int) -> list[tuple[int, str]]:
    found = []
    for line in source[start:].split("\n"):
        cuts = range(0, max(1, len(line)), PROSE_MOST)
        found += [(start + cut, line[cut : cut + PROSE_MOST].rstrip("\r")) for cut in cuts]
        start += len(line) + 1
    return found


def _block(reader: _Reader, *, is_near: bool, is_growing: bool) -> Iterator[Block]:
    """The block whose first line is next."""
    start, line = reader.lines[reader.at]
    fence = _FENCE.match(line)
    if fence is not None:
        reader.take()
        opened = Fence(fence[2], len(fence[1]), fence[3].strip())
        yield from _code(reader, opened, start, is_first=True, is_near=is_near)
        return
    heading = _HEADING.match(line)
    if heading is not None:
        reader.take()
        pieces = (Piece(heading[2], start + heading.start(2)),)
        yield Block("heading", start, pieces, len(heading[1]), is_near=is_near)
    elif _RULE.match(line):
        reader.take()
        yield Block("rule", start, is_near=is_near)
    elif _is_table(reader, is_growing=is_growing):
        rows = tuple(_while(reader, lambda text: "|" in text))
        yield Block("table", start, rows, is_near=is_near)
    elif _QUOTE.match(line):
        quoted = _while(reader, lambda text: _QUOTE.match(text) is not None)
        yield Block("quote", start, tuple(_cut(one, _QUOTE, 1) for one in quoted), is_near=is_near)
    elif _ITEM.match(line):
        yield _item(reader, is_near=is_near)
    else:
        yield Block("prose", start, tuple(_prose(reader)), is_near=is_near)


def _code(reader: _Reader, fence: Fence, start: int, *, is_first: bool, is_near: bool = True) -> Iterator[Block]:
    """Code up to its end, in parts; the last one is open where the end has not come."""
    taken: list[Piece] = []
    begins, is_later = start, not is_first
    while not reader.is_over:
        at, line = reader.take()
        shut = _FENCE.match(line)
        if shut is not None and shut[2].startswith(fence.sign) and not shut[3].strip():
            yield _code_block(taken, fence, begins, is_later=is_later, is_near=is_near)
            return
        if len(taken) == CODE_LINES:
            yield _code_block(taken, fence, begins, is_later=is_later, is_near=is_near)
            taken, begins, is_later = [], at, True
        shown = line[min(fence.indent, len(line) - len(line.lstrip(" "))) :]
        taken.append(Piece(shown, at + len(line) - len(shown)))
    yield _code_block(taken, fence, begins, is_later=is_later, is_near=is_near, is_open=True)


def _code_block(
    taken: list[Piece], fence: Fence, start: int, *, is_later: bool, is_near: bool, is_open: bool = False
) -> Block:
    inside = fence if is_later else None
    return Block("code", start, tuple(taken), fence.indent, fence.language, inside, is_near or is_later, is_open)


def _item(reader: _Reader, *, is_near: bool) -> Block:
    """One item with the lines that go on with it."""
    start, line = reader.take()
    found = _ITEM.match(line)
    assert found is not None  # noqa: S101 - the caller looked
    sign = "•" if found[2] in "-*+•" else found[2]
    pieces = [Piece(found[4], start + found.start(4)), *_prose(reader, is_further=True)]
    return Block("item", start, tuple(pieces), min(len(found[1].expandtabs(4)), 8), sign, is_near=is_near)


def _prose(reader: _Reader, *, is_further: bool = False) -> Iterator[Piece]:
    """Lines up to an empty one or the beginning of something else; the first is taken as it is, unless `is_further`."""
    taken = 0
    while not reader.is_over and reader.line.strip() and taken < PROSE_MOST:
        if (taken or is_further) and _begins(reader.line):
            return
        start, line = reader.take()
        shown = line.lstrip()
        taken += len(shown) + 1
        yield Piece(shown.rstrip(), start + len(line) - len(shown))


def _begins(line: str) -> bool:
    """Whether a line begins a block of its own."""
    signs = (_FENCE, _HEADING, _RULE, _ITEM, _QUOTE)
    return any(sign.match(line) is not None for sign in signs)


def _is_table(reader: _Reader, *, is_growing: bool) -> bool:
    """A line with bars, and below it the one that divides head from rows."""
    if "|" not in reader.line:
        return False
    if reader.at + 1 < len(reader.lines):
        below = reader.lines[reader.at + 1][1]
        return "-" in below and _DIVIDER.match(below) is not None
    return is_growing and reader.line.lstrip().startswith("|")


def _while(reader: _Reader, fits: Callable[[str], bool]) -> Iterator[Piece]:
    while not reader.is_over and reader.line.strip() and fits(reader.line):
        start, line = reader.take()
        yield Piece(line, start)


def _cut(piece: Piece, sign: re.Pattern[str], group: int) -> Piece:
    found = sign.match(piece.text)
    assert found is not None  # noqa: S101 - the caller looked
    return Piece(found[group], piece.start + found.start(group))
