"""Names from outside: cleaned text, natural order, UUIDs that compare, node names that match."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_DIGITS = re.compile(r"(\d+)")
_MODEL_NOISE = re.compile(r"^(NVIDIA|AMD|Tesla)\s+", re.IGNORECASE)
_MOST_REMEMBERED = 32768
"""Names whose comparable form is remembered: those of a large fleet are asked for with every reading."""
_FORMAT_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, most: int = 256) -> str:
    """Text from outside made harmless for a terminal line: no control, format or private characters, cut at `most`."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= most else text[: most - 1] + "…"
    kept = "".join(
        " " if c in "\t\n\r" else c for c in text if c in "\t\n\r" or unicodedata.category(c) not in _FORMAT_CATEGORIES
    )
    return kept if len(kept) <= most else kept[: most - 1] + "…"


@lru_cache(_MOST_REMEMBERED)
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts gpu-2 before gpu-10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(text) if part)


@lru_cache(_MOST_REMEMBERED)
def uuid_key(uuid: str | None) -> str | None:
    """A UUID in the form that compares across exporters (no `GPU-`, lower case); None where it identifies nothing.

    Masked UUIDs (all zeros, as some drivers and published captures give) identify nothing.
    """
    if not uuid:
        return None
    bare = uuid.strip().lower().removeprefix("gpu-").removeprefix("mig-")
    return bare if bare.strip("0-") else None


def same_node(one: str, other: str) -> bool:
    """Whether two names can be one machine: equal, or one is the other's host part (`gpu-1`, `gpu-1.lab`)."""
    if one == other:
        return True
    if one.replace(".", "").isdigit() or other.replace(".", "").isdigit():
        return False
    short, long = sorted((one, other), key=len)
    return "." not in short and long.split(".", 1)[0] == short


def short_model(model: str | None) -> str:
    """A model name without its maker: `H100 80GB HBM3`."""
    return _MODEL_NOISE.sub("", _MODEL_NOISE.sub("", model or ""))
