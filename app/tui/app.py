"""The app: a switchboard of pages, keys, theme, view and feed. It knows no widget and no rule of the cluster.

What only a key needs is imported when the first key asks for it: the first frame waits for nothing it does not show.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from textual import on
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen

from app.present.glyphs import ASCII, UNICODE
from app.present.palettes import default_variables
from app.tui import stack
from app.tui.actions import ACTIONS, bindings
from app.tui.driver import driver_class
from app.tui.feed import TICK_S, Bridge, RefusedError, pace
from app.tui.few_colours import FewColours, has_few
from app.tui.frames import Frames
from app.tui.keymap import load_keymap
from app.tui.options import Connect, ScreenOptions
from app.tui.page import Page
from app.tui.palette import Everything
from app.tui.plain import PlainCharacters
from app.tui.screens.registry import load_page
from app.tui.sturdy import SturdyApp, log
from app.tui.themes import THEMES, first_theme
from app.tui.viewstate import load_view, save_view

if TYPE_CHECKING:
    from app.domain.filtering import Filter
    from app.tui.calling import Caller


class Watchdog(SturdyApp):
    """The screen. It implements `app.tui.desk.Desk` for its pages and verbs."""

    CSS_PATH = ["app.tcss", "screens/home.tcss"]  # home is the default screen, and Textual loads no CSS of that one
    BINDINGS = bindings()
    COMMANDS = {Everything}
    TITLE = "gpu-watchdog"
    ALLOW_SELECT = False

    def __init__(self, connect: Connect, options: ScreenOptions) -> None:
        super().__init__(driver_class=driver_class(), ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.options = options
        self.frames = Frames(self, options.line)
        self.bridge = Bridge(connect, options, self.frames.tell)
        self.glyphs = ASCII if options.ascii else UNICODE
        self.view, note = load_view(options.view_file)
        self.view = replace(self.view, filter=options.filter or self.view.filter)
        keymap = load_keymap(options.keymap, [action.id for action in ACTIONS])
        self.keymap: Mapping[str, str] = keymap.keys
        self._notes = [one for one in (note, *keymap.notes) if one]
        self._wanted = self._read_filter()
        self._trial: Filter | None = None
        self._chosen: tuple[str, int] | None = None
        self._caller: Caller | None = None
        self.moment = self.bridge.moment(self.glyphs, self._wanted)
        self.painted = asyncio.Event()
        """Set when the first frame is out: only then may anything slow begin."""
        self.set_keymap(dict(keymap.keys))
        for theme in THEMES:
            self.register_theme(theme)
        self.begin_with(first_theme(options.theme, self.view.theme, os.environ))

    def get_default_screen(self) -> Screen[Any]:
        return load_page("home")()

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = [
            *super().get_line_filters(),
            *([FewColours()] if has_few(self.console) and not self.is_headless else []),
        ]
        return [*filters, PlainCharacters()] if self.glyphs is ASCII else filters

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return default_variables(dark=self.current_theme.dark)

    def on_mount(self) -> None:
        self.set_interval(TICK_S, self.bridge.tick)
        for note in self._notes:
            self.call_after_refresh(self.note, note)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        # Textual's own private hook; what it calls "after a refresh" comes a sixtieth of a second after the frame.
        super()._display(screen, self.frames.lean(renderable))
        if renderable is not None:
            self.painted.set()
            self.frames.sent()

    def on_resize(self) -> None:
        self.frames.forget()  # also where the terminal comes back after another program had it

    async def feeding(self) -> None:
        """Connect and follow the feed until cancelled; begins when the first frame is out."""
        await self.painted.wait()
        await self.bridge.run()

    # ── looking ──

    def on_fresh(self) -> None:
        """Show the newest moment on the page that is open."""
        began = perf_counter()
        self.moment = self.bridge.moment(self.glyphs, self._trial or self._wanted)
        if self.page is not None:
            self.page.look(self.moment)
        self.bridge.pace_s = pace(perf_counter() - began)
        self._call()

    def _call(self) -> None:
        """Ring where something new is wrong."""
        moment = self.moment
        if moment.replay_at is not None or not moment.diagnosis.at or self._driver is None:
            return
        if self._caller is None:
            from app.tui.calling import Caller  # noqa: PLC0415 - see the module's first lines

            self._caller = Caller(self.options.call)
        sequence = self._caller.heard(moment.diagnosis, moment.snapshot.cluster, moment.snapshot.mode)
        if sequence:
            self._driver.write(sequence)

    def on_unmount(self) -> None:
        if self._caller is not None and self._driver is not None:
            self._driver.write(self._caller.farewell())

    @property
    def page(self) -> Page | None:
        """The page that is open; None while a dialogue covers it."""
        return stack.top(self)

    @property
    def page_id(self) -> str:
        return stack.top_id(self)

    def change(self, **changes: Any) -> None:  # noqa: ANN401 - fields of ViewState, checked by replace
        self.view = replace(self.view, **changes)
        self._wanted, self._trial = self._read_filter(), None
        self.on_fresh()
        try:
            save_view(self.options.view_file, self.view)
        except OSError as error:
            log.warning("the view cannot be saved", exc_info=error)

    def _read_filter(self) -> Filter | None:
        if not self.view.filter:
            return None
        from app.tui import deeds  # noqa: PLC0415 - see the module's first lines

        return deeds.saved_filter(self.view.filter)

    def note(self, text: str) -> None:
        if self.page is not None:
            self.page.note(text)

    def set_theme(self, name: str) -> None:
        self.theme = name
        self.change(theme=name)
        self.note(f"theme {name}")

    @on(Driver.SignalResume)
    def redraw(self) -> None:
        self.frames.forget()
        self.refresh(layout=True)

    # ── going ──

    def open_page(self, page: str, *arguments: object) -> None:
        self._chosen = self.chosen()
        with self.batch_update():
            if arguments or page == "help":
                stack.open_on_top(self, page, *arguments)
                return
            stack.open_base(self, page)
            if self.page is not None and self._chosen is not None:
                self.page.choose(*self._chosen)

    def back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif (self.page is None or not self.page.put_away()) and self.view.filter:
            self.change(filter="")

    def journey(self, steps: Coroutine[None, None, None]) -> None:
        self.run_worker(self._travel(steps), group="journey", exclusive=True, exit_on_error=False, description="time")

    async def _travel(self, steps: Coroutine[None, None, None]) -> None:
        try:
            await steps
        except RefusedError as refusal:
            self.note(str(refusal))

    def chosen(self) -> tuple[str, int] | None:
        return (self.page.chosen() if self.page is not None else None) or self._chosen

    # ── typing and keys ──

    def type_line(self, sign: str, text: str = "") -> None:
        if self.page is not None:
            self.page.type_line(sign, text)

    def try_filter(self, found: Filter | None) -> None:
        self._trial = found
        self.on_fresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # While a line is typed or a dialogue is open, keys mean letters; only leaving is always possible.
        if action == "verb" and (self.page is None or self.page.is_typing):
            return parameters[0] == "quit"
        return super().check_action(action, parameters)

    def action_verb(self, name: str, argument: str) -> None:
        """Do what a key says."""
        from app.tui import deeds  # noqa: PLC0415 - see the module's first lines

        try:
            deeds.run_verb(self, name, argument)
        except RefusedError as refusal:
            self.note(str(refusal))

    async def action_ask(self, text: str = "") -> None:
        """Ask about what is chosen; the next key goes to the chat already, so its opening is waited for."""
        if self.page is not None and not self.page.is_typing:
            from app.tui import chat_dock  # noqa: PLC0415 - see the module's first lines

            await chat_dock.ask_about(self.page, text)

    # ── leaving ──

    def quit(self) -> None:
        self.exit()
