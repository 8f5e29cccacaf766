"""Writes docs/keys.md from the table of actions: `python -m tests.tools.keys_doc`; a test fails when they differ."""

from __future__ import annotations

from pathlib import Path

from app.tui.actions import ACTIONS, Action, keys_of
from app.tui.screens.registry import PAGES

FILE = Path(__file__).parents[2] / "docs" / "keys.md"
HEAD = """# Keys and commands

Generated from `app/tui/actions.py` by `python -m tests.tools.keys_doc`. Keys are remapped by id in `keymap.toml` beside
the configuration (`[screen] keymap` names another file):

```toml
[keys]
"filter" = "f3"
"time.back" = "left_square_bracket,h"
```
"""


def keys_doc() -> str:
    """The page as it should be."""
    parts = [HEAD, _table("Everywhere", [action for action in ACTIONS if not action.where and action.keys])]
    for row in PAGES:
        mine = [action for action in ACTIONS if row.id in action.where and action.keys]
        if mine:
            parts.append(_table(f"On the page `{row.id}`", mine))
    commands = "\n".join(
        f"| `:{one.command}{f' {one.argument}' if one.argument else ''}` | {one.help} | `{one.id}` |"
        for one in ACTIONS
        if one.command
    )
    parts.append(f"## Commands\n\n| command | does | id |\n|---|---|---|\n{commands}\n")
    return "\n".join(parts)


def _table(title: str, actions: list[Action]) -> str:
    rows = "\n".join(
        f"| {' '.join(f'`{key}`' for key in keys_of(one, {}))} | {one.title}: {one.help} | `{one.id}` |"
        for one in actions
    )
    return f"## {title}\n\n| keys | does | id |\n|---|---|---|\n{rows}\n"


if __name__ == "__main__":
    FILE.write_text(keys_doc(), "utf-8")
