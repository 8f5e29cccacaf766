"""Markdown that grows: only the last block is read and laid out anew when more of it comes.

Marks come with the end of a text, and every block may look different with them. Laid out anew at once, ten thousand
tokens would hold a frame up for 0.1 s; so that is done a part at a time, the newest first, which is what is looked at.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.frozen import frozen
from app.present.markdown_blocks import Block, Fence, blocks_of
from app.present.markdown_lines import block_lines, gap_between
from app.present.markdown_wrap import BLANK, Sheet, Told

PART_LINES = 80
"""Lines laid out anew at a time."""


@frozen
class _Settled:
    """A whole block among those around it."""

    block: Block
    before: Block | None
    code: int
    """The number of its piece of code."""
    lines: int
    """How many it takes."""


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
        self._blocks: list[_Settled] = []
        """Blocks at the beginning of `settled`: all while the text grows, then those that miss their marks."""
        self.settled: list[Told] = []
        """Lines of every block but the last; only ever appended to while the text goes on."""
        self.last: tuple[Told, ...] = ()
        """Lines of the last block, which may still change."""

    @property
    def is_behind(self) -> bool:
        """Whether a part of a text that has ended still misses its marks; showing it again goes on with them."""
        return bool(self._blocks) and not self._is_growing

    def show(self, text: str, sheet: Sheet, *, is_growing: bool = False) -> None:
        """Lay the text out; from the last block on where it goes on as it was, else all of it."""
        is_known = text == self._text and sheet == self._sheet and is_growing == self._is_growing
        if not is_known:
            if not self._goes_on(text, sheet, is_growing=is_growing):
                self._forget()
            unmarked = len(self._blocks) if sheet != self._sheet else 0
            self._text, self._sheet, self._is_growing = text, sheet, is_growing
            self._read_on(text, sheet)
            if not is_growing:
                del self._blocks[unmarked:]
        if self.is_behind:
            self._mark_more(sheet)

    def _goes_on(self, text: str, sheet: Sheet, *, is_growing: bool) -> bool:
        """Whether what was laid out stands for the beginning of this text, but for marks where it ends here."""
        before = self._sheet
        if before is None or not self._is_growing or not text.startswith(self._text):
            return False
        return sheet == before or (not is_growing and sheet == replace(before, marks=sheet.marks))

    def _read_on(self, text: str, sheet: Sheet) -> None:
        """Read from the last block on; all that are whole now are settled."""
        at, inside, is_near = self._settled_at, self._inside, self._is_near
        blocks = list(blocks_of(text, at, inside, is_near=is_near, is_growing=self._is_growing))
        for block in blocks[:-1]:
            self._settle(block, sheet)
        self.last = ()
        if blocks:
            last = blocks[-1]
            self.last = _laid(last, self._before, self._number(last), sheet, is_growing=self._is_growing)
            self._settled_at, self._inside, self._is_near = last.start, last.inside, last.is_near

    def _settle(self, block: Block, sheet: Sheet) -> None:
        told = _laid(block, self._before, self._number(block), sheet)
        self.settled += told
        self._blocks.append(_Settled(block, self._before, self._number(block), len(told)))
        self._codes, self._before = self._number(block), block

    def _number(self, block: Block) -> int:
        """The number of the piece of code that a block is or goes on with; of others, of the one before it."""
        return self._codes + (block.kind == "code" and block.inside is None)

    def _mark_more(self, sheet: Sheet) -> None:
        """Lay out anew the last of those that miss their marks, some lines of them."""
        end = sum(one.lines for one in self._blocks)
        made = 0
        while self._blocks and made < PART_LINES:
            one = self._blocks.pop()
            told = _laid(one.block, one.before, one.code, sheet)
            self.settled[end - one.lines : end] = told
            end -= one.lines
            made += len(told)


def _laid(block: Block, before: Block | None, code: int, sheet: Sheet, *, is_growing: bool = False) -> tuple[Told, ...]:
    """One block, below a gap where it stands apart from the one before."""
    told = block_lines(block, sheet, code=code, is_growing=is_growing)
    return (BLANK, *told) if gap_between(before, block) else told


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
