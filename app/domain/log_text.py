"""A line of a log as people read it: its text, how grave it is, when it was said. Values and one pure rule."""

from __future__ import annotations

import re
from typing import Literal

from app.domain.frozen import frozen

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_ERROR, _WARNING, _DEBUG = 3, 4, 7
"""syslog's: an error and graver, a warning, debugging."""
_TRACEBACK = re.compile(r"^\s*(?:Traceback \(most recent call last\)|\[rank\d+\]: Traceback)")
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.){0,8}[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b")
_WARNED = re.compile(r"^\S{1,300}:\d{1,7}: \w*Warning: |^\s+warnings\.warn\(|^\[?W\d{4} ")


@frozen
class TextLine:
    """One line."""

    number: int
    """Of the line since the log is followed; goes on growing."""
    text: str
    """Harmless, and without secrets."""
    level: Level
    at: float | None = None
    """Epoch seconds; None where nothing tells."""


def level_of(text: str, told: int | None, before: Level) -> Level:
    """How grave a line is: as it says itself (syslog's number), else by its form; a traceback goes on to its end."""
    if told is not None:
        if told <= _ERROR:
            return "error"
        return "warning" if told == _WARNING else "debug" if told >= _DEBUG else "info"
    if _TRACEBACK.match(text):
        return "error"
    if before == "error" and (text.startswith((" ", "\t")) or _RAISED.match(text)):
        return "error"
    return "warning" if _WARNED.match(text) else "info"


def at_least(level: Level, least: Level) -> bool:
    """Whether a line is as grave as is wanted."""
    return LEVELS.index(level) >= LEVELS.index(least)
