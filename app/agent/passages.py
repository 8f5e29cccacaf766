"""An answer taken apart: lines, sentences, cells of tables with their headings, code. Pure; offsets are the text's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.frozen import frozen

LONGEST = 600
"""Characters of one passage: what is done with one grows faster than it does."""
_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_CODE = re.compile(r"(`+)(?P<code>[^`\n]+)\1")
_SEPARATOR = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[^\s])")
_NUMBERING = re.compile(
    r"^\s*(?:>\s*)*(?:#{1,6}\s*)?(?:[-*+]\s+)?(?:\*\*)?(?:(?:step|option|phase)\s+)?\d{1,2}(?:[.):]|(?=\*\*))",
    re.IGNORECASE,
)
"""`1.`, `## 2.`, `**Step 3:**`: what numbers lines."""


@frozen
class Passage:
    """A piece of the answer that says one thing."""

    start: int
    text: str
    heading: str = ""
    """Of the column, in a table."""
    row: str = ""
    """The first cell of the row, in a table: whom it is about."""
    cells: tuple[str, ...] = ()
    """Every cell of the row, in a table."""
    line: int = 0
    """Offset of its line."""
    column: int = -1
    """Its place in the row of a table; -1: it stands in none."""
    table: int = -1
    """Offset of the table; -1: none."""

    @property
    def end(self) -> int:
        """Offset behind it."""
        return self.start + len(self.text)


def codes(text: str) -> list[tuple[int, int, str]]:
    """Pieces of code, each with its start and end: fenced lines one by one, and what stands between backticks."""
    found = []
    is_fenced = False
    for start, line in lines(text):
        if _FENCE.match(line):
            is_fenced = not is_fenced
            found.append((start, start + len(line), ""))
        elif is_fenced:
            found.append((start, start + len(line), line.strip()))
        else:
            found += [(start + one.start(), start + one.end(), one["code"].strip()) for one in _CODE.finditer(line)]
    return found


def quotes(text: str) -> list[tuple[int, int, str]]:
    """Lines that are quoted, each with its start and end."""
    return [
        (start, start + len(line), line.lstrip("> ").strip())
        for start, line in lines(text)
        if line.lstrip().startswith(">") and line.strip("> ")
    ]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with where they begin, without their ends."""
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def passages(text: str) -> Iterator[Passage]:
    """Sentences, and cells of tables, in order."""
    heads: list[str] = []
    table = -1
    rows = list(lines(text))
    for number, (start, line) in enumerate(rows):
        if "|" not in line:
            heads, table = [], -1
            yield from _sentences(start, line)
            continue
        if number + 1 < len(rows) and _is_separator(rows[number + 1][1]):
            heads, table = [cell.strip() for _, cell in _cells(line)], start
        elif not _is_separator(line):
            table = start if table < 0 else table
            cells = list(_cells(line))
            whole = tuple(cell.strip()[:LONGEST] for _, cell in cells)
            for column, (offset, cell) in enumerate(cells):
                heading = heads[column] if column < len(heads) else ""
                yield Passage(start + offset, cell[:LONGEST], heading, whole[0], whole, start, column, table)


def _is_separator(line: str) -> bool:
    return "-" in line and "|" in line and _SEPARATOR.fullmatch(line) is not None


def _cells(line: str) -> Iterator[tuple[int, str]]:
    """Cells of a row, each with where it begins."""
    inner = line.rstrip()
    at = len(inner) - len(inner.lstrip())
    at += inner[at : at + 1] == "|"
    inner = inner[: -1 if inner.endswith("|") else None]
    while at <= len(inner):
        end = inner.find("|", at)
        end = len(inner) if end < 0 else end
        yield at, inner[at:end]
        at = end + 1


def _sentences(start: int, line: str) -> Iterator[Passage]:
    numbering = _NUMBERING.match(line)
    at = numbering.end() if numbering is not None else 0
    while at < len(line):
        gap = _SENTENCE.search(line, at, at + LONGEST)
        end = gap.start() if gap is not None else min(len(line), at + LONGEST)
        yield Passage(start + at, line[at:end], line=start)
        at = gap.end() if gap is not None else end
