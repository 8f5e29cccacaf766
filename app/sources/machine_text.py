"""A driver's reading as text and back, for a recording: what it is on the first line, then a number a line.

From one reading to the next mostly numbers change, and a recording holds lines that changed. Names and command lines
stand on the first line, where secrets are looked for when it is a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

from app.domain.codec import decode
from app.sources.told import Sheet, Unwritten

T = TypeVar("T")
_MARK = "machine "
_HERE = "~"
"""Stands for the next number; a text that begins with it has it twice."""
_SAID_HERE = '"~"'
_NUMBERS = frozenset((float, int))
_PLAIN = {bool: "", type(None): "null"}
_BYTES_A_NUMBER = 6
"""About, with its line's end."""


class _Part(NamedTuple):
    """A value that was written."""

    value: object
    """Held, so that nothing else can have its identity."""
    said: str
    words: list[str | float]


class MachineText:
    """Writes reading after reading; what is the same object in the next one is not looked through again."""

    def __init__(self) -> None:
        self._before: dict[int, _Part] = {}
        self._now: dict[int, _Part] = {}
        self._starts: list[str] = []
        self.size = 0
        """Bytes of the last reading's text, about."""

    def later(self, value: object) -> Unwritten:
        """A reading, of frozen dataclasses, that is looked through when somebody writes it."""
        return _Later(self, value)

    def sheet(self, value: object) -> Sheet:
        """A reading as lines: what it is, then its numbers."""
        self._before, self._now = self._now, {}
        words: list[str | float] = [""]
        head = _MARK + self._said(value, words)
        if len(words) != len(self._starts) or head != self._starts[0]:
            self._starts = [head, *[" "] * (len(words) - 1)]
        self.size = len(head) + _BYTES_A_NUMBER * len(words)
        return Sheet(self._starts, words, self.size)

    def _said(self, value: Any, words: list[str | float]) -> str:  # noqa: ANN401 - any value of a reading
        """The value as JSON, its numbers taken out in order, as words."""
        kind: type = type(value)
        if kind in _NUMBERS:
            words.append(value)
            return _SAID_HERE
        if kind in _PLAIN:
            return _PLAIN[kind] or ("true" if value else "false")
        if kind is str:
            return _text_said(value)
        if kind is dict and _NUMBERS.issuperset(map(type, value.values())):
            words += value.values()
            return _numbers_said(tuple(value))
        if kind is dict or isinstance(value, Mapping):
            return "{" + ",".join([f"{_text_said(str(key))}:{self._said(value[key], words)}" for key in value]) + "}"
        return self._part(value, words)

    def _part(self, value: Any, words: list[str | float]) -> str:  # noqa: ANN401 - likewise
        known = self._before.get(id(value))
        if known is None or known.value is not value:
            mine: list[str | float] = []
            kind: type = type(value)
            names = _names(kind)
            if names is not None:
                said = "{" + ",".join([f'"{name}":{self._said(getattr(value, name), mine)}' for name in names]) + "}"
            else:
                said = "[" + ",".join([self._said(part, mine) for part in value]) + "]"
            known = _Part(value, said, mine)
        self._now[id(value)] = known
        words += known.words
        return known.said


class _Later(NamedTuple):
    """A reading that was not looked through yet."""

    writer: MachineText
    value: object

    @property
    def size(self) -> int:
        """As `Unwritten`: of the one before, which is much alike."""
        return self.writer.size

    def sheet(self) -> Sheet:
        """As `Unwritten`."""
        return self.writer.sheet(self.value)


def value_of(kind: type[T], told: bytes) -> T:
    """The reading again. Raises ValueError, TypeError or KeyError for what is none."""
    head, *lines = told.decode("utf-8", "replace").split("\n")
    if not head.startswith(_MARK):
        raise ValueError("no driver's reading")
    return decode(kind, _with(json.loads(head.removeprefix(_MARK)), map(_number, lines)))


def _number(line: str) -> float | int:
    text = line.strip()
    return int(text) if text.removeprefix("-").isdecimal() else float(text)


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


@lru_cache(maxsize=4096)
def _text_said(text: str) -> str:
    """A text; names and command lines are the same in each reading."""
    return json.dumps(_HERE + text if text[:1] == _HERE else text)


@lru_cache(maxsize=256)
def _numbers_said(keys: tuple[str, ...]) -> str:
    """A mapping of numbers alone."""
    return "{" + ",".join(f"{json.dumps(key)}:{_SAID_HERE}" for key in keys) + "}"


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a class; None where it is no dataclass."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else None
