"""Names that people write, held against a catalogue's: `h100` finds all H100s, a typing error finds the nearest."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

MOST_NEAR = 3
"""Names that are suggested for one that is not known."""


def rank(name: str, wished: Sequence[str]) -> int | None:
    """Where a catalogue's name stands in the user's order; 0 where nothing is wished; None: not among them.

    A whole name beats a part of one: who wishes `NVIDIA H100 PCIe, H100` gets the PCIe ones first.
    """
    if not wished:
        return 0
    whole = [number for number, one in enumerate(wished) if one.strip().casefold() == name.casefold()]
    return whole[0] if whole else next((number for number, one in enumerate(wished) if _is_part(one, name)), None)


def unknown(wished: Sequence[str], known: Collection[str], what: str) -> tuple[str, ...]:
    """A sentence for each wished name that stands for none of the known ones."""
    found = []
    for one in wished:
        if known and not any(rank(name, (one,)) is not None for name in known):
            close = near(one, known)
            meant = f"; near it: {', '.join(close)}" if close else ""
            found.append(f"the catalogue has no {what} {one!r}{meant}")
    return tuple(found)


def near(one: str, known: Collection[str]) -> tuple[str, ...]:
    """The known names most like one, the likest first."""
    by_fold = {name.casefold(): name for name in sorted(known)}
    close = difflib.get_close_matches(one.casefold(), by_fold, n=MOST_NEAR, cutoff=0.4)
    return tuple(by_fold[name] for name in close)


def _is_part(one: str, name: str) -> bool:
    """Whole words of the name: `A100` is in `NVIDIA A100 80GB PCIe`, `A10` is not."""
    part = one.strip().casefold()
    return bool(part) and re.search(rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", name.casefold()) is not None
