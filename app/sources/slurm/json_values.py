"""Values of Slurm's JSON whatever its dialect, v0.0.37 (21.08) to v0.0.45 (26.05): told apart by their JSON types.

A number is plain, null, "Infinity" or `{set, infinite, number}`; a state is one word or a list of base and flags; an
empty object may be null. Nothing here asks for a version: sites pin dialects, and plugins differ within one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from app.domain.naming import clean
from app.sources.slurm import fields as text
from app.sources.slurm.parsed import MOST_NOTES, SlurmParseError

_DIALECT = re.compile(r"v0\.0\.\d{1,3}")
_NONE: Mapping[str, object] = {}
_UNSET = 0xFFFFFFFE
"""NO_VAL, which old dialects print as a number where they forget to unwrap it; INFINITE is one more."""


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object; an empty one for everything else."""
    return value if isinstance(value, dict) else _NONE


def mapping_at(obj: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """The object at a path."""
    for name in path:
        obj = mapping(obj.get(name))
    return obj


def list_at(obj: Mapping[str, object], name: str) -> Sequence[object]:
    """The list of that name; an empty one for everything else."""
    value = obj.get(name)
    return value if isinstance(value, list) else ()


def number(value: object) -> float | None:
    """A number of any dialect; infinity where there is no limit; None where it is not set."""
    if isinstance(value, dict):
        if value.get("infinite") is True:
            return math.inf
        return number(value.get("number")) if value.get("set") is True else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value) if -1e19 < value < 1e20 else None
    if isinstance(value, str):
        return math.inf if value in text.UNLIMITED else text.float_of(value)
    return None


def count_at(obj: Mapping[str, object], name: str) -> int | None:
    """A whole number from 0; None where it is not set or endless."""
    value = number(obj.get(name))
    return int(value) if value is not None and 0 <= value < _UNSET else None


def id_at(obj: Mapping[str, object], name: str) -> int | None:
    """The number of a job; 0 is none."""
    return count_at(obj, name) or None


def time_at(obj: Mapping[str, object], name: str) -> float | None:
    """Epoch seconds; 0 is a time that is not set."""
    value = number(obj.get(name))
    return value if value is not None and 0 < value < text.LATEST else None


def minutes_at(obj: Mapping[str, object], name: str) -> float | None:
    """A limit in minutes as seconds; infinity for none, which v0.0.38 prints as -1."""
    value = number(obj.get(name))
    if value is None or value == _UNSET:
        return None
    return math.inf if value in (-1, math.inf, _UNSET + 1) else value * 60.0 if value >= 0 else None


def text_at(obj: Mapping[str, object], name: str, most: int = text.LONGEST_NAME) -> str:
    """Cleaned text; empty for nothing."""
    value = obj.get(name)
    return clean(value, most) if isinstance(value, str) else ""


def said_at(obj: Mapping[str, object], name: str, most: int = text.LONGEST_NAME) -> str | None:
    """Cleaned text; None where Slurm says nothing."""
    value = obj.get(name)
    return text.text_of(value, most) if isinstance(value, str) else None


def raw_at(obj: Mapping[str, object], name: str) -> str:
    """Text as it came, for a parser of our own."""
    value = obj.get(name)
    return value if isinstance(value, str) else ""


def path_at(obj: Mapping[str, object], name: str) -> str | None:
    """A path with its exact characters; None where there is none that could be shown."""
    return text.path_of(raw_at(obj, name))


def words_at(obj: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Cleaned words of a list, or of one text with commas."""
    value = obj.get(name)
    if isinstance(value, str):
        return text.list_of(value)
    return tuple(clean(one, 64) for one in list_at(obj, name)[:4096] if isinstance(one, str) and one)


def flag_at(obj: Mapping[str, object], name: str) -> bool | None:
    """A claim; None where it is not made."""
    value = obj.get(name)
    return value if isinstance(value, bool) else None


def state_at(obj: Mapping[str, object], name: str) -> tuple[str, tuple[str, ...]]:
    """Base and flags of a state, raw; a lone word is the base."""
    words = [word.upper() for word in words_at(obj, name)]
    return (words[0], tuple(dict.fromkeys(words[1:]))) if words else ("", ())


def exit_at(obj: Mapping[str, object], name: str) -> tuple[int | None, int | None]:
    """Exit code and signal: a raw wait status, or `{return_code, signal: {id}}`."""
    value = mapping(obj.get(name))
    if "return_code" in value or "signal" in value:
        signal = mapping_at(value, "signal")
        return count_at(value, "return_code"), count_at(signal, "id") or count_at(signal, "signal_id")
    status = count_at(obj, name)
    return (None, None) if status is None else ((status >> 8) & 0xFF, status & 0x7F)


def dialect_of(obj: object) -> str:
    """`v0.0.44` as the answer names it; empty where it does not."""
    meta = mapping_at(mapping(obj), "meta")
    plugins = (mapping_at(meta, "plugin"), mapping_at(meta, "plugins"))
    names = (raw_at(one, key) for one in plugins for key in ("data_parser", "type"))
    return next((found[0] for name in names if (found := _DIALECT.search(name[:256])) is not None), "")


def release_of(obj: object) -> str:
    """Slurm's release as the answer names it, `25.11.0`; empty where it does not."""
    meta = mapping_at(mapping(obj), "meta")
    return text_at(mapping_at(meta, "slurm"), "release", 64) or text_at(mapping_at(meta, "Slurm"), "release", 64)


def cluster_of(obj: object) -> str:
    """The cluster's name as the answer gives it, 23.11 and later; else empty."""
    return text_at(mapping_at(mapping(obj), "meta", "slurm"), "cluster", 64)


def told_of(obj: object, command: str) -> tuple[str, ...]:
    """What Slurm itself complains of within an answer, one sentence each."""
    return tuple(dict.fromkeys(_told(mapping(obj), command)))[: 2 * MOST_NOTES]


def _told(obj: Mapping[str, object], command: str) -> Iterator[str]:
    for kind in ("errors", "warnings"):
        for one in list_at(obj, kind)[:MOST_NOTES]:
            said = mapping(one)
            words = dict.fromkeys(text_at(said, key, 200) for key in ("error", "description"))
            yield f"{command} {kind[:-1]}: {'; '.join(word for word in words if word) or 'without a word'}"


def rows_of(obj: object, command: str, *names: str) -> Sequence[object]:
    """The list of an answer under the first of these names that it has.

    Raises SlurmParseError where there is no such list, or an empty one beside an error: then nothing was read.
    """
    said = mapping(obj)
    rows = next((said[name] for name in names if isinstance(said.get(name), list)), None)
    if isinstance(rows, list) and (rows or not list_at(said, "errors")):
        return rows
    told = told_of(obj, command)
    raise SlurmParseError(told[0] if told else f"{command} line 1: JSON without a list of {' or '.join(names)}")
