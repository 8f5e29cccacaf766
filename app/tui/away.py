"""What happened while somebody was away: on one quiet line of home, and whole by `:digest`.

The engine is `app.domain.digest`, as for the command of that name; who was away is known by `app.tui.absence`.
"""

from __future__ import annotations

from typing import cast

from textual.app import App, ComposeResult
from textual.containers import Container
from textual.events import Key
from textual.screen import ModalScreen

from app.domain.digest import Digest, digest
from app.domain.times import parse_span
from app.present.cells import Cell, Line, line
from app.present.digest_lines import digest_lines
from app.services.looked import looked_at
from app.tui.absence import LONGEST_S
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask
from app.tui.sturdy import SturdyScreen
from widgets.pane import Pane
from widgets.text_lines import TextLines

USUAL_S = 86400.0
MOST_EVENTS = 20_000
_WIDEST = 110
_SCROLLING = frozenset({"up", "down", "pageup", "pagedown", "home", "end", "left", "right"})


async def happened(desk: Desk, since: float) -> Digest:
    """What happened since then. Raises RefusedError."""
    feed, now = desk.bridge.connected(), desk.bridge.now()
    return digest(await ask(feed.events(since, now, None, MOST_EVENTS)), since, now)


class Told(SturdyScreen, ModalScreen[None]):
    """Some lines to read; any key that does not scroll leaves them."""

    CSS_PATH = "dialogue.tcss"
    AUTO_FOCUS = "#deed"

    def __init__(self, found: Digest, now: float) -> None:
        super().__init__()
        self._found = found
        self._now = now
        glyphs = cast("Desk", self.app).glyphs
        self._text = TextLines(glyphs=glyphs, id="deed")
        self._pane = Pane(self._text, glyphs=glyphs, id="deed-pane")

    def compose(self) -> ComposeResult:
        with Container():
            yield self._pane

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        """Lay the lines out; the box is as large as they are."""
        width, height = self.app.size
        room = min(_WIDEST, width - 4)
        lines: list[Line] = digest_lines(self._found, self._now, room - 6)
        self._pane.styles.width = room
        self._pane.styles.height = min(height - 2, len(lines) + 4)
        self._text.show_lines(tuple(lines))
        self._pane.show(line(Cell("Digest", "strong")), line(Cell("")), (("any key", "close"),))

    def on_key(self, event: Key) -> None:
        """Leave."""
        if event.key not in _SCROLLING:
            event.stop()
            event.prevent_default()
            self.dismiss()


def tell_whole(desk: Desk, text: str) -> None:
    """Tell what happened: since one was away, or for the span that is given."""
    now = desk.bridge.now()
    try:
        since = now - parse_span(text) if text.strip() else _since(desk, now)
    except ValueError as error:
        raise RefusedError(f"how far back? {error}") from error
    desk.journey(_tell(desk, max(since, now - LONGEST_S)))


def _since(desk: Desk, now: float) -> float:
    last = looked_at(desk.options.state_dir)
    return now - USUAL_S if last is None else last


async def _tell(desk: Desk, since: float) -> None:
    found = await happened(desk, since)
    cast("App[None]", desk).push_screen(Told(found, desk.bridge.now()))
