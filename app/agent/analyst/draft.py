"""An answer as it is written: what it comes to first, then what it rests on, then what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_MOST_CELLS = 12
"""Rows of one table."""


@dataclass
class Draft:
    """Blocks of markdown, in their order."""

    blocks: list[str] = field(default_factory=list)

    def say(self, *sentences: str) -> Draft:
        """A paragraph."""
        text = " ".join(one for one in sentences if one)
        if text:
            self.blocks.append(text)
        return self

    def lead(self, sentence: str, *cites: str) -> Draft:
        """What it comes to, in bold."""
        return self.say(f"**{sentence}** {''.join(dict.fromkeys(cites))}".rstrip())

    def points(self, title: str, lines: Iterable[str]) -> Draft:
        """A list under its title; nothing where it is empty."""
        some = [one for one in lines if one]
        if some:
            self.blocks.append("\n".join([*([f"{title}:", ""] if title else []), *(f"- {one}" for one in some)]))
        return self

    def steps(self, lines: Sequence[str], title: str = "What to do") -> Draft:
        """What to do, in order."""
        some = [one for one in lines if one]
        if len(some) == 1:
            self.blocks.append(f"**{title}:** {some[0]}")
        elif some:
            self.blocks.append("\n".join([f"**{title}:**", "", *(f"{at}. {one}" for at, one in enumerate(some, 1))]))
        return self

    def table(
        self, heads: Sequence[str], lines: Sequence[Sequence[str]], most: int = _MOST_CELLS, more: str = ""
    ) -> Draft:
        """A table; of more lines it says what is left out."""
        if lines:
            told = [f"| {' | '.join(heads)} |", f"|{'|'.join(' --- ' for _ in heads)}|"]
            told += [f"| {' | '.join(_cell(one) for one in line)} |" for line in lines[:most]]
            self.blocks.append("\n".join(told))
            if len(lines) > most:
                self.blocks.append(more or "…and more, which I leave out.")
        return self

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join(self.blocks)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ") or "—"
