"""Markdown within a line: bold, italic, code, links; and the marks of an answer, which lead somewhere. Pure.

Links are shown as their text with the address: nothing here can be clicked, so an address cannot hide behind a word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.frozen import frozen
from app.present.cells import Tone
from app.present.markdown_blocks import Piece

_LONGEST = 600
"""Characters between two signs that belong together."""
_DEEPEST = 4
_BROKEN = 60
"""Characters from which on a line is one that was broken to a width."""
_SIGNS = re.compile(
    r"\\(?P<escape>[\\`*_{}\[\]()#+\-.!|~<>])"
    rf"|(?P<ticks>`+)(?P<code>[^`]{{1,{_LONGEST}}}?)(?P=ticks)(?!`)"
    rf"|!?\[(?P<name>[^\[\]]{{0,{_LONGEST}}})\]\((?P<address>[^()\s]{{1,{_LONGEST}}})(?:\s+\"[^\"]*\")?\)"
    rf"|<(?P<bare>https?://[^<>\s]{{1,{_LONGEST}}})>"
    rf"|\*\*(?P<bold>(?=\S).{{1,{_LONGEST}}}?(?<=\S))\*\*"
    rf"|(?<!\w)__(?P<bold2>(?=\S).{{1,{_LONGEST}}}?(?<=\S))__(?!\w)"
    rf"|\*(?P<slant>(?=[^\s*]).{{1,{_LONGEST}}}?(?<=\S))\*(?!\*)"
    rf"|(?<!\w)_(?P<slant2>(?=[^\s_]).{{1,{_LONGEST}}}?(?<=\S))_(?!\w)"
    rf"|~~(?P<struck>(?=\S).{{1,{_LONGEST}}}?(?<=\S))~~",
    re.DOTALL,
)
_TONES: dict[str, Tone] = {
    "code": "curve", "bold": "strong", "bold2": "strong", "slant": "head", "slant2": "head", "struck": "old",
}  # fmt: skip
_OPEN = re.compile(r"[*_~`]+$")


class Run(NamedTuple):
    """Text in one tone."""

    text: str
    tone: Tone = "plain"
    key: str = ""
    """The stop it belongs to; empty: it leads nowhere."""


@frozen
class Sign:
    """A mark as the text shows it: where, in which tone, what stands before it."""

    start: int
    end: int
    tone: Tone
    key: str
    before: str = ""


class Prose:
    """Lines joined, which remember where in the source they stood.

    A long line goes on on the next one, as in text that was broken to a width; after a short one the break is meant.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        kept = [one for one in pieces if one.text]
        texts = [one.text + (" " if len(one.text) >= _BROKEN else "\n") for one in kept]
        self.text = "".join(texts)[:-1]
        self._places: list[int] = []
        self._sources: list[int] = []
        at = 0
        for one in kept:
            self._places.append(at)
            self._sources.append(one.start)
            at += len(one.text) + 1

    def source(self, at: int) -> int:
        """The offset in the source of a character."""
        number = max(0, bisect_right(self._places, at) - 1)
        return self._sources[number] + at - self._places[number] if self._sources else 0


def runs_of(prose: Prose, tone: Tone = "plain", marks: Sequence[Sign] = (), *, is_growing: bool = False) -> list[Run]:
    """The text in its tones; while it grows, what is still open is taken for closed, so that nothing jumps later."""
    text = _closed(prose.text) if is_growing else prose.text
    found: list[Run] = []
    for start, part, own in _scan(text, 0, tone, 0):
        if start < 0 or not marks:
            found.append(Run(part, own))
        else:
            found.extend(_marked(part, own, prose, start, marks))
    return found


def _scan(text: str, offset: int, tone: Tone, depth: int) -> Iterator[tuple[int, str, Tone]]:
    """(offset, text, tone) of every part; an offset of -1 is of text that is not in the source."""
    at = 0
    for sign in _SIGNS.finditer(text) if depth < _DEEPEST else ():
        if sign.start() > at:
            yield offset + at, text[at : sign.start()], tone
        at = sign.end()
        kind = sign.lastgroup or ""
        if sign["address"] is not None:
            yield from _link(sign, offset, tone)
        elif sign["code"] is not None:
            yield offset + sign.start("code"), sign["code"], "curve"
        elif kind in ("escape", "bare"):
            yield offset + sign.start(kind), sign[kind], tone
        else:
            inner = _TONES[kind] if tone == "plain" else tone
            yield from _scan(sign[kind], offset + sign.start(kind), inner, depth + 1)
    if at < len(text):
        yield offset + at, text[at:], tone


def _link(sign: re.Match[str], offset: int, tone: Tone) -> Iterator[tuple[int, str, Tone]]:
    name, address = sign["name"], sign["address"]
    if name:
        yield offset + sign.start("name"), name, tone
    if name != address:
        yield -1, " (" if name else "(", "quiet"
        yield -1, address, "quiet"
        yield -1, ")", "quiet"


def _marked(part: str, tone: Tone, prose: Prose, start: int, marks: Sequence[Sign]) -> Iterator[Run]:
    """A part, cut where marks begin and end. Marks are by offset and do not overlap."""
    at = 0
    begins, ends = prose.source(start), prose.source(start + len(part) - 1) + 1
    for mark in marks[bisect_right(marks, begins, key=lambda one: one.end) :]:
        if mark.start >= ends:
            break
        left = _place(prose, start, len(part), mark.start)
        right = _place(prose, start, len(part), mark.end)
        if right <= left or left < at:
            continue
        if left > at:
            yield Run(part[at:left], tone)
        if mark.before and prose.source(start + left) == mark.start:
            yield Run(mark.before, mark.tone, mark.key)
        yield Run(part[left:right], mark.tone, mark.key)
        at = right
    if at < len(part):
        yield Run(part[at:], tone)


def _place(prose: Prose, start: int, length: int, source: int) -> int:
    """Where in a part a source's offset stands, within the part."""
    low, high = 0, length
    while low < high:
        middle = (low + high) // 2
        if prose.source(start + middle) < source:
            low = middle + 1
        else:
            high = middle
    return low


def _closed(text: str) -> str:
    """Growing text with its open signs closed, and without those at its very end, which may become others."""
    text = _OPEN.sub("", text)
    without = re.sub(r"`[^`]*`", "", text)
    if "`" in without:
        return text + "`"
    if without.count("**") % 2:
        text = text.rstrip() + "**"
    return text
