"""Markdown as lines of a width: blocks laid out, words wrapped, tables fitted. Pure; text from outside stays text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import set_cell_size

from app.present.cells import Cell, Tone, text_width, tidy
from app.present.markdown_blocks import Block
from app.present.markdown_inline import Prose, Run, runs_of
from app.present.markdown_table import table_lines
from app.present.markdown_wrap import Sheet, Spot, Told, hung, wrapped

_TIDIED_MOST = 8000


def block_lines(block: Block, sheet: Sheet, *, code: int = 0, is_growing: bool = False) -> tuple[Told, ...]:
    """One block; `code` is the number of this piece of code."""
    width = max(8, sheet.width)
    match block.kind:
        case "rule":
            return (Told((Cell(sheet.glyphs.rest * width, "frame"),)),)
        case "code":
            return tuple(_code(block, sheet, width, code))
        case "table":
            return table_lines(block, sheet)
        case "item":
            sign = block.sign if block.sign != "•" else sheet.glyphs.info if sheet.glyphs.name == "unicode" else "*"
            lead = " " * min(block.level, width // 3) + sign + " "
            return hung(_runs(block, "plain", sheet, is_growing=is_growing), width, lead, "quiet")
        case "quote":
            edge = f"{sheet.glyphs.box.down} "
            return hung(_runs(block, "quiet", sheet, is_growing=is_growing), width, edge, "frame", again=True)
        case "heading" | "prose":
            tone: Tone = "strong" if block.kind == "heading" else "plain"
            return wrapped(_runs(block, tone, sheet, is_growing=is_growing), width)


def gap_between(before: Block | None, block: Block) -> bool:
    """Whether an empty line stands between two blocks."""
    if before is None or block.inside is not None or before.kind == "heading":
        return False
    if block.kind == "item":
        return before.kind != "item" and not (before.kind == "prose" and block.is_near)
    return not (block.kind == "prose" and before.kind == "prose" and block.is_near)


def harmless(text: str) -> str:
    """Text from outside as it may stand here; breaks of lines stay."""
    return "\n".join(tidy(one, _TIDIED_MOST) for one in text.split("\n"))


def _runs(block: Block, tone: Tone, sheet: Sheet, *, is_growing: bool) -> list[Run]:
    found = runs_of(Prose(block.pieces), tone, sheet.marks, is_growing=is_growing)
    return [one._replace(text=harmless(one.text)) for one in found]


def _code(block: Block, sheet: Sheet, width: int, number: int) -> Iterator[Told]:
    edge, room = Cell(f"{sheet.glyphs.box.down} ", "frame"), max(4, width - 2)
    key = f"{sheet.prefix}c{number}" if sheet.prefix else ""
    is_first = block.inside is None
    for piece in block.pieces:
        text = tidy(piece.text.expandtabs(4), _TIDIED_MOST)
        while True:
            head = set_cell_size(text, room).rstrip() if text_width(text) > room else text
            head = head or text[:1]
            spots = (Spot(0, 1, key),) if key and is_first else ()
            yield Told((edge, *((Cell(head, "curve"),) if head else ())), spots)
            text, is_first = text[len(head) :], False
            if not text:
                break
    if not block.pieces and is_first:
        yield Told((edge,))
