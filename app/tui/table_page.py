"""The page of one table: a row is chosen by its key and told of, heads sort, a filter of its own keeps rows."""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol, TypeVar

from textual import on

from app.present.cells import Cell, Line, cells, line
from app.tui.feed import RefusedError
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.sorting import Sorting
from widgets.virtual_table import VirtualTable


class Typed(Protocol):
    """A filter that somebody typed."""

    @property
    def text(self) -> str:
        """As typed."""

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""


F = TypeVar("F", bound=Typed)
"""The filters of one page: over jobs, over incidents."""


class TablePage(Page):
    """A page that is about the rows of one table. Subclasses show rows, and tell of the chosen one."""

    SORTED: ClassVar[Sorting | None] = None
    """None: nothing comes of a click on a head."""

    def __init__(self, name: str) -> None:
        """`name` is the table's id."""
        super().__init__()
        self._table = VirtualTable(glyphs=self.desk.glyphs, id=name)
        self._moment: Moment | None = None
        """What is shown."""

    def look(self, moment: Moment) -> None:
        self._moment = moment
        super().look(moment)

    def show_chosen(self, moment: Moment) -> None:
        """Tell of the row under the cursor."""

    def point(self, key: str) -> bool:
        return self._table.select(key)

    @on(VirtualTable.RowHighlighted)
    def _highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        if event.table is self._table and self._moment is not None:
            self.show_chosen(self._moment)

    @on(VirtualTable.SortRequested)
    def _sort(self, event: VirtualTable.SortRequested) -> None:
        if event.table is self._table and self.SORTED is not None:
            self.SORTED.click(self.desk, event.column)


class FilteredPage(TablePage, Generic[F]):
    """A page whose table has a filter of its own, which the view keeps beside the one over GPUs."""

    KEPT_IN: ClassVar[str]
    """Field of the view that holds it."""

    def __init__(self, name: str, everything: F) -> None:
        """`everything` is the filter that leaves nothing out."""
        super().__init__(name)
        self._everything = everything
        self._trial: F | None = None
        """The one being typed."""
        self._kept = ("", everything)
        """The one in force, after the text it was read from."""

    def read_filter(self, text: str) -> F | str:
        """The filter of a text, or what is wrong with it."""
        raise NotImplementedError

    def wanted(self) -> F:
        """The filter being typed, else the one in force; one that this version cannot read keeps everything."""
        if self._trial:
            return self._trial
        text: str = getattr(self.desk.view, self.KEPT_IN)
        if text != self._kept[0]:
            found = self.read_filter(text)
            self._kept = (text, self._everything if isinstance(found, str) else found)
        return self._kept[1]

    def kept_words(self, count: int) -> Line:
        """Behind a title: the filter, and how many rows it keeps; nothing without one."""
        wanted = self.wanted()
        return line(Cell(" / ", "accent"), cells(wanted.text), Cell(f" {count} kept", "quiet")) if wanted else ()

    def try_filter(self, text: str) -> str:
        found = self.read_filter(text)
        if isinstance(found, str):
            return found
        self.show_trial(found)
        return ""

    def show_trial(self, wanted: F) -> None:
        """Show what a filter that is being typed keeps."""
        self._trial = wanted
        self.look_again()

    def end_trial(self) -> None:
        """What was typed is kept or dropped: it is tried no more."""
        self._trial = None

    def keep_filter(self, text: str) -> None:
        found = self.read_filter(text)
        if isinstance(found, str):
            raise RefusedError(found)
        self.end_trial()
        self.desk.change(**{self.KEPT_IN: text.strip()})

    def drop_filter(self) -> None:
        self.end_trial()
        self.look_again()
