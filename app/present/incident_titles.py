"""Incidents in one line, for places that are about something else, and what stands where there is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.diagnosis import Diagnosis, Incident
from app.present.cells import Cell, Line, cells, line, tidy
from app.present.incident_signs import counts, named, severity_cell
from app.present.look import Look
from app.present.units import format_age

if TYPE_CHECKING:  # before anything is found nobody pays for its classes
    from app.domain.finding import Finding

_OLD_S = 30.0
"""A diagnosis that nobody renewed for so long says how old it is."""


def trouble_piece(diagnosis: Diagnosis, look: Look) -> tuple[Line, Line]:
    """`▲ 1  ▲ 2 incidents` for the header, in full and short; nothing where none is open."""
    critical, warning = counts(diagnosis)
    parts: list[Cell | str | Line] = []
    if critical:
        parts.append(Cell(f"{look.glyphs.critical} {critical}", "bad"))
    if warning:
        parts.append(Cell(f"{'  ' if parts else ''}{look.glyphs.warning} {warning}", "look"))
    if not parts:
        return (), ()
    return line(*parts, Cell(" incident" if critical + warning == 1 else " incidents", "quiet")), line(*parts)


def lead_line(incident: Incident, root: Finding | None, look: Look) -> Line:
    """`▲ 14:32:08 i-17 GPU gpu-01/5: fell off the bus · job 812 (ana) · drain gpu-01?`: what, whom, what to do."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    first = next((one for one in root.actions if one.text), None) if root is not None else None
    parts: list[Cell | str | Line] = [
        severity_cell(incident.severity, look), " ", Cell(look.clock(incident.began), "quiet"), " ",
        cells(incident.id, "quiet"), " ", cells(incident.title),
    ]  # fmt: skip
    jobs = incident.affects.jobs
    if jobs:
        users = f" ({named(incident.users, 2)})" if incident.users else ""
        parts += [dot, cells(f"{'job' if len(jobs) == 1 else 'jobs'} {named(jobs, 2)}{users}", "quiet")]
    if first is not None:
        parts += [dot, cells(f"{tidy(first.text, 80)}?", "quiet")]
    return line(*parts)


def touch_line(incident: Incident, look: Look) -> Line:
    """`▲ 14:32:08 i-17 GPU gpu-01/5: fell off the bus`, for a page of something that it touches."""
    return line(
        severity_cell(incident.severity, look), " ", Cell(look.clock(incident.began), "quiet"), " ",
        cells(incident.id, "quiet"), " ", cells(incident.title),
    )  # fmt: skip


def why_no_incident(diagnosis: Diagnosis, *, is_past: bool, hidden: int, key: str) -> tuple[str, str]:
    """What an empty list says, and the key that changes it; `hidden` are those that are over, shown by `key`."""
    hint = f"{key} shows {hidden} that {'is' if hidden == 1 else 'are'} over" if hidden else ""
    if not diagnosis.at:
        if is_past:
            return "What was wrong at that moment is not known: nothing was kept that tells", ""
        return "Nothing was looked at yet", "8 shows the sources and how each answers"
    blind = len(diagnosis.blind)
    unseen = f"; {blind} thing{'s' if blind != 1 else ''} could not be looked at" if blind else ""
    return f"Nothing {'was' if is_past else 'is'} wrong that I can see{unseen}", hint


def age_line(diagnosis: Diagnosis, look: Look) -> Line:
    """How old the diagnosis is, where that is too old; nothing while it is fresh."""
    age = look.now - diagnosis.at
    return (Cell(f"looked {format_age(age)} ago  ", "old"),) if diagnosis.at and age > _OLD_S else ()
