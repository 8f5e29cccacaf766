"""What a parser of Slurm's output gives: the values, how much was skipped, and why, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.domain.frozen import frozen
from app.domain.naming import clean

T = TypeVar("T")

MOST_NOTES = 5
"""Skipped lines that are described; the rest are counted."""
MOST_BYTES = 256 * 1024 * 1024
"""Of one command's output: 10,000 jobs as JSON weigh up to 40 kB each in the worst dialect, and few sites have more."""
PIECE = 16
"""Lines or records between two places where a long answer may be put down for a moment (`app.domain.pieces`)."""
LINES_BYTES = 1 << 15
"""Bytes, and what is left of the line, that are made text at once."""
MOST_ITEMS = 200_000
"""Jobs or nodes of one answer; what comes after is counted as skipped."""


class SlurmParseError(ValueError):
    """Output that is not what the command prints; the message names the command and the line."""


@frozen
class Parsed(Generic[T]):
    """What one command said."""

    items: tuple[T, ...]
    skipped: int = 0
    """Lines or records that could not be read."""
    notes: tuple[str, ...] = ()
    """One sentence each, with command and line; and what Slurm itself warned of."""


@dataclass(slots=True)
class Skips:
    """Counts what is skipped and remembers the first reasons."""

    command: str
    count: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, line: int, why: str, text: str = "") -> None:
        """Skip one record that begins at `line`; `text` is an example of what stood there."""
        self.count += 1
        if len(self.notes) < MOST_NOTES:
            said = f": {clean(text[:200], 60)!r}" if text else ""
            self.notes.append(f"{self.command} line {line}: {why}{said}")

    def parsed(self, items: list[T], *, more_notes: tuple[str, ...] = ()) -> Parsed[T]:
        """The result; says how many were skipped beyond those described."""
        rest = self.count - len(self.notes)
        also = (f"{self.command}: {rest} more lines skipped",) if rest > 0 else ()
        return Parsed(tuple(items), self.count, (*self.notes, *also, *more_notes))


def once(
    rows: Iterable[tuple[int, T | None, str]], skips: Skips, key: Callable[[T], str], what: str, lacking: str
) -> list[T]:
    """The values of rows (line, value, text as an example), each key once; a row without a value is skipped."""
    found: dict[str, T] = {}
    for line, one, text in rows:
        if one is None:
            skips.add(line, f"no {lacking}", text)
        elif key(one) in found:
            skips.add(line, f"{what} {key(one)} a second time", text)
        elif len(found) == MOST_ITEMS:
            skips.add(line, f"more than {MOST_ITEMS} {what}s", text)
        else:
            found[key(one)] = one
    return list(found.values())


def lines_of(output: bytes, command: str) -> Iterator[str]:
    """The lines of output as text, bytes that are no UTF-8 replaced; one that ends with a newline has a last empty one.

    Made text a little at a time: as a whole it would be held twice. Raises SlurmParseError on absurd amounts.
    """
    if len(output) > MOST_BYTES:
        raise SlurmParseError(f"{command} line 1: {len(output) >> 20} MiB of output, more than is read")
    begin = 0
    while (end := output.find(b"\n", begin + LINES_BYTES)) >= 0:
        yield from output[begin:end].decode("utf-8", "replace").split("\n")
        begin = end + 1
    yield from output[begin:].decode("utf-8", "replace").split("\n")
