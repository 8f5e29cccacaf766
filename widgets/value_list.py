"""All values of a GPU, a node or a service: value, unit, age, source."""

from __future__ import annotations

from app.present.detail_rows import VALUE_COLUMNS
from app.present.rows import Rows
from widgets.virtual_table import VirtualTable


class ValueList(VirtualTable):
    """A table whose columns are always the same."""

    def show_values(self, rows: Rows) -> None:
        """Show the rows of `app.present.detail_rows.value_rows`."""
        self.show(VALUE_COLUMNS, rows)
