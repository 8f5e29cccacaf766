"""Sections: the panes of a page that is too rich for a small terminal, shown one at a time there, all where they fit.

CSS decides by the page's size what is shown: where the page is not `-roomy`, a pane of class `section` that is not
`-current` is left out, and the page carries `-at-NAME`. Here is only which one is current, and that the keys go there.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.widget import Widget

from widgets.pane import Pane

CURRENT = "-current"
NEEDLESS = "-needless"
"""A pane with nothing to say on this subject: never shown."""


class Sections:
    """Panes by name, one of them current."""

    def __init__(self, page: Widget, panes: Mapping[str, Pane]) -> None:
        self._page = page
        self._panes = panes
        self._current = next(iter(panes))
        for pane in panes.values():
            pane.add_class("section")
        self._mark(is_current=True)

    @property
    def current(self) -> str:
        """Name of the section that is shown where there is room for one."""
        return self._current

    def step(self, by: int) -> None:
        """Make the next section current that has something to say, and give it the keys."""
        names = [name for name, pane in self._panes.items() if not pane.has_class(NEEDLESS) or name == self._current]
        self.go(names[(names.index(self._current) + by) % len(names)])

    def go(self, name: str) -> None:
        """Make a section current, and give it the keys."""
        self.turn_to(name)
        pane = self._panes[name]
        pane.call_after_refresh(pane.body.focus)

    def turn_to(self, name: str) -> None:
        """Make a section current; the keys stay where they are."""
        self._mark(is_current=False)
        self._current = name
        self._mark(is_current=True)

    def _mark(self, *, is_current: bool) -> None:
        self._panes[self._current].set_class(is_current, CURRENT)
        self._page.set_class(is_current, f"-at-{self._current}")
