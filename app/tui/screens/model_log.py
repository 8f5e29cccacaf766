"""A model server's log as it grows: the phases of its start, lines by level, search, follow or pause, save."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from app.domain.log_text import LEVELS, Level
from app.domain.model_start import ModelStart
from app.present.cells import Cell, Line, cells, line
from app.present.log_lines import LogLines, pattern_of
from app.present.start_rows import phase_lines, start_title, strip_line, trouble_lines
from app.tui.actions import bindings
from app.tui.feed import RefusedError
from app.tui.log_desk import choices, model_logs, open_tail
from app.tui.moment import Moment
from app.tui.page import Page
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.text_lines import TextLines

if TYPE_CHECKING:
    from app.services.log_tail import LogTail

READ_S = 1.0
"""Between two looks at a log that is on screen."""
NO_LOG = ("No model server's log is known", 'a [[log]] of kind = "vllm" names one; so does the job that serves a model')
WORDS: dict[Level, str] = {"debug": "all", "info": "info and graver", "warning": "warnings", "error": "errors"}


class ModelLog(Page):
    """One log."""

    ID = "log"
    FILTERS = ""
    CSS_PATH = "model_log.tcss"
    BINDINGS = bindings("log")
    AUTO_FOCUS = "#lines"

    def __init__(self, about: str = "") -> None:
        """`about` is the id of a server or job, or the name of a log; empty: the first there is."""
        super().__init__()
        glyphs = self.desk.glyphs
        self._about = about
        self._at = 0
        self._names: tuple[str, ...] = ()
        self._tail: LogTail | None = None
        self._why = ("reading", "")
        self._least: Level = "debug"
        self._search = ""
        self._pattern: re.Pattern[str] | None = None
        self._wraps = False
        self._pauses = False
        self._shown: LogLines = LogLines(())
        self._made_of: tuple[object, ...] = ()
        self._phases = TextLines(glyphs=glyphs, id="phases")
        self._lines = TextLines(glyphs=glyphs, id="lines")
        self._start_pane = Pane(self._phases, title="Start", glyphs=glyphs, id="start-pane")
        self._lines_pane = Pane(self._lines, glyphs=glyphs, id="lines-pane")

    def body(self) -> ComposeResult:
        yield Ribbon(id="title")
        yield Ribbon(id="strip")
        yield Ribbon(id="trouble")
        yield self._start_pane
        yield self._lines_pane

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(READ_S, self._read)
        self._read()

    @property
    def searched(self) -> str:
        """What is searched for; empty: nothing."""
        return self._search

    def show(self, moment: Moment) -> None:
        tail = self._tail
        start = tail.start if tail is not None else ModelStart()
        look = moment.look
        name = cells(tail.name if tail is not None else "", "quiet")
        self.query_one("#title", Ribbon).show(line(" ", start_title(start, look), "  ", name))
        self.query_one("#strip", Ribbon).show(line(" ", strip_line(start, look)))
        trouble = trouble_lines(start, look, max(30, self.size.width - 4))
        self.set_class(bool(trouble), "-troubled")
        self.set_class(bool(start.phases), "-starting")
        self.query_one("#trouble", Ribbon).show(line(" ", *trouble[:2]))
        self._phases.explain("This part of the log tells of no start", "")
        self._phases.show_lines((*phase_lines(start, look), *trouble))
        self._show_lines()

    def _show_lines(self) -> None:
        """The lines as wanted; while it pauses those that stood there."""
        tail = self._tail
        self._lines.explain(*((tail.note, tail.where) if tail is not None and tail.note else self._why))
        width = self._lines.scrollable_content_region.width if self._wraps else 0
        made_of = (tail.lines if tail is not None else (), self._least, self._search, width)
        is_news = not self._made_of or made_of[0] is not self._made_of[0]
        if tail is not None and not (self._pauses and is_news and self._made_of) and made_of != self._made_of:
            before, self._made_of = self._shown, made_of
            self._shown = LogLines(tail.lines, self._least, self._pattern, width)
            gone = before.before(self._shown.first)
            self._lines.show_lines(self._shown, follow=not self._pauses)
            if gone and self._lines.scroll_offset.y < self._lines.max_scroll_y:
                self._lines.scroll_relative(y=-gone, animate=False)  # the same lines stay under the eye
        self._show_frame()

    def _show_frame(self) -> None:
        tail = self._tail
        said: list[Cell | str | Line] = []
        if self._pattern is not None:
            said.append(Cell(f"{len(self._shown.found())} found  ", "accent"))
        if tail is not None:
            newer = tail.lines[-1].number - self._shown.last if self._pauses and tail.lines else 0
            said.append(Cell(f"paused, {newer} new  " if self._pauses else "", "look"))
            said.append(Cell(f"{WORDS[self._least]}  " if self._least != "debug" else "", "accent"))
            said.append(Cell(f"{self._shown.kept:,} of {len(tail.lines):,} lines", "quiet"))
        where = cells(f"  {tail.where}" if tail is not None else "", "quiet")
        trouble = cells(f"  {tail.lost or tail.note}" if tail is not None and tail.lines else "", "look")
        keys = (("v", "level"), ("/", "search"), ("f", "pause"), ("w", "wrap"), ("s", "save"), ("← →", "sideways"))
        self._lines_pane.show(line(Cell("Log", "strong"), where, trouble), line(*said), keys)

    # ── reading ──

    def _read(self) -> None:
        if self.is_current:
            self.run_worker(self._poll(), group="log", exit_on_error=False, description="log")

    async def _poll(self) -> None:
        try:
            if self._tail is None:
                logs = await model_logs(self.desk)
                self._names = choices(self.desk, logs, self._about)
                if not self._names:
                    self._why = NO_LOG
                    self.look_again()
                    return
                self._tail = await open_tail(self.desk, logs, self._names[self._at % len(self._names)])
        except RefusedError as refusal:
            self._why = (str(refusal), "")
            self.look_again()
            return
        if await self._tail.poll() and self.is_mounted:
            self.look_again()

    # ── doing ──

    def action_pause(self) -> None:
        """Stand still, or go on following the end."""
        self._pauses = not self._pauses
        if not self._pauses:
            self._lines.call_after_refresh(self._lines.action_jump, -1)
        self._show_lines()

    def action_level(self) -> None:
        """Show the graver lines only: one step further in the round."""
        self._least = LEVELS[(LEVELS.index(self._least) + 1) % len(LEVELS)]
        self._show_lines()

    def action_wrap(self) -> None:
        """Fold long lines, or let them go on to the right."""
        self._wraps = not self._wraps
        self._show_lines()

    def action_other(self) -> None:
        """Show the next of the logs there are."""
        if len(self._names) < 2:
            self.note("there is no other log", "look")
            return
        self._at += 1
        self._tail, self._made_of, self._shown = None, (), LogLines(())
        self._read()

    def action_hunt(self, by: int) -> None:
        """Go to the next place that the search finds, or to the one before."""
        places = self._shown.found()
        if not places:
            self.note("nothing is found" if self._search else "/ searches", "look")
            return
        top = self._lines.scroll_offset.y
        later = [at for at in places if at > top] if by > 0 else [at for at in reversed(places) if at < top]
        place = later[0] if later else (places[0] if by > 0 else places[-1])
        self._lines.scroll_to(y=place, animate=False)
        self.note(f"{places.index(place) + 1} of {len(places)}")

    def save_to(self, text: str) -> None:
        """Save what is kept. Raises RefusedError."""
        from app.services.log_tail import SaveError, save  # noqa: PLC0415 - late: with the first that is saved

        tail = self._tail
        if tail is None or not tail.lines:
            raise RefusedError("there is no line to save")
        stamp = self.desk.moment.look.moment(self.desk.moment.now)
        name = re.sub(r"[^\w.-]+", "-", tail.name).strip("-.") or "log"
        path = self.desk.options.state_dir / "logs" / f"{name}-{stamp:%Y%m%d-%H%M%S}.log"
        path = Path(text).expanduser() if text else path
        try:
            count = save(tail.lines, path)
        except SaveError as error:
            raise RefusedError(str(error)) from error
        self.note(f"{count:,} lines are in {path}")

    # ── searching ──

    def try_filter(self, text: str) -> str:
        self._find(text)
        return ""

    def keep_filter(self, text: str) -> None:
        self._find(text)
        if text:
            self.action_hunt(-1 if self._lines.scroll_offset.y >= self._lines.max_scroll_y else 1)

    def drop_filter(self) -> None:
        self._find("")

    def _find(self, text: str) -> None:
        self._search = text
        self._pattern = pattern_of(text) if text else None
        self._show_lines()
