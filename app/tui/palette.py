"""The palette: every action by name, the ones of this page first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from app.tui.actions import Action, call_of, here, keys_of
from app.tui.desk import Desk


class Everything(Provider):
    """Everything that can be done, by its title and help."""

    async def discover(self) -> Hits:
        for action in self._rows():
            yield DiscoveryHit(self._title(action), self._run(action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._rows():
            score = max(matcher.match(action.title), matcher.match(f"{action.command} {action.help}") * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(self._title(action)), self._run(action), help=action.help)

    def _rows(self) -> list[Action]:
        page = getattr(self.screen, "ID", "")
        rows = [action for action in here(page) if action.id not in ("palette", "interrupt", "command")]
        return sorted(rows, key=lambda action: not action.where)

    def _title(self, action: Action) -> str:
        keys = keys_of(action, cast("Desk", self.app).keymap)
        return f"{action.title}  {keys[0]}" if keys else action.title

    def _run(self, action: Action) -> Callable[[], object]:
        """What choosing it does; where it needs a word, the command line opens with its beginning."""
        if action.command and action.argument and not action.keys:
            return partial(cast("Desk", self.app).type_line, ":", f"{action.command} ")
        return partial(self.app.run_action, call_of(action), self.screen)
