"""The desk: what pages and verbs may ask of the app. The app is the only one that implements it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Protocol

from app.present.glyphs import Glyphs
from app.tui.feed import Bridge
from app.tui.moment import Moment
from app.tui.options import ScreenOptions
from app.tui.viewstate import ViewState

if TYPE_CHECKING:
    from app.domain.filtering import Filter
    from app.tui.page import Page


class Desk(Protocol):
    """The app as its pages and verbs see it."""

    options: ScreenOptions
    bridge: Bridge
    glyphs: Glyphs
    view: ViewState
    moment: Moment
    keymap: Mapping[str, str]

    @property
    def page(self) -> Page | None:
        """The page that is open; None while a dialogue covers it."""

    @property
    def page_id(self) -> str:
        """Id of the page that is open; empty where none is."""

    def change(self, **changes: object) -> None:
        """Change the view, save it, and have the page look again. Keys are fields of ViewState."""

    def note(self, text: str) -> None:
        """Tell the user one line, for a few seconds."""

    def open_page(self, page: str, *arguments: object) -> None:
        """Show a page: the numbered ones as bases, the others on top of where one is."""

    def back(self) -> None:
        """Out of where one is."""

    def journey(self, steps: Coroutine[None, None, None]) -> None:
        """Travel in time; a new journey ends the one under way."""

    def type_line(self, sign: str, text: str = "") -> None:
        """Have the user type a line: a command for `:`, a filter for `/`."""

    def try_filter(self, found: Filter | None) -> None:
        """Show what a filter being typed keeps, or with None what the one in force keeps, and save nothing."""

    def chosen(self) -> tuple[str, int] | None:
        """Node and index of the GPU chosen on the page."""

    def set_theme(self, name: str) -> None:
        """Paint in another theme, and remember it."""

    def redraw(self) -> None:
        """Paint everything anew."""

    def quit(self) -> None:
        """Leave."""
