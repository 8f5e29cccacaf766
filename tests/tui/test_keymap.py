"""The keymap file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.tui.keymap import Keymap, load_keymap, parse_keymap

KNOWN = ("filter", "time.back", "quit")


def test_keys_are_remapped_by_action(tmp_path: Path) -> None:
    """An action's id takes one key or several."""
    file = tmp_path / "keymap.toml"
    file.write_text('[keys]\nfilter = "f3"\n"time.back" = "h, left"\n')

    assert Keymap({"filter": "f3", "time.back": "h,left"}) == load_keymap(file, KNOWN)


@pytest.mark.parametrize("path", [None, Path("/nonexistent/keymap.toml")])
def test_no_file_remaps_nothing(path: Path | None) -> None:
    """Without a file, or with none there, the keys are as they are."""
    assert Keymap({}) == load_keymap(path, KNOWN)


@pytest.mark.parametrize(
    ("table", "keys", "note"),
    [
        ({"fliter": "f3", "quit": "x"}, {"quit": "x"}, "did you mean 'filter'"),
        ({"filter": 3}, {}, "filter needs a key"),
        ({"filter": " "}, {}, "filter needs a key"),
        ({"filter": "x", "quit": "x"}, {"filter": "x", "quit": "x"}, "x is given to both filter and quit"),
    ],
)
def test_mistakes_are_named_and_the_rest_is_used(table: dict[str, object], keys: dict[str, str], note: str) -> None:
    """A line that cannot be used is named; the others work."""
    found = parse_keymap(table, KNOWN)

    assert keys == found.keys
    assert note in found.notes[0]


@pytest.mark.parametrize("text", ["keys", "[keys", 'keys = "x"'])
def test_broken_file_is_said(tmp_path: Path, text: str) -> None:
    """A file that is no TOML, or without the table, gives a note and no keys."""
    file = tmp_path / "keymap.toml"
    file.write_text(text)

    found = load_keymap(file, KNOWN)

    assert {} == found.keys
    assert 1 == len(found.notes)
