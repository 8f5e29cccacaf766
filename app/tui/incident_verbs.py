"""What keys and `:` commands do on incidents: open one, filter, sort, show those that are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.present.incident_rows import sort_keys
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.sorting import INCIDENTS

PAGE = "incidents"


def open_incidents(desk: Desk, text: str) -> None:
    """Open the page; with an id, at that incident."""
    wanted = "" if text.strip() == PAGE else text.strip()
    diagnosis = desk.moment.diagnosis
    if wanted and diagnosis.incident(wanted) is None:
        known = ", ".join(one.id for one in diagnosis.incidents[:8])
        raise RefusedError(f"no incident is called {wanted[:40]!r}; {f'open are {known}' if known else 'none is open'}")
    if wanted:
        _let_in(desk, wanted)
    desk.open_page(PAGE)
    if wanted and desk.page is not None:
        desk.page.point_at(wanted)


def _let_in(desk: Desk, wanted: str) -> None:
    """See to it that the list shows an incident: neither the filter nor its end may keep it out."""
    if all(one.id != wanted for one in desk.moment.diagnosis.incidents) and not desk.view.has_ended_incidents:
        desk.change(has_ended_incidents=True)
    if desk.view.incident_filter:
        desk.change(incident_filter="")


def filter_(desk: Desk, _text: str) -> None:
    """Let the user type a filter."""
    desk.type_line("/", desk.view.incident_filter)


def ended(desk: Desk, _text: str) -> None:
    """Show or hide those that are over."""
    desk.change(has_ended_incidents=not desk.view.has_ended_incidents)


def sort_step(desk: Desk, text: str) -> None:
    """Sort by the column so many steps further; the round begins with no column at all."""
    INCIDENTS.step(desk, sort_keys(), int(text))


def sort(desk: Desk, text: str) -> None:
    """Sort by a column, downwards after a minus."""
    INCIDENTS.name(desk, sort_keys(), text, "the incidents")


def reverse(desk: Desk, _text: str) -> None:
    """Turn the order round."""
    INCIDENTS.reverse(desk)


VERBS: Mapping[str, Callable[[Desk, str], None]] = {
    "open_incidents": open_incidents,
    "incident_filter": filter_,
    "incident_ended": ended,
    "incident_sort_step": sort_step,
    "incident_sort": sort,
    "incident_reverse": reverse,
}
