"""The page: what every screen has - a header, a body of its own, a line for notes, the prompt, the key bar.

A page is told the moment and shows it; it decides nothing about the cluster and fetches only history for its charts.
An error in a handler of a page becomes a note and a line in the log; the page lives on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from app.present.cells import Cell, Line, cells
from app.tui.actions import bars, here, key_behind
from app.tui.desk import Desk
from app.tui.feed import RefusedError, sentence
from app.tui.moment import Moment
from app.tui.prompt import Prompt
from widgets.ribbon import ClusterHeader, KeyBar, Ribbon

if TYPE_CHECKING:
    from textual.app import App

ROOMY = (100, 30)
"""Columns and lines from which a page shows all its panes at once."""
NOTE_S = 6.0
"""How long a note stays."""

log = logging.getLogger("gpu_watchdog.screen")


class Page(Screen[None]):
    """One page. Subclasses name themselves, compose `body` and show moments."""

    ID: ClassVar[str] = ""
    """Its row in the registry."""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (160, "-wide"), (280, "-vast")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-middle"), (46, "-tall"), (80, "-giant")]

    def __init__(self) -> None:
        super().__init__(id=f"page-{self.ID}")
        self._note_timer: Timer | None = None
        self._focus_before: Widget | None = None

    @property
    def desk(self) -> Desk:
        """What the page may ask of the app."""
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        self._fit(self.app.size)  # before the first layout: a class that changes later lays out and paints once more
        yield ClusterHeader(id="header")
        with Container(id="body"):
            yield from self.body()
        yield Ribbon(id="note")
        yield Prompt(self._complete)
        yield KeyBar(glyphs=self.desk.glyphs, id="keys")

    def body(self) -> ComposeResult:
        """The page's own widgets."""
        raise NotImplementedError

    def show(self, moment: Moment) -> None:
        """Show a moment."""
        raise NotImplementedError

    def chosen(self) -> tuple[str, int] | None:
        """Node and index of the GPU chosen here; None where the page chooses none."""
        return None

    def choose(self, node: str, index: int) -> None:
        """Choose a GPU, as another page did."""

    def on_mount(self) -> None:
        self.look(self.desk.moment)
        # Charts ask for as many columns as they have, and have none before the first layout.
        self.call_after_refresh(self.look_again)

    def on_resize(self, event: Resize) -> None:
        """Say by a class whether everything has a place."""
        self._fit(event.size)
        self.call_after_refresh(self.look_again)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width >= ROOMY[0] and size.height >= ROOMY[1], "-roomy")

    def look_again(self) -> None:
        """Show the moment anew: sizes changed, or something the page asked for has come."""
        self.look(self.desk.moment)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self.look(self.desk.moment)

    def look(self, moment: Moment) -> None:
        """Show a moment, the header and the keys with it."""
        self.query_one(ClusterHeader).show(moment.facts, moment.look, moment.badge, self._extra(moment))
        self.query_one(KeyBar).show(*bars(self.ID, self.desk.keymap, is_narrow=self.size.width < ROOMY[0]))
        self.show(moment)

    def note(self, text: str, tone: str = "info") -> None:
        """Say one line above the key bar, for a few seconds."""
        ribbon = self.query_one("#note", Ribbon)
        ribbon.show((Cell(" "), *cells(text, "look" if tone == "look" else "info")))
        ribbon.display = True
        if self._note_timer is not None:
            self._note_timer.stop()
        self._note_timer = self.set_timer(NOTE_S, self._hush)

    def type_line(self, sign: str, text: str) -> None:
        """Open the prompt; where the focus is now, it will return."""
        prompt = self.query_one(Prompt)
        if not prompt.is_open:
            self._focus_before = self.focused
        prompt.ask(sign, text, self.desk.view.history if sign == ":" else ())

    def end_line(self) -> None:
        """Close the prompt and give the keys back."""
        self.query_one(Prompt).close()
        self.set_focus(self._focus_before)

    @on(Prompt.Entered)
    def _entered(self, event: Prompt.Entered) -> None:
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        event.stop()
        self.end_line()
        try:
            deeds.enter_line(self.desk, event.sign, event.text)
        except RefusedError as refusal:
            self.type_line(event.sign, event.text)
            self.query_one(Prompt).hint(str(refusal), is_error=True)

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        event.stop()
        if event.sign != "/":
            return
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        found = deeds.try_filter(event.text)
        if isinstance(found, str):
            self.query_one(Prompt).hint(found)
        else:
            self.desk.try_filter(found or None)

    @on(Prompt.Dismissed)
    def _dismissed(self, event: Prompt.Dismissed) -> None:
        event.stop()
        self.end_line()
        if event.sign == "/":
            self.desk.try_filter(None)

    @on(KeyBar.Pressed)
    def _pressed(self, event: KeyBar.Pressed) -> None:
        event.stop()
        key = next((key for one in here(self.ID) if (key := key_behind(one, event.key, self.desk.keymap))), "")
        if key:
            self.app.simulate_key(key)

    def _hush(self) -> None:
        self.query_one("#note").display = False

    def _complete(self, sign: str, line: str) -> Sequence[str]:
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        return deeds.complete(self.desk, sign, line)

    def _extra(self, moment: Moment) -> tuple[Line, ...]:
        """What the header adds: the filter, and how many GPUs it keeps."""
        if moment.wanted is None:
            return ()
        kept = len(moment.gpus())
        return ((Cell("/ ", "accent"), *cells(moment.wanted.text, "strong"), Cell(f" {kept} kept", "quiet")),)

    async def _dispatch_message(self, message: Message) -> None:
        # Textual ends the program where a handler raises; a monitor must not go because a page stumbled over a value.
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self.is_mounted:
                raise
            complain(self.app, error)


def complain(app: App[None], error: Exception) -> None:
    """Log an error and tell the user in one line, without ever raising another."""
    log.error("an error on page %s", getattr(app.screen, "ID", "?"), exc_info=error)
    note = getattr(app, "note", None)
    if note is not None:
        note(f"an error of this program, now in the log: {sentence(error)}")
