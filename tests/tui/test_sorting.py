"""How tables are sorted, in the view that a desk keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from app.tui.feed import RefusedError
from app.tui.sorting import GPUS, INCIDENTS, JOBS, Sorting
from app.tui.viewstate import ViewState

if TYPE_CHECKING:
    from app.tui.desk import Desk

COLUMNS = ("age", "title", "titles", "cost")


class FakeDesk:
    """A desk with a view and no app."""

    def __init__(self) -> None:
        self.view = ViewState()

    def change(self, **changes: object) -> None:
        """Change the view."""
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]  # as the app does


@pytest.fixture
def desk() -> Desk:
    """Nothing is sorted yet."""
    return cast("Desk", FakeDesk())


@pytest.mark.parametrize("sorting", [GPUS, JOBS, INCIDENTS])
def test_click_sorts_and_the_next_one_turns_round(desk: Desk, sorting: Sorting) -> None:
    """The same head again turns the order round, another head begins upwards."""
    orders = []
    for column in ("age", "age", "age", "cost"):
        sorting.click(desk, column)
        orders.append(sorting.of(desk.view))

    assert [("age", False), ("age", True), ("age", False), ("cost", False)] == orders


def test_steps_go_round_through_no_order_at_all(desk: Desk) -> None:
    """Steps lead through every column and the usual order, both ways; a column that is gone counts as none."""
    orders = []
    for by in (1, 1, -1, -1, -1):
        INCIDENTS.step(desk, COLUMNS, by)
        orders.append(INCIDENTS.of(desk.view))
    desk.change(incident_sort="gone")
    INCIDENTS.step(desk, COLUMNS, 1)

    assert [("age", False), ("title", False), ("age", False), None, ("cost", False)] == orders
    assert ("age", False) == INCIDENTS.of(desk.view)


@pytest.mark.parametrize(
    ("text", "order"),
    [("age", ("age", False)), ("-co", ("cost", True)), ("Title", ("title", False)), ("", None), ("-", None)],
)
def test_column_is_named_whole_or_by_how_it_begins(desk: Desk, text: str, order: tuple[str, bool] | None) -> None:
    """A minus sorts downwards; a whole name wins over longer ones; nothing is the usual order."""
    JOBS.name(desk, COLUMNS, text, "the queue")

    assert order == JOBS.of(desk.view)


@pytest.mark.parametrize("text", ["pink", "ti"])
def test_column_that_is_none_or_several_is_refused(desk: Desk, text: str) -> None:
    """The refusal names the table and its columns."""
    with pytest.raises(RefusedError, match=r"no column of the queue; known: age, title, titles, cost"):
        JOBS.name(desk, COLUMNS, text, "the queue")


def test_order_turns_round(desk: Desk) -> None:
    """Turned round twice it is as it was, and no other table's order moves."""
    JOBS.reverse(desk)
    once = desk.view
    JOBS.reverse(desk)

    assert ViewState(job_descending=True) == once
    assert ViewState() == desk.view
