"""The page of keys is the table of actions."""

from __future__ import annotations

from tests.tools.keys_doc import FILE, keys_doc


def test_page_of_keys_is_up_to_date() -> None:
    """docs/keys.md says what the table says; `python -m tests.tools.keys_doc` writes it anew."""
    assert keys_doc() == FILE.read_text("utf-8")
