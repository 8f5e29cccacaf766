"""Lines that are always there: the cluster's header, the event strip, the keys, and any few lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from app.domain.fleet import ClusterFacts
from app.domain.series import Event
from app.present.cells import Cell, Line, cells, fit_line, line, line_width, spread
from app.present.events import event_line, led_line, notable
from app.present.glyphs import UNICODE, Glyphs
from app.present.header import NO_INCIDENTS, Badge, header_line
from app.present.look import Look
from widgets.ink import Painted

Keys = tuple[tuple[str, str], ...]


class Ribbon(Painted):
    """A few lines as they are, cut to the width."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    def show(self, *lines: Line) -> None:
        """Show lines."""
        if lines != self._lines:
            self._lines = lines
            self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The lines, cut."""
        return tuple(fit_line(one, width) for one in self._lines[:height])


class ClusterHeader(Painted):
    """The cluster on one line."""

    DEFAULT_CSS = """
    ClusterHeader { height: 1; background: $header-background; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._shown: tuple[ClusterFacts, Look, Badge, tuple[Line, ...], tuple[Line, Line]] | None = None

    def show(
        self,
        facts: ClusterFacts,
        look: Look,
        badge: Badge,
        extra: tuple[Line, ...] = (),
        incidents: tuple[Line, Line] = NO_INCIDENTS,
    ) -> None:
        """Show the facts of another moment."""
        self._shown = (facts, look, badge, extra, incidents)
        self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The pieces that fit."""
        if self._shown is None:
            return ()
        facts, look, badge, extra, incidents = self._shown
        return (header_line(facts, look, width, badge, extra, incidents),)[:height]


class EventStrip(Painted):
    """The newest of what needs somebody, the gravest kept longest; above it what leads, if anything does."""

    class LeadChosen(Message):
        """Somebody clicked what leads."""

    class Chosen(Message):
        """Somebody clicked an event."""

        def __init__(self, strip: EventStrip, event: Event) -> None:
            super().__init__()
            self.strip = strip
            self.event = event

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._events: tuple[Event, ...] = ()
        self._look = Look(0.0)
        self._hint = ""
        self._quiet = ""
        self._lead: Line = ()

    def show(self, events: Sequence[Event], look: Look, hint: str = "", lead: Line = ()) -> None:
        """Show the most notable of some events, below `lead`; `hint` is the key that shows more."""
        self._events, self._look, self._hint, self._lead = tuple(events), look, hint, lead
        self.repaint()

    def explain(self, text: str) -> None:
        """Say something where there is no event."""
        if text != self._quiet:
            self._quiet = text
            self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """One event a line."""
        room = width - 2
        if self._lead:
            led = led_line(self._lead, self._hint, room, self._look)
            return (line(" ", led), *self._event_lines(room, height - 1, ""))
        if not self._events:
            return (line(" ", fit_line(cells(self._quiet, "quiet"), room)),) if self._quiet else ()
        return self._event_lines(room, height, self._hint)

    def _event_lines(self, room: int, height: int, hint: str) -> tuple[Line, ...]:
        hints = [hint, *[""] * height]
        chosen = zip(notable(self._events, height), hints, strict=False)
        return tuple(line(" ", event_line(event, self._look, room, hint)) for event, hint in chosen)

    def on_click(self, event: Click) -> None:
        """Tell what was clicked."""
        above = 1 if self._lead else 0
        if above and event.y == 0:
            self.post_message(self.LeadChosen())
            return
        chosen = notable(self._events, self.content_size.height - above)
        if 0 <= event.y - above < len(chosen):
            self.post_message(self.Chosen(self, chosen[event.y - above]))


class KeyBar(Painted):
    """Keys and what they do; a click presses one."""

    class Pressed(Message):
        """Somebody clicked a key."""

        def __init__(self, bar: KeyBar, key: str) -> None:
            super().__init__()
            self.bar = bar
            self.key = key

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._glyphs = glyphs
        self._keys: Keys = ()
        self._right: Keys = ()
        self._places: list[tuple[int, int, str]] = []

    def show(self, keys: Keys, right: Keys = ()) -> None:
        """Show keys at the left, and some at the right."""
        if (keys, right) != (self._keys, self._right):
            self._keys, self._right = keys, right
            self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """Keys that fit, whole ones only; those at the right give way last."""
        self._places = []
        right = self._joined(self._right, width - 2, 0)
        room = width - line_width(right) - (4 if right else 2)
        left = self._joined(self._keys, room, 1)
        if right:
            start = width - 1 - line_width(right)
            self._joined(self._right, width - 2, start)
        return (spread(line(" ", left), line(right, " "), width, cut=self._glyphs.more),)[:height]

    def _joined(self, keys: Keys, room: int, start: int) -> Line:
        """The keys that fit into `room`; remembers where each stands from column `start` on."""
        parts: list[Cell | str | Line] = []
        used = 0
        for key, label in keys:
            item = line("  " if parts else "", Cell(key, "accent"), Cell(f" {label}" if label else "", "quiet"))
            wide = line_width(item)
            if used + wide > room:
                break
            if start:
                self._places.append((start + used, start + used + wide, key))
            parts.append(item)
            used += wide
        return line(*parts)

    def on_click(self, event: Click) -> None:
        """Tell which key was clicked."""
        for left, right, key in self._places:
            if left <= event.x < right:
                self.post_message(self.Pressed(self, key))
                return
