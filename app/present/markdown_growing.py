"""Markdown that grows: only the last block is read and laid out anew when more of it comes."""

from __future__ import annotations

from app.present.markdown_blocks import Block, Fence, blocks_of
from app.present.markdown_lines import block_lines, gap_between
from app.present.markdown_wrap import BLANK, Sheet, Told


class Growing:
    """One text, laid out as far as it came."""

    def __init__(self) -> None:
        self._sheet: Sheet | None = None
        self._is_growing = False
        self._forget()

    def _forget(self) -> None:
        self._text = ""
        self._settled_at = 0
        self._inside: Fence | None = None
        self._is_near = False
        self._before: Block | None = None
        self._codes = 0
        self.settled: list[Told] = []
        """Lines of every block but the last; only ever appended to while the text goes on."""
        self.last: tuple[Told, ...] = ()
        """Lines of the last block, which may still change."""

    def show(self, text: str, sheet: Sheet, *, is_growing: bool = False) -> None:
        """Lay the text out; from the last block on where it goes on as it was, else all of it."""
        goes_on = self._is_growing and sheet == self._sheet and text.startswith(self._text)
        if goes_on and is_growing and text == self._text:
            return
        if not goes_on:
            self._forget()
        self._text, self._sheet, self._is_growing = text, sheet, is_growing
        at, inside, is_near = self._settled_at, self._inside, self._is_near
        blocks = list(blocks_of(text, at, inside, is_near=is_near, is_growing=is_growing))
        for block in blocks[:-1]:
            self.settled += self._laid(block, sheet)
            self._settle(block)
        self.last = ()
        if blocks:
            last = blocks[-1]
            self.last = self._laid(last, sheet, is_growing=is_growing)
            self._settled_at, self._inside, self._is_near = last.start, last.inside, last.is_near

    def _laid(self, block: Block, sheet: Sheet, *, is_growing: bool = False) -> tuple[Told, ...]:
        number = self._codes + (block.kind == "code" and block.inside is None)
        told = block_lines(block, sheet, code=number, is_growing=is_growing)
        return (BLANK, *told) if gap_between(self._before, block) else told

    def _settle(self, block: Block) -> None:
        self._codes += block.kind == "code" and block.inside is None
        self._before = block


def code_of(text: str) -> tuple[str, ...]:
    """The pieces of code of a text, in order, as they are to be copied."""
    found: list[str] = []
    for block in blocks_of(text):
        if block.kind != "code":
            continue
        part = "\n".join(piece.text for piece in block.pieces)
        if block.inside is None:
            found.append(part)
        else:
            found[-1] += "\n" + part
    return tuple(found)
