"""Help as lines: sections of keys and what they do, in as many columns as fit."""

from __future__ import annotations

from app.domain.frozen import frozen
from app.present.cells import Cell, Line, fit_line, line, text_width, tidy, wrap

_COLUMN_LEAST = 38
_BETWEEN = 4


@frozen
class HelpSection:
    """A heading and its keys."""

    title: str
    rows: tuple[tuple[str, str], ...]
    """(key or word, what it does)."""


def help_lines(sections: tuple[HelpSection, ...], width: int) -> tuple[Line, ...]:
    """The sections down the columns, broken only between sections; columns as even as that allows."""
    if not sections or width < 8:
        return ()
    count = max(1, min(len(sections), 3, (width + _BETWEEN) // (_COLUMN_LEAST + _BETWEEN)))
    wide = (width - _BETWEEN * (count - 1)) // count
    blocks = [_block(section, wide) for section in sections]
    columns = _dealt(blocks, count)
    height = max(len(column) for column in columns)
    blank: Line = (Cell(" " * wide),)
    lines: list[Line] = []
    for y in range(height):
        parts: list[Cell | str | Line] = []
        for number, column in enumerate(columns):
            parts.append(" " * _BETWEEN if number else "")
            parts.append(column[y] if y < len(column) else blank)
        lines.append(fit_line(line(*parts), width))
    return tuple(lines)


def _block(section: HelpSection, width: int) -> list[Line]:
    key_width = min(max((text_width(key) for key, _ in section.rows), default=0), max(8, width // 3))
    lines: list[Line] = [fit_line((Cell(text, "strong"),), width) for text in wrap(tidy(section.title, 400), width)]
    for key, what in section.rows:
        keys = wrap(tidy(key, 400), key_width) or ("",)
        words = wrap(tidy(what, 400), max(1, width - key_width - 2)) or ("",)
        for number in range(max(len(keys), len(words))):
            left = keys[number] if number < len(keys) else ""
            right = words[number] if number < len(words) else ""
            lines.append(
                fit_line(line(fit_line((Cell(left, "accent"),), key_width), "  ", Cell(right, "plain")), width)
            )
    lines.append((Cell(" " * width),))
    return lines


def _dealt(blocks: list[list[Line]], count: int) -> list[list[Line]]:
    """Blocks in order over `count` columns, so that the tallest column is as short as can be."""
    lowest, highest = max(len(block) for block in blocks), sum(len(block) for block in blocks)
    while lowest < highest:
        middle = (lowest + highest) // 2
        if len(_filled(blocks, middle)) <= count:
            highest = middle
        else:
            lowest = middle + 1
    return _filled(blocks, lowest)


def _filled(blocks: list[list[Line]], height: int) -> list[list[Line]]:
    columns: list[list[Line]] = [[]]
    for block in blocks:
        if columns[-1] and len(columns[-1]) + len(block) > height:
            columns.append([])
        columns[-1].extend(block)
    return columns
