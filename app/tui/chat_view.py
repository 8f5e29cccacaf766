"""The chat as a widget: the conversation, the line one asks in, what it is about; docked and on its own page alike."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, cast

from textual import on
from textual.binding import Binding
from textual.containers import Container, Horizontal
from textual.message import Message

from app.domain.chat import Chip
from app.present.cells import Cell, Line, cells, line_width
from app.present.chat_sight import ChatSight
from app.present.chat_stops import FOLDS, LINKS, Stop, stop_key, stop_of
from app.present.chat_told import chips_line
from app.tui.actions import bindings, key_of
from app.tui.chat_chips import About
from app.tui.chat_commands import nearest_commands, run_command
from app.tui.chat_layout import SHOWN, Layout
from app.tui.chat_links import open_link
from app.tui.chat_talk import Talk, talk_of
from app.tui.chat_words import begin_lines, examples, rule_line, state_line, stop_line, title_line
from app.tui.feed import RefusedError
from widgets.chat_line import AskLine
from widgets.chat_log import ChatLog
from widgets.pane import Pane
from widgets.ribbon import Ribbon

if TYPE_CHECKING:
    from app.tui.desk import Desk
    from app.tui.page import Page

KEYS = (
    "ask", "chat.next", "chat.before", "chat.do", "chat.copy", "chat.time", "chat.edit", "chat.history", "chat.full",
)  # fmt: skip
_WRITING = (("enter", "send"), ("esc", "stop, leave"), ("tab", "read"), ("/", "commands"))
_READING = (("tab", "next"), ("enter", "open"))
_READING_KEYS = (("chat.next", "link"), ("chat.copy", "copy"), ("chat.edit", "edit"), ("chat.history", "history"))
_WIDEST = 110
"""Columns of text: longer lines are hard to read."""


class ChatView(Container):
    """The chat."""

    BINDINGS = [*bindings("chat"), Binding("escape", "chat('leave')", show=False, id="talk.leave")]

    class Left(Message):
        """The person is done here."""

    class Paused(Message):
        """The person goes back to the page for a while."""

    def __init__(self, desk: Desk, *, is_page: bool = False) -> None:
        glyphs = desk.glyphs
        self.desk = desk
        self.is_page = is_page
        self.talk: Talk = talk_of(desk)
        self.log_lines = ChatLog(glyphs=glyphs, id="talk")
        self.asking = AskLine(id="ask-line")
        self.about = About(desk)
        self.editing = ""
        """Id of the exchange whose question is being edited."""
        self._said = Ribbon(id="chat-said")
        self._chips = Ribbon(id="chat-chips")
        self._layout = Layout()
        self._opened: frozenset[str] = frozenset()
        self._hint: Line = ()
        self._shown_conversation: tuple[str, str] = ("", "")
        self._why_not = ""
        self._asked_of: object = None
        self._unlisten: Callable[[], None] = lambda: None
        sign = Ribbon(id="ask-sign")
        sign.show((Cell("> ", "accent"),))
        super().__init__(
            self.log_lines, self._said, self._chips, Horizontal(sign, self.asking, id="ask-row"), id="chat"
        )

    def on_mount(self) -> None:
        self._unlisten = self.talk.listen(self.look)
        self.call_after_refresh(self.look)
        if not self.is_page:  # a page of its own looks with every moment
            self.set_interval(1.0, self.look)

    def on_unmount(self) -> None:
        self._unlisten()

    def on_resize(self) -> None:
        self.call_after_refresh(self.look)

    # ── showing ──

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys of the chat as remapped, by the ids of their actions."""
        return {one: key_of(one, self.desk.keymap) for one in KEYS}

    def look(self) -> None:
        """Show the talk as it is now; nothing while another page is open."""
        if not self.is_attached or not self.screen.is_current or not self.log_lines.text_width:
            return
        talk, at = self.talk, (self.talk.conversation.id, self.talk.conversation.title)
        if at[0] != self._shown_conversation[0] and self._shown_conversation[0]:
            self._layout.forget()
            self._opened = frozenset()
        self._shown_conversation = at
        self._find_out_who_answers()
        exchanges, sight = talk.exchanges, self._sight()
        if exchanges or talk.said:
            self.log_lines.show(self._layout.parts(exchanges, talk.said, sight), is_growing=talk.is_answering)
            if self._layout.is_behind:
                self.call_after_refresh(self.look)
        else:
            room = max(1, self.log_lines.content_size.height)
            asked = examples(self.desk.moment.snapshot)
            bridge = self.desk.bridge
            why_not = self._why_not or ("" if bridge.feed is not None else bridge.problem or "not connected yet")
            self.log_lines.show((begin_lines(talk.status, sight, why_not, asked)[:room],))
        self.asking.remember(talk.asked)
        self._show_rest()

    def _find_out_who_answers(self) -> None:
        """Once a feed: what answers is opened with it."""
        feed = self.desk.bridge.feed
        if self.talk.status is None and feed is not None and feed is not self._asked_of:
            self._asked_of = feed
            self.begin(self.talk.look(), is_quiet=True)

    def _sight(self) -> ChatSight:
        now = monotonic()
        at_work = {one: now - since for one, since in self.talk.at_work.items()}
        stop = self.log_lines.stop if self.log_lines.has_focus else ""
        width = min(self.log_lines.text_width, _WIDEST)
        return ChatSight(self.desk.moment.look, width, 0, self._opened, stop, at_work, self.keys)

    def _show_rest(self) -> None:
        """The frame, the chips, the line that says what a place is."""
        chips = self.about.chips
        self._chips.display = bool(chips)
        self._chips.show(chips_line(chips, self.desk.moment.look, "backspace"))
        stop = self.stop
        said = self._hint or (self._stop_line(stop) if stop is not None and self.log_lines.has_focus else ())
        self._said.show(rule_line(said, self._said.content_size.width, self.desk.glyphs))
        frame = self.parent
        if isinstance(frame, Pane):
            talk, glyphs = self.talk, self.desk.glyphs
            elapsed = monotonic() - talk.began_at if talk.is_answering else None
            state = state_line(talk.status, talk.exchanges, elapsed, glyphs)
            title = title_line(talk.conversation, frame.size.width - line_width(state) - 14, glyphs)
            frame.show(title, state, self._frame_keys())

    def _stop_line(self, stop: Stop) -> Line:
        return stop_line(stop, self.keys, is_open=stop.key in self._opened)

    def _frame_keys(self) -> tuple[tuple[str, str], ...]:
        if self.asking.has_focus:
            return _WRITING if self.is_page else (*_WRITING, ("shift-tab", "page"))
        return (*_READING, *((self.keys[one], word) for one, word in _READING_KEYS))

    def hint(self, text: str, *, is_error: bool = False) -> None:
        """Say something above the line one asks in, until the next key or answer says something else."""
        self._hint = cells(text, "look" if is_error else "info")
        self._show_rest()

    # ── what it is about ──

    def take(self, chips: Sequence[Chip], text: str = "") -> None:
        """Ask about something: the keys go to the line one types in, where a text may stand already."""
        self.about.add(chips)
        self._hint = ()
        if text:
            self.asking.put(text)
        self.to_line()
        self.call_after_refresh(self.look)

    def to_line(self) -> None:
        """The keys go to the line one types in, the very next one too: Widget.focus() would wait for its turn."""
        self.screen.set_focus(self.asking)

    # ── asking ──

    @on(AskLine.Sent)
    def _sent(self, event: AskLine.Sent) -> None:
        event.stop()
        text = event.text.strip()
        if not text:
            return
        self._hint = ()
        try:
            if text.startswith("/"):
                run_command(self, text)
            else:
                self._ask(text)
        except RefusedError as refusal:
            self.hint(str(refusal), is_error=True)
            return
        self.asking.put("")
        self.log_lines.stop_at("")
        self.log_lines.follow()

    def _ask(self, text: str) -> None:
        self.talk.ask(text, self.about.chips, self.about.at, self.editing)
        if self.editing:
            self._opened = frozenset()
            self._layout.forget()
        self.about.begin()
        self.editing = ""

    def edit(self, stop: Stop | None) -> None:
        """Take a question up again: it, and what followed it, goes when it is sent."""
        exchanges = self.talk.conversation.exchanges
        if self.talk.is_answering or not exchanges:
            self.hint("an answer is being made: esc stops it" if exchanges else "nothing was asked yet", is_error=True)
            return
        exchange = stop.exchange if stop is not None and stop.exchange in exchanges else exchanges[-1]
        self.editing = exchange.id
        self.about.begin(exchange.chips)
        self.asking.put(exchange.question)
        self.to_line()
        later = len(exchanges) - exchanges.index(exchange) - 1
        goes = f", and the {later} after it go" if later else " goes"
        self.hint(f"editing question {exchanges.index(exchange) + 1}: its answer{goes} when you send it; esc leaves it")

    def leave(self) -> None:
        """One step out: stops the answer, ends editing, else leaves."""
        if self.talk.stop():
            self.hint("stopped")
        elif self.editing:
            self.editing, self._hint = "", ()
            self.asking.put("")
            self._show_rest()
        else:
            self.post_message(self.Left())

    def begin(self, steps: Coroutine[object, object, object], *, is_quiet: bool = False) -> None:
        """Do something that goes on when this is left; what is refused is said here."""
        tasks = self.desk.bridge.tasks
        if tasks is None:
            steps.close()
            self.hint("not connected yet", is_error=True)
            return
        tasks.create_task(self._steps(steps, is_quiet=is_quiet), name="chat")

    async def _steps(self, steps: Coroutine[object, object, object], *, is_quiet: bool) -> None:
        try:
            await steps
            self._why_not = ""
        except RefusedError as refusal:
            self._why_not = str(refusal)
            if not self.is_attached:
                self.desk.note(str(refusal))
            elif is_quiet:
                self.look()
            else:
                self.hint(str(refusal), is_error=True)

    # ── places ──

    @property
    def stop(self) -> Stop | None:
        """The place where the keys have stopped."""
        return stop_of(self.log_lines.stop, self.talk.exchanges) if self.log_lines.stop else None

    def show_use(self, place: int, number: int) -> None:
        """Unfold a look at the cluster, and stop there."""
        key = stop_key(place, "t", number)
        self._opened |= {key}
        self.look()
        self.log_lines.stop_at(key)

    @on(ChatLog.Stopped)
    def _stopped(self, event: ChatLog.Stopped) -> None:
        event.stop()
        self._hint = ()
        self.look()

    @on(ChatLog.Chosen)
    def _chosen(self, event: ChatLog.Chosen) -> None:
        event.stop()
        stop = stop_of(event.key, self.talk.exchanges)
        if stop is None:
            return
        if stop.kind in FOLDS:
            self._opened ^= {stop.key}
            self.look()
        elif stop.kind in LINKS:
            self.attempt(lambda: open_link(self, stop))
        elif stop.kind == "question":
            self.edit(stop)

    @on(ChatLog.EarlierRequested)
    def _earlier(self) -> None:
        self._layout.shown += SHOWN
        self.look()

    def attempt(self, deed: Callable[[], None]) -> None:
        """Do something; what is refused is said here."""
        try:
            deed()
        except RefusedError as refusal:
            self.hint(str(refusal), is_error=True)

    @on(ChatLog.Left)
    def _to_line(self, event: ChatLog.Left) -> None:
        event.stop()
        self.to_line()

    @on(AskLine.Left)
    def _to_log(self, event: AskLine.Left) -> None:
        """Up there: to a proposal that waits, else to the first place of the last answer, or its last.

        Docked, shift+tab goes back to the page.
        """
        event.stop()
        if event.direction < 0 and not self.is_page:
            self.post_message(self.Paused())
            return
        self.screen.set_focus(self.log_lines)
        exchanges = self.talk.exchanges
        last = len(exchanges) - 1
        waits = (
            (number for number, one in enumerate(exchanges[-1].proposals) if one.state == "proposed")
            if exchanges
            else ()
        )
        number = next(iter(waits), None)
        if number is not None:
            self.log_lines.stop_at(stop_key(last, "p", number))
            return
        mine = [one for one in self.log_lines.stops() if one.startswith(f"{last}/")]
        if mine:
            self.log_lines.stop_at(mine[0 if event.direction > 0 else -1])

    @on(AskLine.Escaped)
    def _escaped(self, event: AskLine.Escaped) -> None:
        event.stop()
        self.leave()

    @on(AskLine.Emptied)
    def _emptied(self, event: AskLine.Emptied) -> None:
        event.stop()
        self.about.drop_last()
        self._show_rest()

    @on(AskLine.Grown)
    def _typed(self, event: AskLine.Grown) -> None:
        event.stop()
        text = self.asking.text
        if text.startswith("/") and "\n" not in text:
            self._hint = nearest_commands(text)
            self._show_rest()
        elif self._hint and text and not self.editing:
            self._hint = ()
            self._show_rest()

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self.look)

    @property
    def page(self) -> Page:
        """The page it stands on."""
        return cast("Page", self.screen)

    async def action_chat(self, deed: str) -> None:
        """Do what a key of the chat says."""
        from app.tui.chat_deeds import DEEDS  # noqa: PLC0415 - the two know each other

        self.attempt(lambda: DEEDS[deed](self))
