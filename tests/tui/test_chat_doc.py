"""The page about the chat names every command there is."""

from __future__ import annotations

from pathlib import Path

from app.tui.chat_commands import COMMANDS

DOC = Path(__file__).parents[2] / "docs" / "chat.md"


def test_every_slash_command_is_explained() -> None:
    """A row of the table is a row of the page, with its argument."""
    text = DOC.read_text("utf-8")

    assert [] == [one.name for one in COMMANDS if f"`/{f'{one.name} {one.argument}'.strip()}`" not in text]
