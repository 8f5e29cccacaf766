"""A driver's reading as text and back, for a recording: what it is on the first line, then a number a line.

From one reading to the next mostly numbers change, and a recording holds lines that changed. Names and command lines
stand on the first line, where secrets are looked for when it is a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from app.domain.codec import decode

T = TypeVar("T")
_MARK = "machine "
_HERE = "~"
"""Stands for the next number; a text that begins with it has it twice."""
_NUMBERS = frozenset((float, int))
_PLAIN = frozenset((bool, type(None)))


def text_of(value: object) -> bytes:
    """A reading, of dataclasses, as lines. Pure."""
    numbers: list[float | int] = []
    said = json.dumps(_without(value, numbers), separators=(",", ":"))
    return "\n".join((f"{_MARK}{said}", *(f" {one!r}" for one in numbers))).encode()


def value_of(kind: type[T], told: bytes) -> T:
    """The reading again. Raises ValueError, TypeError or KeyError for what is none."""
    head, *lines = told.decode("utf-8", "replace").split("\n")
    if not head.startswith(_MARK):
        raise ValueError("no driver's reading")
    return decode(kind, _with(json.loads(head.removeprefix(_MARK)), map(_number, lines)))


def _number(line: str) -> float | int:
    text = line.strip()
    return int(text) if text.removeprefix("-").isdecimal() else float(text)


def _without(value: Any, numbers: list[float | int]) -> Any:  # noqa: ANN401 - JSON has no better name
    """The value as JSON can hold it, its numbers taken out in order."""
    kind: type = type(value)
    if kind in _NUMBERS:
        numbers.append(value)
        return _HERE
    if kind in _PLAIN:
        return value
    if kind is str:
        return _HERE + value if value[:1] == _HERE else value
    names = _names(kind)
    if names is not None:
        return {name: _without(getattr(value, name), numbers) for name in names}
    if isinstance(value, Mapping):
        return {str(key): _without(part, numbers) for key, part in value.items()}
    return [_without(part, numbers) for part in value]


def _with(raw: Any, numbers: Iterator[float | int]) -> Any:  # noqa: ANN401 - JSON has no better name
    if isinstance(raw, str):
        if raw == _HERE:
            return _next(numbers)
        return raw.removeprefix(_HERE)
    if isinstance(raw, dict):
        return {key: _with(part, numbers) for key, part in raw.items()}
    if isinstance(raw, list):
        return [_with(part, numbers) for part in raw]
    return raw


def _next(numbers: Iterator[float | int]) -> float | int:
    found = next(numbers, None)
    if found is None:
        raise ValueError("a number is missing")
    return found


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a class; None where it is no dataclass."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else None
