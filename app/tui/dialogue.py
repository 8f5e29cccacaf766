"""The one dialogue before every deed: what would be done, to whom, how; `y` does it, any other key does not.

What it begins belongs to the app and goes on when the dialogue is left; what came of it is told wherever one is then.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import cast

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.events import Key, Resize
from textual.screen import ModalScreen

from app.domain.job_actions import Outcome, Plan
from app.present.cells import Cell, Line, line
from app.present.dialogue import outcome_lines, plan_lines, working_lines
from app.tui.desk import Desk
from app.tui.feed import RefusedError, sentence
from app.tui.sturdy import SturdyScreen
from widgets.pane import Pane
from widgets.text_lines import TextLines

log = logging.getLogger("gpu_watchdog.screen")
Perform = Callable[[], Awaitable[Outcome]]
"""Does what the dialogue shows."""
_WIDEST = 100
_SCROLLING = frozenset({"up", "down", "pageup", "pagedown", "home", "end", "left", "right"})
_ASKING = (("y", "do it"), ("any other key", "not"))


class Dialogue(SturdyScreen, ModalScreen[None]):
    """Asks once."""

    CSS_PATH = "dialogue.tcss"
    BINDINGS = [Binding("y", "yes", show=False, priority=True, id="dialogue.yes")]
    AUTO_FOCUS = "#deed"

    def __init__(self, plan: Plan, perform: Perform) -> None:
        super().__init__()
        self._plan = plan
        self._perform = perform
        self._began: float | None = None
        self._outcome: Outcome | None = None
        glyphs = self._desk.glyphs
        self._text = TextLines(glyphs=glyphs, id="deed")
        self._pane = Pane(self._text, glyphs=glyphs, id="deed-pane")

    @property
    def _desk(self) -> Desk:
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        with Container():
            yield self._pane

    def on_mount(self) -> None:
        self.set_interval(1.0, self._show_work)
        self._show()

    def on_resize(self, event: Resize) -> None:
        self._show(event.size.width, event.size.height)

    def _show(self, width: int = 0, height: int = 0) -> None:
        """Lay the lines out; the box is as large as they are."""
        screen = (width or self.app.size.width, height or self.app.size.height)
        room = min(_WIDEST, screen[0] - 4)
        lines = self._lines(room - 6)
        self._pane.styles.width = room
        self._pane.styles.height = min(screen[1] - 2, len(lines) + 2)
        self._text.show_lines(lines)
        title = Cell(self._plan.verb, "bad" if self._plan.is_severe else "strong")
        is_asking = self._began is None
        keys = _ASKING if is_asking else (("any key", "close" if self._outcome is not None else "leave it at work"),)
        severe = Cell("work is lost or others are hit", "bad") if self._plan.is_severe and is_asking else Cell("")
        self._pane.show(line(title), line(severe), keys)

    def _lines(self, width: int) -> tuple[Line, ...]:
        glyphs = self._desk.glyphs
        shown = plan_lines(self._plan, width, glyphs)
        if self._outcome is not None:
            return (*shown, *outcome_lines(self._outcome, width, glyphs))
        return shown if self._began is None else (*shown, *working_lines(monotonic() - self._began))

    def _show_work(self) -> None:
        if self._began is not None and self._outcome is None:
            self._show()

    def on_key(self, event: Key) -> None:
        """Any key but `y` and those that scroll leaves."""
        if event.key in _SCROLLING:
            return
        event.stop()
        event.prevent_default()
        self.dismiss()

    def action_yes(self) -> None:
        """Do it, once; when it is done, close."""
        if self._began is not None:
            self.dismiss()
            return
        self._began = monotonic()
        self._show()
        self.app.run_worker(self._do(), group="deed", exit_on_error=False, description="deed")

    async def _do(self) -> None:
        outcome = await outcome_of(self._perform)
        if not self.is_current:
            tell(self._desk, outcome)
            return
        if outcome.ok:
            self.dismiss()
            tell(self._desk, outcome)
            return
        self._outcome = outcome
        self._show()


async def outcome_of(perform: Perform) -> Outcome:
    """What came of it, also where it broke."""
    try:
        return await perform()
    except RefusedError as refusal:
        return Outcome(False, str(refusal))
    except Exception as error:  # whatever it is, who asked for the deed is told
        log.warning("a deed failed", exc_info=error)
        return Outcome(False, f"this did not go well: {sentence(error)}")


def tell(desk: Desk, outcome: Outcome) -> None:
    """A note of what came of a deed, on whatever page is open by now."""

    def say() -> None:
        text = outcome.text if outcome.ok else " · ".join((outcome.text, *outcome.details[:1]))
        if desk.page is not None:
            desk.page.note(text, "info" if outcome.ok else "look")

    cast("App[None]", desk).call_later(say)


def ask_first(desk: Desk, plan: Plan, perform: Perform) -> None:
    """Open the dialogue."""
    cast("App[None]", desk).push_screen(Dialogue(plan, perform))
