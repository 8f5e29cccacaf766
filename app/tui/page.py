"""The page: what every screen has - a header, a body of its own, a line for notes, the prompt, the key bar.

A page is told the moment and shows it; it decides nothing about the cluster and fetches only history for its charts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from app.present.cells import Cell, Line, cells
from app.present.incident_signs import counts
from app.present.incident_titles import trouble_piece
from app.tui.actions import bars, call_of, key_of, shown_as, word_of
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.late_styles import add_styles
from app.tui.moment import Moment
from app.tui.sturdy import SturdyScreen
from widgets.ground import Ground, alike
from widgets.ribbon import ClusterHeader, KeyBar, Ribbon

if TYPE_CHECKING:
    from app.domain.chat import Chip
    from app.tui.prompt import Prompt

ROOMY = (100, 30)
"""Columns and lines from which a page shows all its panes at once."""
WIDTHS = ((0, "-narrow"), (100, "-medium"), (160, "-wide"), (280, "-vast"))
HEIGHTS = ((0, "-short"), (30, "-middle"), (46, "-tall"), (80, "-giant"))
"""Classes of a page by its least columns and lines."""
HEADER_S = 1.9
"""Between two paints of the header for numbers alone: it is a thousand bytes, and every source's answer changes it."""
TRIAL_S = 0.12
"""After the last letter of a filter, until the page shows what it keeps: a fast typist has typed the next by then."""
NOTE_S = 6.0
"""How long a note stays."""


class Page(SturdyScreen):
    """One page. Subclasses name themselves, compose `body` and show moments."""

    ID: ClassVar[str] = ""
    """Its row in the registry."""
    FILTERS: ClassVar[str] = "gpus"
    """What its filter is over: `gpus`, `jobs` or `incidents`."""
    AUTO_FOCUS = "#body *"

    def __init__(self) -> None:
        super().__init__()
        self._note_timer: Timer | None = None
        self._trial_timer: Timer | None = None
        self._typed_filter = ""
        self._focus_before: Widget | None = None
        self._to_choose: tuple[str, int] | None = None
        self._to_point = ""
        self._header_kind: tuple[object, ...] = ()
        self._header_at = 0.0
        self._is_narrow: bool | None = None

    @property
    def desk(self) -> Desk:
        """What the page may ask of the app."""
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        _fit(self, self.app.size)  # before the first layout: a class that changes later lays out and paints once more
        yield ClusterHeader(id="header")
        with Ground(id="body"):
            yield from self.body()
        yield Ribbon(id="note")
        yield from self.prompt()
        yield KeyBar(glyphs=self.desk.glyphs, id="keys")

    def render_lines(self, crop: Region) -> list[Strip]:
        return alike(super().render_lines, crop)

    def body(self) -> ComposeResult:
        """The page's own widgets."""
        raise NotImplementedError

    def prompt(self) -> ComposeResult:
        """The line the user types on, hidden until then; what it tells is heard by name, since its class comes late."""
        from app.tui.prompt import Prompt  # noqa: PLC0415 - Home mounts it after the first frame, as a test proves

        add_styles(self.app, "prompt.tcss")
        yield Prompt(self._complete)

    def show(self, moment: Moment) -> None:
        """Show a moment."""
        raise NotImplementedError

    @property
    def is_typing(self) -> bool:
        """Whether keys mean letters now."""
        return isinstance(self.focused, Input) or getattr(self.focused, "takes_letters", False)

    def chosen(self) -> tuple[str, int] | None:
        """Node and index of the GPU chosen here; None where the page chooses none."""
        return None

    def chosen_jobs(self) -> tuple[str, ...]:
        """Ids of the jobs chosen or marked here; empty where the page chooses none."""
        return ()

    def chosen_nodes(self) -> tuple[str, ...]:
        """Names of the nodes chosen or marked here, as the snapshot has them; empty where the page chooses none."""
        place = self.chosen()
        return (place[0],) if place is not None else ()

    def asked_about(self) -> Chip | None:
        """What a question asked here is about, where that is none of the things chosen above."""
        return None

    def chosen_process(self) -> int | None:
        """Number of the process chosen here; None where the page chooses none."""
        return None

    def point(self, key: str) -> bool:  # noqa: ARG002 - for pages whose rows or parts others speak of
        """Choose the row or part of a key if it is there; whether it was."""
        return False

    def point_at(self, key: str) -> None:
        """Choose the row or part of a key, as another page asked; if it is not there yet, as soon as it is."""
        self._to_point = "" if self.point(key) else key

    def take(self, script: str, origin: str) -> None:
        """Edit a script that came from elsewhere; for the page that edits scripts."""

    def select(self, node: str, index: int) -> bool:  # noqa: ARG002 - for pages that choose a GPU
        """Choose a GPU if it is there; whether it was."""
        return False

    def put_away(self) -> bool:
        return False

    def choose(self, node: str, index: int) -> None:
        """Choose a GPU, as another page did; if the page does not show it yet, as soon as it does."""
        self._to_choose = None if self.select(node, index) else (node, index)

    def on_mount(self) -> None:
        self.look(self.desk.moment)
        # Charts ask for as many columns as they have, and have none before the first layout.
        self.call_after_refresh(self.look_again)

    def on_resize(self, event: Resize) -> None:
        """Say by a class whether everything has a place."""
        _fit(self, event.size)
        self.call_after_refresh(self.look_again)

    def look_again(self) -> None:
        """Show the moment anew: sizes changed, or something the page asked for has come."""
        self.look(self.desk.moment)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self.look(self.desk.moment)

    def look(self, moment: Moment) -> None:
        """Show a moment, the header and the keys with it."""
        self._show_header(moment)
        self._show_keys(is_narrow=self.size.width < ROOMY[0])
        self.show(moment)
        if self._to_choose is not None:
            self.choose(*self._to_choose)
        if self._to_point:
            self.point_at(self._to_point)

    def _show_keys(self, *, is_narrow: bool) -> None:
        """The key bar; its rows are put together only where the width makes another of it."""
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self.query_one(KeyBar).show(*bars(self.ID, self.desk.keymap, is_narrow=is_narrow))

    def _show_header(self, moment: Moment) -> None:
        """At once where something happened; every other second while only ages, power and cost move on."""
        facts = moment.facts
        trouble = (facts.gpus, facts.gpus_lost, facts.criticals, facts.warnings, facts.nodes_down, facts.sources_ok)
        jobs = (facts.jobs_running, facts.jobs_pending, facts.gpus_allocated)
        shown = (moment.replay_at, moment.problem, moment.origin, moment.wanted, moment.badge.tone, self.size)
        kind = (*shown, trouble, jobs, counts(moment.diagnosis))
        if kind == self._header_kind and 0 <= moment.now - self._header_at < HEADER_S:
            return
        self._header_kind, self._header_at = kind, moment.now
        incidents = trouble_piece(moment.diagnosis, moment.look)
        self.query_one(ClusterHeader).show(moment.facts, moment.look, moment.badge, self._extra(moment), incidents)

    def note(self, text: str, tone: str = "info") -> None:
        """Say one line above the key bar, for a few seconds."""
        ribbon = self.query_one("#note", Ribbon)
        ribbon.show((Cell(" "), *cells(text, "look" if tone == "look" else "info")))
        ribbon.display = True
        if self._note_timer is not None:
            self._note_timer.stop()
        self._note_timer = self.set_timer(NOTE_S, self._hush)

    def type_line(self, sign: str, text: str) -> None:
        """Open the prompt; where the focus is now, it will return."""
        prompt = _prompt_of(self)
        if not prompt.is_open:
            self._focus_before = self.focused
        prompt.ask(sign, text, self.desk.view.history if sign == ":" else ())

    def end_line(self) -> None:
        """Close the prompt and give the keys back."""
        _prompt_of(self).close()
        self.set_focus(self._focus_before)

    def try_filter(self, text: str) -> str:
        """Show what a filter being typed keeps; what is wrong with it so far, or nothing."""
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        found = deeds.try_filter(text)
        if isinstance(found, str):
            return found
        self.desk.try_filter(found or None)
        return ""

    def keep_filter(self, text: str) -> None:
        """Keep a filter that was typed. Raises RefusedError."""
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        deeds.enter_line(self.desk, "/", text)

    def drop_filter(self) -> None:
        """Show again what the filter in force keeps."""
        self.desk.try_filter(None)

    def on_prompt_entered(self, event: Prompt.Entered) -> None:
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        event.stop()
        self.end_line()
        try:
            if event.sign == "/":
                self.keep_filter(event.text)
            else:
                deeds.enter_line(self.desk, event.sign, event.text)
        except RefusedError as refusal:
            self.type_line(event.sign, event.text)
            _prompt_of(self).hint(str(refusal), is_error=True)

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        event.stop()
        if event.sign != "/":
            return
        # The letter first: of ten thousand jobs, finding those that fit takes longer than painting it.
        self._typed_filter = event.text
        if self._trial_timer is not None:
            self._trial_timer.stop()
        self._trial_timer = self.set_timer(TRIAL_S, self._try)

    def _try(self) -> None:
        """Show what the filter typed so far keeps, or what is wrong with it."""
        self._trial_timer = None
        prompt = _prompt_of(self)
        if not prompt.is_open:
            return
        mistake = self.try_filter(self._typed_filter)
        if mistake:
            prompt.hint(mistake)

    def on_prompt_dismissed(self, event: Prompt.Dismissed) -> None:
        event.stop()
        self.end_line()
        if event.sign == "/":
            self.drop_filter()

    @on(KeyBar.Pressed)
    async def _pressed(self, event: KeyBar.Pressed) -> None:
        event.stop()
        action = shown_as(self.ID, event.key, self.desk.keymap)
        if action is not None:
            await self.app.run_action(call_of(action), self)

    def _hush(self) -> None:
        self.query_one("#note").display = False

    def _complete(self, sign: str, line: str) -> Sequence[str]:
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody types

        return deeds.complete(self.desk, sign, line, self.FILTERS)

    def _extra(self, moment: Moment) -> tuple[Line, ...]:
        """What the header adds: the filter, and how many GPUs it keeps."""
        if moment.wanted is None:
            return ()
        kept = len(moment.gpus())
        return ((Cell("/ ", "accent"), *cells(moment.wanted.text, "strong"), Cell(f" {kept} kept", "quiet")),)


class GpuChooser(Page):
    """A page where a GPU is chosen: it leads to that one's page and to its node's."""

    def action_open(self) -> None:
        """Open the page of the chosen GPU."""
        place = self.chosen()
        if place is not None:
            self.desk.open_page("gpu", *place)

    def action_to_node(self) -> None:
        """Open the page of the chosen GPU's node."""
        place = self.chosen()
        if place is not None:
            self.desk.open_page("node", place[0])


def frame_keys(desk: Desk, actions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Key and word of each action, for the frame of a pane."""
    return tuple((key_of(one, desk.keymap), word_of(one)) for one in actions)


def _prompt_of(page: Page) -> Prompt:
    return cast("Prompt", page.query_one("Prompt"))


def _fit(page: Page, size: Size) -> None:
    """Classes that say how much room there is; Textual's own breakpoints come only after the first frame."""
    fitting = {_last_fitting(WIDTHS, size.width), _last_fitting(HEIGHTS, size.height)}
    for _, name in (*WIDTHS, *HEIGHTS):
        page.set_class(name in fitting, name)
    page.set_class(size.width >= ROOMY[0] and size.height >= ROOMY[1], "-roomy")


def _last_fitting(steps: Sequence[tuple[int, str]], size: int) -> str:
    """The class of the largest size that fits."""
    return [name for least, name in steps if size >= least][-1]
