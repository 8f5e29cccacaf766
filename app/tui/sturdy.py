"""Sturdy: what keeps a mistake of ours from taking the screen down, or a traceback from landing on it.

Textual ends the program where a handler raises, and prints the values of variables when it does. A monitor must not go
because a page stumbled over a value, and must not print what it was told. Both hooks below are Textual's own private
ones: it offers no others, and it is pinned exactly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from textual.app import App
from textual.events import Event, InputEvent
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from app.transport import turns
from app.tui.feed import sentence
from widgets.painting import FrugalCompositor

log = logging.getLogger("gpu_watchdog.screen")


class SturdyApp(App[None]):
    """An app that notes its errors and goes on; what it cannot survive it writes down and ends with one line."""

    crash: BaseException | None = None
    """What ended the screen against its will."""
    _read_with: Mapping[str, str] | None = None
    """The theme's variables that the style sheets were read with."""

    async def on_event(self, event: Event) -> None:
        if isinstance(event, InputEvent):
            turns.typed()
        await super().on_event(event)

    def note(self, text: str) -> None:
        """Tell the user one line."""
        raise NotImplementedError

    def begin_with(self, theme: str) -> None:
        """Take a theme before anything is shown: the style sheets are read with its variables to begin with."""
        self.theme = theme
        self._read_with = self.get_css_variables()
        self.stylesheet.set_variables(dict(self._read_with))

    def refresh_css(self, animate: bool = True) -> None:  # noqa: FBT002 - Textual's signature
        # Textual reads every style sheet again as it starts, a tenth of the start, though no variable has changed.
        variables = self.get_css_variables()
        if variables != self._read_with:
            self._read_with = variables
            super().refresh_css(animate)
            return
        self.stylesheet.update(self, animate=animate)
        for screen in self.screen_stack:
            screen._css_update_count = self._css_update_count  # noqa: SLF001 - as Textual's own does

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self.screen_stack or not self.screen.is_mounted:
                raise
            complain(self, error)

    def _fatal_error(self) -> None:
        self.crash = self._exception
        log.critical("the screen had to end", exc_info=self._exception)
        self._close_messages_no_wait()


class SturdyScreen(Screen[None]):
    """A screen that notes its errors and goes on, once it stands."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Who has the keys. Textual paints the whole screen anew when that changes, though two widgets look different."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self.is_mounted:
                raise
            complain(self.app, error)


def complain(app: App[Any], error: Exception) -> None:
    """Log an error and tell the user in one line."""
    log.error("an error of this program", exc_info=error)
    if isinstance(app, SturdyApp):
        app.note(f"an error of this program, now in the log: {sentence(error)}")
