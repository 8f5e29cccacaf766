"""The line that tells a page of one GPU, node or job which incident touches it; without any it takes no room."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.diagnosis import Incident
from app.present.cells import Cell, Line, line, spread
from app.present.incident_titles import touch_line
from app.present.look import Look
from app.tui.actions import key_of
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from widgets.ribbon import Ribbon


class IncidentLine(Ribbon):
    """One line, or none."""

    DEFAULT_CSS = """
    IncidentLine { height: 1; display: none; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(id="incident")
        self._desk = desk
        self._first: Incident | None = None

    def tell(self, incidents: Sequence[Incident], look: Look) -> None:
        """Show the first of these, the nearest and gravest; hide where there is none."""
        self._first = next(iter(incidents), None)
        if self.display != bool(incidents):
            self.display = bool(incidents)
        if self._first is not None:
            key = key_of("incident.open", self._desk.keymap)
            hint = f"+{len(incidents) - 1} more  {key} details" if len(incidents) > 1 else f"{key} details"
            self.show(touch_line(self._first, look), (Cell(hint, "quiet"),))

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The incident, and at the right the key that leads there."""
        told, hint = self._lines or ((), ())
        return (line(" ", spread(told, hint, width - 2, cut=self._desk.glyphs.more)),)[:height]

    def follow(self) -> None:
        """Open the incident shown. Raises RefusedError where none is."""
        if self._first is None:
            raise RefusedError("no incident touches this")
        from app.tui import deeds  # noqa: PLC0415 - needed only once somebody goes there

        deeds.run_verb(self._desk, "open_incidents", self._first.id)
