"""Conversations as rows of a list: when, about what, how many questions, who answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.chat import Heading
from app.present.cells import Cell, Line, cells, line
from app.present.look import Look
from app.present.rows import Column, Row, Rows

HEADING_COLUMNS = (
    Column("changed", "last", 11, sortable=False),
    Column("title", "about", 16, grow=1, sortable=False),
    Column("exchanges", "asked", 5, align="right", sortable=False),
    Column("model", "answered by", 16, sortable=False),
)


def heading_rows(headings: Sequence[Heading], look: Look) -> Rows:
    """One row a conversation, in the order given."""
    return Rows([one.id for one in headings], lambda at: _row(headings[at], look))


def _row(heading: Heading, look: Look) -> Row:
    return Row(
        heading.id,
        (
            (Cell(look.clock(heading.changed, seconds=False), "quiet"),),
            _about(heading),
            (Cell(f"{heading.exchanges}", "plain"),),
            cells(heading.model or "offline analyst", "quiet"),
        ),
    )


def _about(heading: Heading) -> Line:
    """Its title, and where words were searched what of it fits."""
    title = cells(heading.title or "without a title", "strong")
    return line(title, Cell("  "), cells(heading.found, "quiet")) if heading.found else title
