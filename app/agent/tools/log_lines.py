"""Lines of a log for a reader with little room: the grave ones, the newest ones, repeats counted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.agent.door import inside

LONGEST_LINE = 320
_GRAVE = re.compile(
    r"\b(?:error|errors|fatal|critical|traceback|exception|failed|failure|killed|oom|out of memory|segfault|panic"
    r"|aborted|cuda error|xid|sxid|nccl warn|timed? ?out|denied|no such file|core dumped|terminated|evicted)\b",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")


def cleaned(lines: Iterable[str]) -> list[str]:
    """Lines as they may be told, empty ones left out, the same one after the other counted: `… (×40)`."""
    found: list[str] = []
    counts: list[int] = []
    for line in lines:
        text = inside(line.rstrip(), LONGEST_LINE).replace("\n", " ").strip()
        if not text:
            continue
        if found and found[-1] == text:
            counts[-1] += 1
            continue
        found.append(text)
        counts.append(1)
    return [text if many == 1 else f"{text} (×{many})" for text, many in zip(found, counts, strict=True)]


def holding(lines: Sequence[str], words: str | None) -> list[str]:
    """Lines that hold some words, in any case; `a|b`: one of them."""
    if words is None:
        return list(lines)
    wanted = [part.strip().casefold() for part in words.split("|") if part.strip()]
    return [line for line in lines if any(part in line.casefold() for part in wanted)]


def grave(lines: Sequence[str], most: int) -> list[str]:
    """The newest lines that tell of trouble, each kind once: lines that differ in numbers only are one kind."""
    kinds: dict[str, str] = {}
    for line in lines:
        if _GRAVE.search(line):
            kind = _NUMBERS.sub("#", line)
            kinds.pop(kind, None)
            kinds[kind] = line
    return list(kinds.values())[-most:]
