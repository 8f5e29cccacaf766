"""Sorting: which fields of the view hold how a table is sorted, and what heads, keys and commands make of them."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.frozen import frozen
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.viewstate import ViewState


@frozen
class Sorting:
    """Where the view keeps the order of one table."""

    column: str
    """Field of the column's key; empty there: the table's usual order."""
    descending: str

    def of(self, view: ViewState) -> tuple[str, bool] | None:
        """Column and direction; None for the usual order."""
        column: str = getattr(view, self.column)
        return (column, self.is_descending(view)) if column else None

    def is_descending(self, view: ViewState) -> bool:
        """Whether the order is turned round."""
        descending: bool = getattr(view, self.descending)
        return descending

    def click(self, desk: Desk, column: str) -> None:
        """Sort by the column of a head; by the same again, the other way round."""
        is_again = getattr(desk.view, self.column) == column
        desk.change(**{self.column: column, self.descending: is_again and not self.is_descending(desk.view)})

    def step(self, desk: Desk, known: Sequence[str], by: int) -> None:
        """Sort by the column so many steps further; the round begins with no column at all."""
        keys, now = ["", *known], getattr(desk.view, self.column)
        here = keys.index(now) if now in keys else 0
        desk.change(**{self.column: keys[(here + by) % len(keys)]})

    def name(self, desk: Desk, known: Sequence[str], text: str, table: str) -> None:
        """Sort by a column, its name or how it begins, downwards after a minus. Raises RefusedError."""
        wanted = text.removeprefix("-").strip().lower()
        begins = [key for key in known if wanted and key.startswith(wanted)]
        if wanted and wanted not in begins and len(begins) != 1:
            raise RefusedError(f"{wanted!r} is no column of {table}; known: {', '.join(known)}")
        key = wanted if wanted in begins else next(iter(begins), "")
        desk.change(**{self.column: key, self.descending: text.startswith("-")})

    def reverse(self, desk: Desk) -> None:
        """Turn the order round."""
        desk.change(**{self.descending: not self.is_descending(desk.view)})


GPUS = Sorting("sort", "descending")
JOBS = Sorting("job_sort", "job_descending")
INCIDENTS = Sorting("incident_sort", "incident_descending")
