"""Tables as values: lazy rows and columns that fit."""

from __future__ import annotations

from app.present.cells import Cell
from app.present.rows import Column, Row, Rows, lay_out

A, B, C = Column("a", "A", 4), Column("b", "B", 4, grow=1), Column("c", "C", 6, drop=1)


def test_rows_are_made_only_when_looked_at() -> None:
    """Asking for one row of a thousand makes one."""
    made: list[int] = []

    def make(at: int) -> Row:
        made.append(at)
        return Row(str(at), ())

    rows = Rows([str(at) for at in range(1000)], make)

    assert ("7", 7, 1000) == (rows[7].key, rows.index_of("7"), len(rows))
    assert [7] == made
    assert rows.index_of("x") is None


def test_the_same_rows_again_are_found_at_the_same_places() -> None:
    """Rows made again have other cells under the same keys."""
    rows = Rows(["a", "b"], lambda at: Row("ab"[at], ()))

    again = rows.again(lambda at: Row("ab"[at], ((Cell("new"),),)))

    assert 1 == rows.index_of("b") == again.index_of("b")
    assert ("new",) == again[1].text


def test_spare_width_goes_to_those_that_grow() -> None:
    """Columns that do not grow keep their width."""
    assert [("a", 4), ("b", 12), ("c", 6)] == [(column.key, width) for _, column, width in lay_out((A, B, C), 26)]


def test_narrow_tables_drop_whole_columns() -> None:
    """What may go goes first; what must stay stays however narrow it gets."""
    assert ["a", "b"] == [column.key for _, column, _ in lay_out((A, B, C), 12)]
    assert ["a", "b"] == [column.key for _, column, _ in lay_out((A, B, C), 3)]
