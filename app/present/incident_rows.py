"""Incidents as rows of a table: how grave, for how long, what, and whom they hit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from app.domain.diagnosis import Incident
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, cells, line
from app.present.incident_filter import EVERY_INCIDENT, Ground, IncidentFilter
from app.present.incident_signs import TONES, named, severity_cell
from app.present.incident_told import Told
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age, format_count, format_money

INCIDENT_COLUMNS = (
    Column("severity", "", 1, sortable=False),
    Column("age", "for", 7, "right"),
    Column("title", "incident", 40, grow=1),
    Column("jobs", "jobs", 12, drop=2),
    Column("users", "users", 8, drop=4),
    Column("gpus", "GPUs", 4, "right", drop=1),
    Column("cost", "cost", 10, "right", drop=3),
    Column("id", "id", 5, drop=5, sortable=False),
)


@frozen
class IncidentOrder:
    """Which incidents are shown, and in which order."""

    wanted: IncidentFilter = EVERY_INCIDENT
    sort: str = ""
    """Key of a column; empty: the gravest first, as the diagnosis has them."""
    is_descending: bool = False
    has_ended: bool = False
    """Those of the last day that are over are shown as well, below the others."""


_SORTS: Mapping[str, Callable[[Incident], float | str]] = {
    "age": lambda one: -one.began,
    "title": lambda one: one.title.casefold(),
    "jobs": lambda one: len(one.affects.jobs),
    "users": lambda one: " ".join(one.users),
    "gpus": lambda one: one.affects.gpus,
    "cost": lambda one: one.affects.cost_per_hour or 0.0,
}


def sort_keys() -> tuple[str, ...]:
    """Columns that incidents can be sorted by."""
    return tuple(_SORTS)


def chosen_incidents(told: Told, order: IncidentOrder, now: float) -> tuple[Incident, ...]:
    """The incidents to show, in order."""
    ground = Ground(told, now)
    diagnosis = told.diagnosis
    groups = (diagnosis.incidents, diagnosis.ended if order.has_ended else ())
    return tuple(one for group in groups for one in _sorted(group, order) if order.wanted.keeps(one, ground))


def _sorted(incidents: Iterable[Incident], order: IncidentOrder) -> Sequence[Incident]:
    key = _SORTS.get(order.sort)
    found = sorted(incidents, key=key) if key is not None else list(incidents)
    return found[::-1] if order.is_descending else found


def incident_rows(incidents: Sequence[Incident], look: Look) -> Rows:
    """Rows for INCIDENT_COLUMNS; the key of a row is the incident's id."""
    return Rows([one.id for one in incidents], lambda at: _row(incidents[at], look))


def _row(one: Incident, look: Look) -> Row:
    is_over = one.ended is not None
    lasted = max(0.0, (look.now if one.ended is None else one.ended) - one.began)
    affects = one.affects
    cost = affects.cost_per_hour
    title: Tone = "old" if is_over else "quiet" if one.severity == "info" else "plain"
    ended = Cell(f"ended {look.clock(one.ended, seconds=False)}  ", "old") if one.ended is not None else ""
    shown: tuple[Line, ...] = (
        (Cell(look.glyphs.dot, "old") if is_over else severity_cell(one.severity, look),),
        (Cell(format_age(lasted), "quiet"),),
        line(ended, cells(one.title, title)),
        cells(named(affects.jobs), title),
        cells(named(one.users), title),
        (Cell(format_count(affects.gpus), title) if affects.gpus else Cell(MISSING, "old"),),
        (Cell(format_money(cost), "old" if is_over or cost is None else title),),
        cells(one.id, "old" if is_over else "quiet"),
    )
    return Row(one.id, shown)


def counts_line(told: Told, look: Look, *, has_ended: bool) -> Line:
    """`▲ 1  ▲ 2  • 1 · 3 over`: how many there are of each kind, at the right of the list's frame."""
    parts: list[Cell | str | Line] = []
    for severity in ("critical", "warning", "info"):
        count = sum(one.severity == severity for one in told.diagnosis.incidents)
        if count:
            parts += ["  " if parts else "", severity_cell(severity, look), Cell(f" {count}", TONES[severity])]
    over = len(told.diagnosis.ended)
    if over and not has_ended:
        parts.append(Cell(f"{'  ' if parts else ''}{over} over", "quiet"))
    return line(*parts)
