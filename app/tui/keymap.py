"""The keymap file: `[keys]` with an action's id and its keys, `"filter" = "f3"`; several keys by commas.

Ids are those of `docs/keys.md`; those of tables and grids (`table.up`, `grid.left`) work too. What
cannot be used is named in a note, and the rest of the file is used.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from app.domain.frozen import frozen

WIDGETS = ("table.", "grid.", "line.")
"""Beginnings of ids that widgets give their own keys; Textual ignores those that do not exist."""


@frozen
class Keymap:
    """Keys by action id, and what was wrong with the file."""

    keys: Mapping[str, str]
    notes: tuple[str, ...] = ()


def load_keymap(path: Path | None, known: Collection[str]) -> Keymap:
    """Read the file; a missing one remaps nothing."""
    if path is None:
        return Keymap({})
    try:
        text = path.read_text("utf-8")
        import tomllib  # noqa: PLC0415 - late: for who has a keymap of their own

        raw = tomllib.loads(text)
    except FileNotFoundError:
        return Keymap({})
    except (OSError, ValueError) as error:
        return Keymap({}, (f"the keymap {path} cannot be read: {error}",))
    table = raw.get("keys", {})
    if not isinstance(table, dict):
        return Keymap({}, (f"the keymap {path} needs a table [keys]",))
    return parse_keymap(table, known)


def parse_keymap(table: Mapping[str, object], known: Collection[str]) -> Keymap:
    """Keep what can be used, name what cannot, and what two actions would share."""
    keys: dict[str, str] = {}
    notes: list[str] = []
    for action, wanted in table.items():
        if action not in known and not action.startswith(WIDGETS):
            close = difflib.get_close_matches(action, list(known), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            notes.append(f"keymap: no action is called {action!r}{hint}")
        elif not isinstance(wanted, str) or not wanted.strip():
            notes.append(f"keymap: {action} needs a key, as in {action!r} = 'f3'")
        else:
            keys[action] = ",".join(part.strip() for part in wanted.split(",") if part.strip())
    owners: dict[str, str] = {}
    for action, wanted in keys.items():
        shared = [key for key in wanted.split(",") if owners.setdefault(key, action) != action]
        notes.extend(f"keymap: {key} is given to both {owners[key]} and {action}" for key in shared)
    return Keymap(keys, tuple(notes))
