"""The page of keys, from the table of actions; `make docs` writes it with the others (`tests.tools.docs`)."""

from __future__ import annotations

from app.tui.actions import ACTIONS, Action, keys_of
from app.tui.screens.registry import PAGES

HEAD = """# Keys and commands

Generated from `app/tui/actions.py` by `make docs`. Keys are remapped by id in `keymap.toml` beside
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
