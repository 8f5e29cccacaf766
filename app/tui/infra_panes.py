"""The chosen deployment: how its steps go, its nodes, its plan, its log. It is told what to show, and opens no page."""

from __future__ import annotations

from textual.containers import Container

from app.present.cells import Cell, Line, cells, line
from app.present.infra_ladder import Rung, ladder, ladder_lines, ladder_state
from app.present.infra_plan import plan_lines, plan_state
from app.present.infra_rows import NODE_COLUMNS, ORPHAN, node_rows, nodes_state
from app.present.infra_told import (
    astray_lines,
    ending_lines,
    log_lines,
    over_lines,
    trouble_lines,
    turn_lines,
    unreadable_lines,
)
from app.present.infra_view import Held, pieces, ssh_text, state_word
from app.present.look import Look
from app.present.rows import Rows
from app.tui.actions import key_of
from app.tui.desk import Desk
from app.tui.page import frame_keys
from app.tui.sections import NEEDLESS
from widgets.pane import Pane
from widgets.ribbon import Ribbon
from widgets.text_lines import FittedLines, TextLines
from widgets.virtual_table import VirtualTable

STEP_KEYS = ("infra.go", "infra.plan", "infra.stop", "section.next")
NODE_KEYS = ("infra.copy", "infra.replace", "infra.scale", "node", "section.next")
PLAN_KEYS = ("infra.go", "section.next")
LOG_KEYS = ("infra.stop", "section.next")
_WIDTH = 60
"""Columns until the first layout tells how many there are."""


class InfraPanes(Container):
    """The parts of one deployment."""

    def __init__(self, desk: Desk, home: str) -> None:
        """`home`: the user's folder, which commands name `~`."""
        glyphs = desk.glyphs
        self._home = home
        self._desk = desk
        self._steps = TextLines(glyphs=glyphs, id="steps")
        self.nodes = VirtualTable(glyphs=glyphs, shy=True, id="nodes")
        self._node = Ribbon(id="node-said")
        self._plan = FittedLines(glyphs=glyphs, id="plan")
        self._log = TextLines(glyphs=glyphs, id="log")
        bodies = {"steps": self._steps, "nodes": self.nodes, "plan": self._plan, "log": self._log}
        self.panes = {name: Pane(body, glyphs=glyphs, id=f"{name}-pane") for name, body in bodies.items()}
        self._held: Held | None = None
        self._rungs: tuple[Rung, ...] = ()
        self._climbed: tuple[object, ...] = ()
        self._logged: tuple[object, ...] = ()
        aside = Container(self.panes["nodes"], self._node, self.panes["plan"], id="aside")
        super().__init__(Container(self.panes["steps"], aside, id="middle"), self.panes["log"], id="lower")

    @property
    def node(self) -> str:
        """Key of the chosen node; that of an orphan begins with `orphan`."""
        return self.nodes.selected or ""

    def show(self, held: Held, look: Look) -> None:
        """Show a deployment."""
        is_other = self._held is None or self._held.name != held.name
        self._held = held
        self._show_steps(held, look)
        self._show_nodes(held, look)
        self._show_plan(held, look)
        self._show_log(held, look)
        if is_other:
            for text in (self._steps, self._plan):
                text.action_jump(0)
            self.nodes.action_jump(0)

    def show_unreadable(self, name: str, reason: str) -> None:
        """Show why there is nothing to show."""
        self._held, self._climbed, self._logged = None, (), ()
        width = self._steps.scrollable_content_region.width or _WIDTH
        self._steps.show_lines(unreadable_lines(name, reason, width))
        title = line(cells(name, "strong"), "  ", Cell("unreadable", "bad"))
        self.panes["steps"].show(title, "", frame_keys(self._desk, ("section.next",)))
        self.nodes.explain("Its nodes are not known", "")
        self.nodes.show(NODE_COLUMNS, Rows.of([]))
        self.panes["nodes"].show("Nodes", "", ())
        self._node.show(())
        self.panes["plan"].set_class(True, NEEDLESS)
        self._log.explain("Its journal is not read without its record", "")
        self._log.show_lines(())
        self.panes["log"].show("Log", "", ())

    def show_end(self) -> None:
        """Show the end of the log: while it had no place, it could not follow it."""
        self._log.call_after_refresh(self._log.action_jump, -1)

    def _show_steps(self, held: Held, look: Look) -> None:
        width = self._steps.scrollable_content_region.width or _WIDTH
        climbed = (held.deployment, held.events, held.run is not None)
        if climbed != self._climbed:
            self._climbed = climbed
            self._rungs = ladder(held.deployment, held.events, is_running=held.run is not None)
        trouble = trouble_lines(held, look, width, key_of("infra.go", self._desk.keymap))
        ending = (*over_lines(held, look, width), *ending_lines(held, look, width))
        rungs = () if ending else ladder_lines(self._rungs, look, width)
        parts = (trouble, ending, astray_lines(held, look, width), turn_lines(held, width), rungs)
        self._steps.show_lines(_apart([part for part in parts if part]))
        state = ladder_state(held, () if ending else self._rungs, look)
        title = line(cells(held.name, "strong"), "  ", state_word(held))
        self.panes["steps"].show(title, state, frame_keys(self._desk, STEP_KEYS))

    def _show_nodes(self, held: Held, look: Look) -> None:
        self.nodes.explain("It has no node", "")
        self.nodes.show(NODE_COLUMNS, node_rows(held, look))
        self.panes["nodes"].show("Nodes", nodes_state(held, look), frame_keys(self._desk, NODE_KEYS))
        self.show_node(held, look)

    def show_node(self, held: Held, look: Look) -> None:
        """Tell of the chosen node: its pod, what is astray with it, how to log in."""
        one = next((one for one in held.deployment.nodes if one.key == self.node), None)
        if one is None:
            about: Line = ()
            if self.node.startswith(ORPHAN):
                about = line(" ", cells("in no record, and billed: deploying or destroying it sweeps it", "look"))
            self._node.show(about)
            return
        drift = held.drift.get(one.name, "")
        dot = Cell(f" {look.glyphs.dot} ", "frame")
        pod = held.pod_of(one)
        place = (pod.data_center if pod is not None else "") or one.offer.data_center
        parts = (cells(one.name, "strong"), cells(one.pod_id or "no pod yet", "quiet"), cells(place, "quiet"))
        told = line(" ", pieces(parts, dot), dot if drift else "", cells(drift, "look"))
        command = ssh_text(held, one.name, self._home)
        login = line(Cell(" $ ", "quiet"), cells(command, "accent")) if command else ()
        self._node.show(told, login)

    def _show_plan(self, held: Held, look: Look) -> None:
        plan = held.plan
        self.panes["plan"].set_class(plan is None, NEEDLESS)
        if plan is None:
            return
        self._plan.lay_out(lambda width: plan_lines(plan, look, width))
        asks = held.run is not None and held.run.asks
        word = Cell("  waits for your word", "accent") if asks else Cell("  what deploying would change", "quiet")
        keys = ("infra.answer", *PLAN_KEYS) if asks else PLAN_KEYS
        self.panes["plan"].show(
            line(Cell("Plan", "strong"), word), plan_state(plan, look), frame_keys(self._desk, keys)
        )

    def _show_log(self, held: Held, look: Look) -> None:
        logged = (held.name, held.events, look.now // 3600)  # an hour later, clocks may need their date
        if logged != self._logged:
            is_other = self._logged[:1] != logged[:1]
            self._logged = logged
            self._log.explain("Nothing was told of it yet", "")
            self._log.show_lines(log_lines(held.events, look), follow=not is_other)
            if is_other:
                self.show_end()
        self.panes["log"].show("Log", f"{len(held.events)}" if held.events else "", frame_keys(self._desk, LOG_KEYS))


def _apart(parts: list[tuple[Line, ...]]) -> tuple[Line, ...]:
    """Parts with an empty line between."""
    shown: list[Line] = []
    for part in parts:
        shown += [(), *part] if shown else [*part]
    return tuple(shown)
