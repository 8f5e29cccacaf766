"""Earlier conversations over the page: searched while one types, resumed, renamed, exported, deleted (asks first)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.events import Key, Resize
from textual.screen import ModalScreen
from textual.widgets import Input

from app.domain.chat import Heading
from app.present.cells import Cell, Line, cells, line, tidy
from app.present.chat_headings import HEADING_COLUMNS, heading_rows
from app.tui.feed import RefusedError
from app.tui.sturdy import SturdyScreen
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from app.tui.chat_view import ChatView

Typing = Literal["search", "rename", "export"]
_KEYS = (("enter", "resume"), ("/", "search"), ("r", "rename"), ("x", "delete"), ("w", "export"), ("esc", "close"))
_ASKS = {"search": "search ", "rename": "title ", "export": "to file "}
_WIDEST, _HIGHEST = 110, 32
_TRIAL_S = 0.15
"""After the last letter, until what fits is asked for."""


class ChatHistory(SturdyScreen, ModalScreen[None]):
    """The list of conversations."""

    CSS_PATH = "chat_history.tcss"
    BINDINGS = [
        Binding("escape", "leave", show=False, priority=True, id="history.leave"),
        Binding("slash", "type('search')", show=False, id="history.search"),
        Binding("r", "type('rename')", show=False, id="history.rename"),
        Binding("w", "type('export')", show=False, id="history.export"),
        Binding("x,delete", "delete", show=False, id="history.delete"),
    ]
    AUTO_FOCUS = "#headings"

    def __init__(self, view: ChatView, words: str = "") -> None:
        super().__init__()
        self._view = view
        self._words = words
        self._headings: Sequence[Heading] = ()
        self._typing: Typing = "search"
        glyphs = view.desk.glyphs
        self._table = VirtualTable(glyphs=glyphs, id="headings")
        self._table.explain("Looking", "")
        self._sign = Ribbon(id="history-sign")
        self._line = Input(compact=True, select_on_focus=False, id="history-line")
        self._line.cursor_blink, self._line.display = False, False
        body = Container(self._table, self._sign, self._line, id="history")
        self._pane = Pane(body, title="Conversations", glyphs=glyphs, id="history-pane")

    def compose(self) -> ComposeResult:
        with Container():
            yield self._pane

    def on_mount(self) -> None:
        self._fit(self.app.size.width, self.app.size.height)
        self._say()
        self.load()

    def on_resize(self, event: Resize) -> None:
        self._fit(event.size.width, event.size.height)

    def _fit(self, width: int, height: int) -> None:
        self._pane.styles.width = min(_WIDEST, width - 4)
        self._pane.styles.height = min(_HIGHEST, height - 2)

    def load(self) -> None:
        """Ask for what fits the words."""
        self.run_worker(self._load(), group="headings", exclusive=True, exit_on_error=False, description="headings")

    async def _load(self) -> None:
        words = self._words
        try:
            found = await self._view.talk.ask_desk(lambda desk: desk.headings(words))
        except RefusedError as refusal:
            self._table.explain(str(refusal), "")
            return
        self._headings = found
        self._table.explain("No conversation holds these words" if words else "Nothing was asked yet", "")
        look = self._view.desk.moment.look
        self._table.show(HEADING_COLUMNS, heading_rows(found, look))
        state = f"{len(found)} found" if words else f"{len(found)}" if found else ""
        self._pane.show(line(Cell("Conversations", "strong"), *_about(words)), state, _KEYS)

    def _say(self, text: str = "", *, is_error: bool = False) -> None:
        said = cells(text, "look" if is_error else "info")
        self._sign.show(said if text or not self._line.display else (Cell(_ASKS[self._typing], "accent"),))

    @property
    def _chosen(self) -> Heading | None:
        return next((one for one in self._headings if one.id == self._table.selected), None)

    # ── typing ──

    def action_type(self, what: Typing) -> None:
        """Type words, a title, or the name of a file."""
        chosen = self._chosen
        if what != "search" and chosen is None:
            return
        self._typing = what
        given = {"search": self._words, "rename": chosen.title if chosen else "", "export": "chat.md"}
        self._line.display = True
        self._line.value = tidy(given[what], 200)
        self._line.cursor_position = len(self._line.value)
        self.set_focus(self._line)
        self._say()

    @on(Input.Changed, "#history-line")
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing == "search" and self._line.display and event.value != self._words:
            self._words = event.value
            self.set_timer(_TRIAL_S, self._try)

    def _try(self) -> None:
        if self._words == self._line.value:
            self.load()

    @on(Input.Submitted, "#history-line")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        text, chosen, typing = event.value.strip(), self._chosen, self._typing
        self._end_line()
        if typing == "search":
            self._words = text
            self.load()
        elif chosen is not None and text:
            self.run_worker(self._do(typing, chosen, text), group="history", exit_on_error=False, description="history")

    async def _do(self, typing: Typing, chosen: Heading, text: str) -> None:
        from app.tui.chat_commands import export  # noqa: PLC0415 - the commands open this

        talk = self._view.talk
        try:
            if typing == "rename":
                await talk.ask_desk(lambda desk: desk.rename(chosen.id, text))
                if talk.conversation.id == chosen.id and not talk.is_answering:
                    await talk.resume(chosen.id)
                self.load()
            else:
                self._say(await export(self._view, chosen.id, text))
        except RefusedError as refusal:
            self._say(str(refusal), is_error=True)

    def _end_line(self) -> None:
        self._line.display = False
        self.set_focus(self._table)
        self._say()

    # ── doing ──

    def action_leave(self) -> None:
        """Out of typing, else out."""
        if self._line.display:
            self._end_line()
        else:
            self.dismiss()

    def action_delete(self) -> None:
        """Delete the chosen one; asks first."""
        chosen = self._chosen
        if chosen is not None:
            self.app.push_screen(AskDelete(self._view, chosen.id, chosen.title), lambda _: self.load())

    @on(VirtualTable.RowChosen)
    def _resume(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.dismiss()
        self._view.begin(self._view.talk.resume(event.key))
        self._view.to_line()


class AskDelete(SturdyScreen, ModalScreen[None]):
    """Asks once before a conversation is forgotten."""

    CSS_PATH = "chat_history.tcss"
    BINDINGS = [Binding("y", "yes", show=False, priority=True, id="forget.yes")]
    AUTO_FOCUS = ""

    def __init__(self, view: ChatView, key: str, title: str) -> None:
        super().__init__()
        self._view = view
        self._key = key
        self._text = Ribbon(id="forget")
        self._title = title
        self._pane = Pane(self._text, glyphs=view.desk.glyphs, id="forget-pane")

    def compose(self) -> ComposeResult:
        with Container():
            yield self._pane

    def on_mount(self) -> None:
        self._pane.styles.width = min(72, self.app.size.width - 4)
        keys = line(
            Cell("y", "accent"),
            Cell(" deletes it   ", "quiet"),
            Cell("any other key", "accent"),
            Cell(" does not", "quiet"),
        )
        self._text.show(
            cells(self._title or "this conversation", "strong"), (), (Cell("nothing undoes this", "look"),), keys
        )
        self._pane.show(line(Cell("delete conversation", "bad")))

    def on_key(self, event: Key) -> None:
        """Any key but `y` leaves."""
        event.stop()
        event.prevent_default()
        self.dismiss()

    async def action_yes(self) -> None:
        """Delete it, and begin anew where it was open."""
        view, key = self._view, self._key
        try:
            await view.talk.ask_desk(lambda desk: desk.delete(key))
            if view.talk.conversation.id == key:
                view.talk.new()
        except RefusedError as refusal:
            view.hint(str(refusal), is_error=True)
        self.dismiss()


def _about(words: str) -> Line:
    return line(Cell(" / ", "accent"), cells(words)) if words else ()
