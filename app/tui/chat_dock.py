"""The chat docked beside a page, or below it where there is no room beside; the page keeps what it shows."""

from __future__ import annotations

from textual import on
from textual.widget import Widget

from app.tui.chat_chips import chips_of
from app.tui.chat_view import ChatView
from app.tui.late_styles import add_styles
from app.tui.page import Page
from app.tui.screens.chat import ChatPage
from widgets.pane import Pane

ASKING = "-asking"
"""Class of a page that has the chat beside it."""


class ChatDock(Pane):
    """The chat in its frame, on a page of something else."""

    def __init__(self, page: Page) -> None:
        self.view = ChatView(page.desk)
        self._focus_before: Widget | None = None
        super().__init__(self.view, title="Ask", glyphs=page.desk.glyphs, id="chat-dock")

    def on_mount(self) -> None:
        self.screen.add_class(ASKING)

    def lend_from(self, focused: Widget | None) -> None:
        """Who has the keys, and will have them again."""
        if focused is not None and self not in focused.ancestors:
            self._focus_before = focused

    @on(ChatView.Left)
    async def _left(self, event: ChatView.Left) -> None:
        """Close, and give the keys back."""
        event.stop()
        self.screen.remove_class(ASKING)
        self._give_back()
        await self.remove()

    @on(ChatView.Paused)
    def _give_back(self) -> None:
        """The keys go to where they were."""
        before = self._focus_before
        if before is None or not before.is_attached:
            mine = set(self.query("*"))
            before = next((one for one in self.screen.focus_chain if one not in mine), None)
        self.screen.set_focus(before)


async def ask_about(page: Page, text: str = "") -> None:
    """Ask about what is chosen on a page: in the chat that is there, else in one that is docked now."""
    chips = chips_of(page)
    if isinstance(page, ChatPage):
        page.view.take((), text)
        return
    dock = page.query_one_optional(ChatDock)
    if dock is None:
        add_styles(page.app, "screens/chat.tcss")
        dock = ChatDock(page)
        await page.query_one("#body").mount(dock)
    dock.lend_from(page.focused)
    dock.view.take(chips, text)
