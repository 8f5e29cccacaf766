"""The chosen incident: its story, and beside it, or below it where there is no room, what to do. It opens no page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.containers import Container

from app.domain.diagnosis import Incident
from app.domain.finding import Advice, Finding
from app.present.cells import Cell, Line, cells, line
from app.present.incident_advice import actions_of, advice_parts, blind_parts
from app.present.incident_told import NOTHING_TOLD, Told
from app.present.incident_view import CONSEQUENCES, Part, Sight, story_parts
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.tui.actions import key_of, word_of
from app.tui.desk import Desk
from app.tui.incident_deeds import can_run
from widgets.pane import Pane
from widgets.virtual_table import VirtualTable

STORY_KEYS = ("incident.fold", "incident.gpu", "node", "incident.job", "incident.service", "incident.log")
ADVICE_KEYS = ("incident.copy", "incident.run")
_COLUMNS = (Column("text", "", 1, grow=1, sortable=False),)
_WIDTH = 60
"""Columns until the first layout tells how many there are."""


class IncidentPanes(Container):
    """Story and advice of one incident."""

    def __init__(self, desk: Desk) -> None:
        glyphs = desk.glyphs
        self._desk = desk
        self._story = VirtualTable(glyphs=glyphs, header=False, shy=True, id="story")
        self._advice = VirtualTable(glyphs=glyphs, header=False, shy=True, id="advice")
        self._story_pane = Pane(self._story, glyphs=glyphs, id="story-pane")
        self._advice_pane = Pane(self._advice, glyphs=glyphs, id="advice-pane")
        self._told = NOTHING_TOLD
        self._incident: Incident | None = None
        self._opened: frozenset[str] = frozenset()
        self._parts: dict[str, Part] = {}
        self._laid_out: object = None
        self._again: Callable[[], None] = lambda: None
        super().__init__(self._story_pane, self._advice_pane, id="about")

    def show(self, told: Told, incident: Incident | None, look: Look, *, is_split: bool) -> None:
        """Show an incident, or with None what was not looked at; laid out only where something changed."""
        is_other = (incident.id if incident is not None else "") != self._about
        self._told, self._incident = told, incident
        if is_other:
            self._opened = frozenset()
        self._again = lambda: self._lay_out(look, is_split=is_split)
        self._again()
        if is_other:
            for table in (self._story, self._advice):
                table.action_jump(0)

    @property
    def _about(self) -> str:
        return self._incident.id if self._incident is not None else ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of the incident, the one under the cursor first, then the root."""
        if self._incident is None:
            return ()
        found = self._told.findings(self._incident)
        part = self.part
        chosen = part.finding if part is not None else ""
        return tuple(sorted(found, key=lambda one: one.id != chosen))

    @property
    def part(self) -> Part | None:
        """The line under the cursor of the pane that has the keys; None where none of them has."""
        table = next((one for one in (self._story, self._advice) if one.has_focus), None)
        return self._parts.get(table.selected or "") if table is not None else None

    def take_focus(self) -> None:
        """The keys go to the story."""
        self._story.focus()

    def step(self, fits: Callable[[Advice], bool]) -> Advice | None:
        """The step under the cursor if it fits; with the cursor elsewhere, the first that does."""
        part = self.part
        if part is not None and part.kind == "action":
            chosen = next((one.actions[part.number] for one in self.findings if one.id == part.finding), None)
            return chosen if chosen is not None and fits(chosen) else None
        return next((one for _, _, one in actions_of(self._in_order()) if fits(one)), None)

    def fold(self) -> None:
        """Show or hide what the line under the cursor holds; from any other line, all that followed."""
        part = self.part
        key = CONSEQUENCES
        if part is not None and part.finding and (part.kind == "fold" or part.finding in self._opened):
            key = part.finding
        self._opened = self._opened ^ {key}
        self._again()

    def _in_order(self) -> Sequence[Finding]:
        return self._told.findings(self._incident) if self._incident is not None else ()

    def _lay_out(self, look: Look, *, is_split: bool) -> None:
        widths = tuple(one.scrollable_content_region.width or _WIDTH for one in (self._story, self._advice))
        wanted = (self._told, self._incident, self._opened, widths, is_split)
        if wanted == self._laid_out:
            return
        self._laid_out = wanted
        at = self._told.diagnosis.at
        key = key_of("incident.run", self._desk.keymap)
        is_over = self._incident is not None and self._incident.ended is not None
        runs = None if is_over else can_run
        story_sight, advice_sight = (Sight(look, width, self._opened, at, runs, key) for width in widths)
        story, advice = self._made(story_sight, advice_sight if is_split else story_sight)
        self._parts = {part.key: part for part in (*story, *advice)}
        shown = story if is_split else (*story, *((Part("advice gap", ()),) if story and advice else ()), *advice)
        self._story.explain("Nothing is known to have been left out" if self._told.diagnosis.at else "")
        _fill(self._story, shown)
        _fill(self._advice, advice if is_split else ())
        self._frame(is_split=is_split)

    def _made(self, story: Sight, advice: Sight) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        if self._incident is None:
            return blind_parts(self._told.diagnosis.blind, story), ()
        return story_parts(self._told, self._incident, story), advice_parts(self._told, self._incident, advice)

    def _frame(self, *, is_split: bool) -> None:
        incident, keymap = self._incident, self._desk.keymap
        title: Line = (Cell("Not looked at" if self._parts else "", "head"),)
        self.set_class(incident is None, "-empty")
        if incident is not None:
            title = line(cells(incident.id, "strong"), Cell("  what happened", "quiet"))
        named = STORY_KEYS if is_split else (*ADVICE_KEYS, *STORY_KEYS)
        keys = tuple((key_of(one, keymap), word_of(one)) for one in named) if incident is not None else ()
        self._story_pane.show(title, "", keys)
        advised = tuple((key_of(one, keymap), word_of(one)) for one in ADVICE_KEYS)
        self._advice_pane.show(line(Cell("What to do", "strong")), "", advised)


def _fill(table: VirtualTable, parts: Sequence[Part]) -> None:
    table.show(_COLUMNS, Rows([part.key for part in parts], lambda at: Row(parts[at].key, (parts[at].line,))))
