"""What was done within a time, out of the audit log: its lines, and each action with what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.domain.naming import clean
from app.present.report_story import Deed
from app.services.audit import FILE
from app.transport.append_only import newest_first

MOST_BYTES = 8 << 20
"""The newest part of the log that is looked through."""
MOST_FACTS = 2000

Fact = Mapping[str, Any]


def facts(state_dir: Path, start: float, end: float) -> tuple[Fact, ...]:
    """The log's objects within a time, oldest first, also of logs put aside; none where there is no log to be read."""
    found: list[bytes] = []
    left = MOST_BYTES
    for path in newest_first(state_dir / FILE):
        told = _end_of(path, left)
        found.insert(0, told)
        left -= len(told)
        if left <= 0 or _begins_before(told, start):
            break
    lines = b"\n".join(found).split(b"\n")
    return tuple(one for one in _objects(lines) if start <= one["at"] <= end)[-MOST_FACTS:]


def _end_of(path: Path, most: int) -> bytes:
    """The newest part of a file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read(most)
    except OSError:
        return b""


def _begins_before(told: bytes, start: float) -> bool:
    """Whether a log reaches back beyond a time: those before it need not be read."""
    first = next(_objects(told.split(b"\n", 2)[:2]), None)
    return first is not None and float(first["at"]) < start


def _objects(lines: Sequence[bytes]) -> Iterator[Fact]:
    """What can be read; a line that a full disk left half written cannot."""
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("at"), int | float):
            yield found


def deeds(some: Sequence[Fact]) -> tuple[Deed, ...]:
    """Each intent with its outcome; an outcome whose intent came before the time stands for itself."""
    outcomes = {str(one.get("id")): one for one in some if one.get("fact") == "outcome"}
    intents = {str(one.get("id")) for one in some if one.get("fact") == "intent"}
    return tuple(
        _deed(one, outcomes.get(str(one.get("id"))))
        for one in some
        if one.get("fact") == "intent" or str(one.get("id")) not in intents
    )


def _deed(fact: Fact, outcome: Fact | None) -> Deed:
    ended = outcome if outcome is not None else fact if fact.get("fact") == "outcome" else None
    commands = fact.get("commands")
    return Deed(
        at=float(fact["at"]),
        verb=_text(fact.get("verb")),
        targets=tuple(map(_text, _list(fact.get("targets")))),
        user=_text(fact.get("user")),
        face=_text(fact.get("face")),
        commands=tuple(" ".join(map(_text, _list(words))) for words in _list(commands)),
        outcome=_text(ended.get("text")) if ended is not None else "",
        is_done=bool(ended["ok"]) if ended is not None and isinstance(ended.get("ok"), bool) else None,
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return clean(value, 2000) if isinstance(value, str) else ""
