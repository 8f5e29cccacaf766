"""The rented clusters: which there are and what they cost; of the chosen one its steps, nodes, plan and log."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from app.domain.deployment import InfraPlan, State
from app.present.cells import Cell, Line, cells, line
from app.present.infra_rows import DEPLOYMENT_COLUMNS, ORPHAN, deployment_rows, deployments_state
from app.present.infra_told import beginning_lines
from app.present.infra_view import Held
from app.tui.actions import bindings, key_of
from app.tui.feed import RefusedError
from app.tui.infra_asking import put
from app.tui.infra_deeds import InfraDeeds
from app.tui.infra_desk import InfraDesk, infra_desk
from app.tui.infra_panes import InfraPanes
from app.tui.moment import Moment
from app.tui.page import frame_keys
from app.tui.sections import Sections
from app.tui.table_page import TablePage
from widgets.pane import Pane
from widgets.text_lines import TextLines
from widgets.virtual_table import VirtualTable

NO_KEYS = ("infra.new",)
_WIDTH = 76
_FRESHLY_GONE_S = 3600.0
"""So long a destroyed deployment stays on the list by itself."""


class Infra(TablePage):
    """What was rented, and what is made of it."""

    ID = "infra"
    CSS_PATH = "infra.tcss"
    BINDINGS = bindings("infra")

    def __init__(self) -> None:
        super().__init__("deployments")
        self._infra: InfraDesk | None = None
        self._refusal = ""
        try:
            self._infra = infra_desk(self.desk)
        except RefusedError as refusal:
            self._refusal = str(refusal)
        home = self._infra.ground.environ.get("HOME", "") if self._infra is not None else ""
        glyphs = self.desk.glyphs
        self._pane = Pane(self._table, glyphs=glyphs, id="deployments-pane")
        self._panes = InfraPanes(self.desk, home)
        self._sections = Sections(self, self._panes.panes)
        self._beginning = TextLines(glyphs=glyphs, id="beginning")
        self._beginning_pane = Pane(self._beginning, glyphs=glyphs, id="beginning-pane")
        self._plan: InfraPlan | None = None
        """The one that was shown last."""
        self._has_gone = False
        self._shown: tuple[Held, ...] = ()

    def body(self) -> ComposeResult:
        yield self._pane
        yield self._panes
        yield self._beginning_pane

    def show(self, moment: Moment) -> None:
        self._fetch(moment)
        every = self._infra.held() if self._infra is not None else ()
        self._shown = tuple(one for one in every if self._is_shown(one, moment.now))
        unreadable = self._infra.unreadable if self._infra is not None else {}
        self.set_class(not self._shown and not unreadable, "-none")
        if not self._shown and not unreadable:
            self._show_beginning(moment, gone=len(every))
            self._put_question()
            return
        self._table.show(DEPLOYMENT_COLUMNS, deployment_rows(self._shown, moment.look, unreadable))
        hidden = len(every) - len(self._shown)
        key = key_of("infra.gone", self.desk.keymap)
        more = Cell(f"  {hidden} destroyed, {key} shows them", "quiet") if hidden else Cell("")
        title = line(Cell("Deployments", "strong"), self._problem(), more)
        self._pane.show(title, deployments_state(self._shown, moment.look), frame_keys(self.desk, self._keys()))
        self.show_chosen(moment)
        self._put_question()

    def _keys(self) -> tuple[str, ...]:
        """Of what can be done to the chosen one now."""
        held = self._held()
        if held is None:
            return NO_KEYS
        if held.run is not None:
            return ("infra.new", *(("infra.answer",) if held.run.asks else ()), "infra.stop", "infra.gone")
        if held.deployment.state is State.DESTROYED:
            has_volume = bool(held.deployment.volume_id)
            return ("infra.new", "infra.go", *(("infra.destroy",) if has_volume else ()), "infra.gone")
        sized = ("infra.scale",) if held.deployment.state is State.READY else ()
        return ("infra.new", "infra.go", "infra.plan", *sized, "infra.destroy", "infra.gone")

    def _is_shown(self, held: Held, now: float) -> bool:
        one = held.deployment
        if one.state is not State.DESTROYED or self._has_gone or held.run is not None or held.billed or one.volume_id:
            return True
        return one.destroyed_at is not None and now - one.destroyed_at < _FRESHLY_GONE_S

    def _problem(self) -> Line:
        """Why the disk cannot be read."""
        said = self._infra.refusal if self._infra is not None else ""
        return line("  ", cells(said, "look")) if said else ()

    def _show_beginning(self, moment: Moment, gone: int) -> None:
        width = self._beginning.scrollable_content_region.width or _WIDTH
        infra, keymap = self._infra, self.desk.keymap
        if infra is None or infra.refusal:
            self._beginning.explain(infra.refusal if infra is not None else self._refusal, "")
            self._beginning.show_lines(())
        else:
            self._beginning.show_lines(beginning_lines(infra.needs, moment.look, width, key_of("infra.new", keymap)))
        told = f"{gone} destroyed, {key_of('infra.gone', keymap)} shows them" if gone else "none yet"
        title = (Cell("Deployments", "strong"),)
        keys = frame_keys(self.desk, NO_KEYS) if infra is not None else ()
        self._beginning_pane.show(title, told if infra is not None and not infra.refusal else "", keys)

    def show_chosen(self, moment: Moment) -> None:
        held = self._held()
        if held is None:
            name = self._table.selected or ""
            if self._infra is not None and name in self._infra.unreadable:
                self._panes.show_unreadable(name, self._infra.unreadable[name])
            return
        if held.plan is not None and held.plan is not self._plan:
            self._sections.turn_to("plan")  # it was asked for
        elif held.plan is None and self._sections.current == "plan":
            self._sections.turn_to("steps")
        self._plan = held.plan
        self._panes.show(held, moment.look)

    def _held(self) -> Held | None:
        key = self._table.selected
        return next((one for one in self._shown if one.name == key), None)

    # ── what is new ──

    def _fetch(self, moment: Moment) -> None:
        """Have the disk read, and the provider asked, where it is time to; what comes of it is shown then."""
        if self._infra is None or not self.is_mounted:
            return
        if self._infra.helps is None:
            self._infra.helps = {}
            self.run_worker(self._infra.read_helps(), group="infra help", exit_on_error=False, description="help")
        if self._infra.is_old(moment.now):
            self.run_worker(self._read(), group="infra read", exit_on_error=False, description="deployments")
        if moment.replay_at is None and self._infra.is_due(self._table.selected or "", moment.now):
            self.run_worker(self._ask(), group="infra ask", exit_on_error=False, description="pods")

    async def _read(self) -> None:
        if self._infra is not None:
            await self._infra.read(self.desk.moment.now)
            self.look_again()

    async def _ask(self) -> None:
        if self._infra is not None and await self._infra.ask(self._table.selected or "", self.desk.moment.now):
            self.look_again()

    def _put_question(self) -> None:
        """A run's question comes before the person once by itself, where nothing else has their keys."""
        if self._infra is None or self.desk.page is not self or self.is_typing:
            return
        run = next((run for run in self._infra.runs if run.question is not None and not run.was_shown), None)
        if run is not None:
            put(self.desk, run, next((one for one in self._shown if one.name == run.name), None))

    # ── choosing ──

    def asked_node(self) -> str:
        """The chosen node's name as Slurm and ssh know it; empty for none."""
        held = self._held()
        nodes = held.deployment.nodes if held is not None else ()
        return next((node.name for node in nodes if node.key == self._panes.node), "")

    def chosen_nodes(self) -> tuple[str, ...]:
        name = self.asked_node()
        return (name,) if name and name in self.desk.moment.snapshot.nodes else ()

    @on(VirtualTable.RowHighlighted, "#nodes")
    def _node_highlighted(self) -> None:
        held = self._held()
        if held is not None and self._moment is not None:
            self._panes.show_node(held, self._moment.look)

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Into the nodes of the chosen deployment; from there, into the page of the chosen node."""
        if self._panes.nodes.has_focus:
            self.action_to_node()
            return
        if self._sections.current != "nodes":
            self._sections.go("nodes")
        self._panes.nodes.focus()

    def action_to_node(self) -> None:
        """Open the page of the chosen node, where it is watched already."""
        if self._panes.node.startswith(ORPHAN):
            self.note("an orphan is watched by nobody", "look")
            return
        nodes = self.chosen_nodes()
        if nodes:
            self.desk.open_page("node", nodes[0])
        else:
            self.note(f"{self.asked_node() or 'no node'} is not watched yet", "look")

    def action_section(self, by: int) -> None:
        """Show the next part of the chosen deployment, where not all fit."""
        self._sections.step(by)
        if self._sections.current == "log":
            self._panes.show_end()

    # ── doing ──

    def action_infra(self, deed: str) -> None:
        """Do what a key says."""
        if deed == "gone":
            self._has_gone = not self._has_gone
            self.look_again()
            return
        if self._infra is None:
            self.note(self._refusal, "look")
            return
        if deed == "look":
            self._infra.ask_anew(self._table.selected or "")
            self.look_again()
            return
        try:
            InfraDeeds(self.desk, self._infra).do(deed, self._held(), self._panes.node)
        except RefusedError as refusal:
            self.note(str(refusal), "look")
