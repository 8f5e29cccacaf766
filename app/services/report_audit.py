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

MOST_BYTES = 8 << 20
"""The newest part of the log that is looked through."""
MOST_FACTS = 2000

Fact = Mapping[str, Any]


def facts(state_dir: Path, start: float, end: float) -> tuple[Fact, ...]:
    """The log's objects within a time, oldest first; none where there is no log, or it cannot be read."""
    try:
        with (state_dir / FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_BYTES))
            lines = file.read(MOST_BYTES).split(b"\n")
    except OSError:
        return ()
    return tuple(one for one in _objects(lines) if start <= one["at"] <= end)[-MOST_FACTS:]


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
