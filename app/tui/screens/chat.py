"""The chat on a page of its own."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from app.tui.actions import bindings, key_of
from app.tui.chat_view import ChatView
from app.tui.moment import Moment
from app.tui.page import Page
from widgets.pane import Pane


class ChatPage(Page):
    """Questions and answers."""

    ID = "chat"
    CSS_PATH = "chat.tcss"
    BINDINGS = bindings("chat")
    AUTO_FOCUS = "#ask-line"

    def __init__(self) -> None:
        super().__init__()
        self.view = ChatView(self.desk, is_page=True)

    def body(self) -> ComposeResult:
        yield Pane(self.view, title="Ask", glyphs=self.desk.glyphs, id="chat-pane")

    def show(self, moment: Moment) -> None:  # noqa: ARG002 - the view looks at the talk
        self.view.look()

    @on(ChatView.Left)
    def _left(self) -> None:
        self.desk.back()

    async def action_chat(self, deed: str) -> None:
        """Do what a key of the chat says, as the palette asks for it; a proposal is done by its key alone."""
        if deed == "do":
            self.note(f"{key_of('chat.do', self.desk.keymap)} does it, on the proposal that tab goes to")
            return
        await self.view.action_chat(deed)
