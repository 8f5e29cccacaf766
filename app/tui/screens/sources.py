"""The sources: who is asked for numbers, how each answers, what to do where one does not; and how the store is."""

from __future__ import annotations

from textual.app import ComposeResult

from app.present.cells import Cell, Tone, cells, line
from app.present.source_rows import SOURCE_COLUMNS, source_advice, source_rows
from app.present.units import MISSING, format_age, format_count, format_rate
from app.store.history import StoreHealth
from app.tui.actions import bindings
from app.tui.feed import RefusedError, ask
from app.tui.moment import Moment
from app.tui.table_page import TablePage
from widgets.pane import Pane
from widgets.ribbon import Ribbon

_HEALTH_EVERY_S = 5.0


class Sources(TablePage):
    """Every collector and the store."""

    ID = "sources"
    CSS_PATH = "sources.tcss"
    BINDINGS = bindings("sources")

    def __init__(self) -> None:
        super().__init__("sources")
        glyphs = self.desk.glyphs
        self._table_pane = Pane(self._table, title="Sources", glyphs=glyphs, id="sources-pane")
        self._advice = Ribbon(id="advice")
        self._advice_pane = Pane(self._advice, title="", glyphs=glyphs, id="advice-pane")
        self._store = Ribbon(id="store")
        self._store_pane = Pane(self._store, title="History", glyphs=glyphs, id="store-pane")
        self._health: StoreHealth | None = None
        self._complaint = ""

    def body(self) -> ComposeResult:
        yield self._table_pane
        yield self._advice_pane
        yield self._store_pane

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_HEALTH_EVERY_S, self._ask_health)
        self._ask_health()

    def show(self, moment: Moment) -> None:
        states = moment.snapshot.sources
        why = moment.why_empty if not states else ("", "")
        self._table.explain(*why)
        self._table.show(SOURCE_COLUMNS, source_rows(moment.snapshot, moment.look))
        well = sum(state.condition(moment.now) == "ok" for state in states.values())
        self._table_pane.show("Sources", line(Cell(f"{well} of {len(states)} ok", "quiet")))
        self.show_chosen(moment)
        self._show_store(moment)

    def show_chosen(self, moment: Moment) -> None:
        state = moment.snapshot.sources.get(self._table.selected or "")
        if state is None:
            self._advice_pane.show("")
            self._advice.show(())
            return
        self._advice_pane.show(line(*cells(state.spec.name, "strong")), line(*cells(state.spec.target, "quiet")))
        width = max(20, self.size.width - 4)
        self._advice.show(*source_advice(state, moment.look, width))

    def _show_store(self, moment: Moment) -> None:
        health = self._health
        if health is None:
            said = self._complaint or "asking"
            self._store_pane.show("History", "")
            self._store.show(cells(said, "quiet"))
            return
        tone: Tone = "plain" if health.state == "ok" else "look"
        since = format_age(moment.now - health.oldest) if health.oldest else MISSING
        write = f"{health.write_s * 1000:.0f} ms" if health.write_s is not None else MISSING
        self._store_pane.show("History", line(Cell(health.state, "quiet" if tone == "plain" else tone)))
        self._store.show(
            cells(health.text, tone),
            line(
                Cell("kept ", "head"), Cell(f"{format_count(health.samples)} samples over {since}"),
                Cell("   size ", "head"), Cell(format_rate(health.size_bytes).removesuffix("/s")),
                Cell("   last write ", "head"), Cell(write),
                Cell(f"   {health.dropped_ticks} ticks lost", "look") if health.dropped_ticks else "",
            ),
            line(
                Cell("file ", "head"), *cells(health.path or MISSING, "quiet"),
                Cell("   feed ", "head"), *cells(moment.origin, "quiet"),
            ),
        )  # fmt: skip

    def _ask_health(self) -> None:
        if self.is_current:
            self.run_worker(
                self._read_health(), group="health", exclusive=True, exit_on_error=False, description="store"
            )

    async def _read_health(self) -> None:
        try:
            self._health = await ask(self.desk.bridge.connected().store_health())
        except RefusedError as refusal:
            self._health, self._complaint = None, str(refusal)
        if self._moment is not None:
            self._show_store(self._moment)
