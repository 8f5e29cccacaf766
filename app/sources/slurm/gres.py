"""Generic resources and TRES as Slurm writes them, from 18.08's `GRES_IDX=gpu(IDX:0,2)` to 26.05's `gres/gpu:h100=4`.

`gpu[:type]:N` with `(S:0-1)` (sockets) and `(IDX:0-3,5)` (node-wide indices of gres.conf) in nodes and jobs,
`gres:gpu:2`, `gres/gpu:2`, `gres/gpu=2`, `gres/gpu:h100=4` in requests and TRES strings. Commas occur within
parentheses; types hold dots. What is not understood is left out: a count never comes from a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from app.domain.naming import clean
from app.domain.slurm import Gres

MOST_INDICES = 4096
"""GPU indices of one node that are read."""
_LONGEST = 65536
_KINDS = 64
"""Entries of one string that are read."""
_ENTRY = re.compile(
    r"(?:gres[/:])?(?P<name>[A-Za-z_][\w.-]*)(?P<middle>(?::(?:\(null\)|[^:=(),]*))*)(?:=(?P<equals>[^:=(),]*))?"
    r"(?P<tail>(?:\([^()]*\))*)"
)
_COUNT = re.compile(r"(\d{1,15})([KMGTP]?)", re.ASCII | re.IGNORECASE)
_TAIL = re.compile(r"\(([A-Z]+):([^()]*)\)")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?(?::\d+)?", re.ASCII)
_UNTYPED = frozenset({"", "(null)", "no_consume"})
_NOTHING = frozenset({"", "(null)", "N/A", "n/a", "None", "none"})
_UNITS = " KMGTP"


class Request(NamedTuple):
    """GPUs that a job asks for or holds."""

    gpus: int | None
    """Of the whole job; 0: none; None: not known."""
    per_node: int | None
    type: str | None
    """None where none is named, or several are."""
    memory_mib: float | None
    """Of the whole job."""


def parse_gres(text: str | None) -> tuple[Gres, ...]:
    """The resources that a string names, in its order; empty for nothing and for `(null)`."""
    if not text or text in _NOTHING or len(text) > _LONGEST:
        return ()
    return _parse_gres(text)


@lru_cache(maxsize=4096)
def _parse_gres(text: str) -> tuple[Gres, ...]:
    found = (_entry(part.strip()) for part in _split(text)[:_KINDS])
    return tuple(one for one in found if one is not None)


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside parentheses."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _entry(part: str) -> Gres | None:
    """One resource; None where the text is none."""
    found = _ENTRY.fullmatch(part)
    if found is None:
        return None
    middle = found["middle"].split(":")[1:]
    count = count_of(found["equals"]) if found["equals"] is not None else None
    if found["equals"] is not None and count is None:
        return None
    if count is None and middle:
        count = count_of(middle[-1])
        middle = middle[:-1] if count is not None else middle
    tails = dict(_TAIL.findall(found["tail"]))
    indices = indices_of(tails["IDX"]) if "IDX" in tails else None
    if count is None and "CNT" in tails:
        count = count_of(tails["CNT"])
    if count is None:
        # `gpu(IDX:0,2-3)` counts by its indices; a bare `gpu` or `gpu:h100` asks for one.
        count = len(indices) if indices is not None else 1
    types = [one for one in middle if one not in _UNTYPED]
    return Gres(clean(found["name"], 64), clean(types[0], 64) if types else None, count, indices)


def count_of(text: str) -> int | None:
    """`4`, `1K`; None where it is no count."""
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        return None
    return int(found[1]) << (10 * _UNITS.index((found[2] or " ").upper()))


def indices_of(text: str) -> tuple[int, ...] | None:
    """`0-3,5` written out; empty for `N/A` and nothing; None where it cannot be read or is absurd."""
    if text.strip() in ("", "N/A"):
        return ()
    found: list[int] = []
    for part in text.split(","):
        one = _RANGE.fullmatch(part.strip())
        if one is None:
            return None
        first, last = int(one[1]), int(one[2] or one[1])
        if last < first or last >= MOST_INDICES:
            return None
        found.extend(range(first, last + 1))
        if len(found) > MOST_INDICES:
            return None
    return tuple(found)


def gpus_of(entries: Iterable[Gres]) -> tuple[int, str | None] | None:
    """GPUs and their type among resources; None where there is no GPU entry. An untyped total counts once."""
    gpus = [one for one in entries if one.name == "gpu"]
    if not gpus:
        return None
    typed = [one for one in gpus if one.type is not None]
    untyped = [one for one in gpus if one.type is None]
    types = {one.type for one in typed}
    # A TRES string may give the total and its parts: `gres/gpu=4,gres/gpu:h100=4`.
    total = sum(one.count for one in untyped) if untyped else sum(one.count for one in typed)
    total = max(total, sum(one.count for one in typed))
    return total, types.pop() if len(types) == 1 else None


@lru_cache(maxsize=4096)
def parse_tres(text: str) -> tuple[int | None, str | None, float | None]:
    """GPUs, their type and MiB of memory in a TRES string; None for what it does not name."""
    gpus = gpus_of(parse_gres(",".join(part for part in text.split(",") if part.startswith("gres/gpu"))))
    memory = next((part[4:] for part in text.split(",") if part.startswith("mem=")), "")
    return (*(gpus or (None, None)), memory_mib(memory))


_MEMORY = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([KMGTP]?)[cn]?", re.ASCII | re.IGNORECASE)
_MEBI = {"K": 1 / 1024, "": 1.0, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}


def memory_mib(text: str) -> float | None:
    """`64G`, `62.50G`, `1000M` as MiB; a bare number is MiB."""
    found = _MEMORY.fullmatch(text)
    return float(found[1]) * _MEBI[found[2].upper()] if found else None


@lru_cache(maxsize=8192)
def request(
    tres: str = "",
    *,
    per_job: str = "",
    per_node: str = "",
    per_socket: str = "",
    per_task: str = "",
    nodes: int | None = None,
    tasks: int | None = None,
) -> Request:
    """GPUs of a job: by its TRES string first, then by what it asked for.

    A TRES string without GPUs says nothing: sites that do not account for them never name them. A job that asks for
    none in any way has none. Sockets are not multiplied: how many a job gets is the scheduler's choice.
    """
    total, kind, memory = parse_tres(tres)
    job, node, socket, task = (gpus_of(parse_gres(text)) for text in (per_job, per_node, per_socket, per_task))
    asked = [one for one in (job, node, socket, task) if one is not None]
    if total is None and not asked:
        return Request(0, None, None, memory)
    kind = kind or next((one[1] for one in asked if one[1] is not None), None)
    if total is None:
        if job is not None:
            total = job[0]
        elif node is not None and nodes:
            total = node[0] * nodes
        elif task is not None and tasks:
            total = task[0] * tasks
    return Request(total, node[0] if node is not None else None, kind, memory)
