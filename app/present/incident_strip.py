"""The timeline strip of an incident: when each finding began and how long it lasted, on one time axis. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.domain.diagnosis import Incident
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, fit, fit_line, line, tidy
from app.present.incident_signs import severity_cell
from app.present.look import Look
from app.present.time_axis import axis_labels
from app.present.units import format_age

SHORTEST_S = 60.0
"""The axis spans at least so much: seconds drawn over a whole screen would look like an age."""
_AGE = 8
_LABEL_LEAST, _LABEL_MOST = 12, 44
_STRIP_LEAST = 8
_MARGIN = 0.04


@frozen
class Axis:
    """The span of time that all rows share, and the columns of each."""

    start: float
    end: float
    label: int
    strip: int

    def column(self, at: float) -> int:
        """The column of a moment, within the strip."""
        share = (at - self.start) / (self.end - self.start)
        return max(0, min(self.strip - 1, int(share * self.strip)))


def axis_of(findings: Sequence[Finding], until: float, width: int) -> Axis | None:
    """The axis for findings up to a moment; None where there is no room, or no sense in their times."""
    times = [one.first_seen for one in findings if math.isfinite(one.first_seen)]
    label = max(_LABEL_LEAST, min(_LABEL_MOST, width * 9 // 20))
    strip = width - label - _AGE - 5
    if not times or strip < _STRIP_LEAST or not math.isfinite(until):
        return None
    end = max(until, *times)
    span = max(SHORTEST_S, (end - min(times)) / (1 - _MARGIN))
    return Axis(end - span, end, label, strip)


def strip_row(one: Finding, axis: Axis, until: float, look: Look, *, lasts: bool) -> Line:
    """`▲ gpu-01/5 fell off the bus   ━━━━━▸  41 s`."""
    sign = severity_cell(one.severity, look)
    first = axis.column(one.first_seen)
    last = axis.strip - 1 if lasts else max(first, axis.column(one.last_seen))
    bar = look.glyphs.fill * (last - first + 1)
    if lasts:
        bar = bar[:-1] + look.glyphs.onward
    lasted = max(0.0, (until if lasts else one.last_seen) - one.first_seen)
    age = format_age(lasted) if lasted >= 1 else "at once"
    return line(
        sign if lasts else sign._replace(tone="old"),
        " ",
        fit_line((Cell(short_title(one), "plain" if one.root else "quiet"),), axis.label, cut=look.glyphs.more),
        "  ",
        Cell(" " * first),
        Cell(bar, "curve" if lasts else "old"),
        Cell(" " * (axis.strip - 1 - last)),
        Cell(fit(age, _AGE + 1, "right"), "quiet" if lasts else "old"),
    )


def axis_line(axis: Axis, look: Look) -> Line:
    """The moments under the strip."""
    return line(" " * (axis.label + 4), Cell(axis_labels(axis.start, axis.end, axis.strip, look), "head"))


def short_title(one: Finding) -> str:
    """Whom it is about and what it is, without saying the one twice: `gpu-01/5 fell off the bus`."""
    # A model server is named by its source and its model; the source tells which one it is.
    subject = tidy(str(one.subject).partition("#")[0], 60)
    head, colon, rest = one.title.partition(": ")
    said = rest if colon and rest and len(head) < 80 else one.title
    return tidy(f"{subject} {said}", 200)


def until_of(incident: Incident, at: float) -> float:
    """Where the strip ends: when it was over, else the moment of the diagnosis."""
    return at if incident.ended is None else incident.ended
