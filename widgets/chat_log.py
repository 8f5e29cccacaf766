"""A text that grows at its end: it follows the end unless somebody looks further up, and its keys stop at places.

It scrolls by itself and not by Textual's containers: growing by a line would lay the whole screen out again. It is
shown parts of lines, and paints the lines on screen that differ from those before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from app.present.cells import Cell, Line, fit_line, text_width
from app.present.glyphs import UNICODE, Glyphs
from app.present.markdown_wrap import Spot, Told
from widgets.ink import Painted

Parts = Sequence[Sequence[Told]]
_WHEEL = 3
_STRIDE = 4
"""Lines by which a text that grows moves at a time."""
_LOUD_MOST = 24
"""Columns of a place in the cursor's colours; a longer one has the colours of a chosen row."""


class ChatLog(Painted, can_focus=True):
    """Lines with places."""

    DEFAULT_CSS = """
    ChatLog { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_by(-1)", "up", show=False, id="talk.up"),
        Binding("down", "scroll_by(1)", "down", show=False, id="talk.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="talk.pageup"),
        Binding("pagedown", "page(1)", "page down", show=False, id="talk.pagedown"),
        Binding("home", "top", "first", show=False, id="talk.home"),
        Binding("end", "end", "last", show=False, id="talk.end"),
        Binding("tab", "stop(1)", "next place", show=False, id="talk.next"),
        Binding("shift+tab", "stop(-1)", "place before", show=False, id="talk.before"),
        Binding("enter", "choose", "open", show=False, id="talk.choose"),
        Binding("space", "choose", "open", show=False, id="talk.unfold"),
    ]

    class Stopped(Message):
        """The keys stopped at another place; an empty key: at none."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Chosen(Message):
        """Enter at a place, or a click on it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Left(Message):
        """Tab went past the last place (1) or the first (-1)."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    class EarlierRequested(Message):
        """Page up, where nothing stands further up."""

    def __init__(self, *, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._glyphs = glyphs
        self._parts: Parts = ()
        self._count = 0
        self._top = 0
        self._is_following = True
        self._is_growing = False
        self._stop = ""

    @property
    def text_width(self) -> int:
        """Columns for text; the last one is the bar's, the one before it empty. 0 before the first layout."""
        return max(0, self.content_size.width - 2)

    @property
    def stop(self) -> str:
        """The key of the place where the keys have stopped; empty: none."""
        return self._stop

    @property
    def is_following(self) -> bool:
        """Whether the end is in sight, and stays in sight as the text grows."""
        return self._is_following

    def show(self, parts: Parts, *, is_growing: bool = False) -> None:
        """Show lines; the end stays in sight where it was, and while they grow it keeps some room below itself."""
        self._parts = parts
        self._is_growing = is_growing
        self._count = sum(len(part) for part in parts)
        self._top = self._end_top() if self._is_following else min(self._top, self._last_top)
        self.repaint()

    def follow(self) -> None:
        """Go to the end, and stay there."""
        self._is_following = True
        self._go(self._last_top)

    def stop_at(self, key: str, *, reveal: bool = True) -> None:
        """Stop at a place, and bring it into sight."""
        if key != self._stop:
            self._stop = key
            self.post_message(self.Stopped(key))
        if key and reveal:
            self._reveal(key)
        self.repaint()

    def shows_end(self, key: str) -> bool:
        """Whether the last line of a place is in sight."""
        place = self._place_of(key)
        return place is not None and place[1] < self._top + self.content_size.height

    def stops(self) -> tuple[str, ...]:
        """Every place, from the top."""
        return tuple(dict.fromkeys(spot.key for told in self._lines() for spot in told.spots))

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The lines in sight, with the bar at the right."""
        if self._is_following:
            self._top = self._end_top()
        shown = [self._highlit(told) for told in self._slice(self._top, self._top + height)]
        shown += [()] * (height - len(shown))
        bar = self._bar(height)
        return tuple((*fit_line(line, width - 2), Cell(" "), bar[y]) for y, line in enumerate(shown))

    # ── where ──

    @property
    def _last_top(self) -> int:
        return max(0, self._count - max(1, self.content_size.height))

    def _end_top(self) -> int:
        """The first line of the end. While lines come, it moves some lines at a time: moving sends the whole text."""
        last = self._last_top
        if not self._is_growing or not last:
            return last
        height = max(1, self.content_size.height)
        room = min(_STRIDE, height // 4)
        return self._top if last <= self._top <= last + room else last + room

    def _lines(self) -> Iterator[Told]:
        for part in self._parts:
            yield from part

    def _slice(self, first: int, last: int) -> Iterator[Told]:
        at = 0
        for part in self._parts:
            if at < last and at + len(part) > first:
                yield from part[max(0, first - at) : last - at]
            at += len(part)

    def _bar(self, height: int) -> list[Cell]:
        """The scroll bar, where there is more than fits."""
        if self._count <= height:
            return [Cell(" ")] * height
        size = max(1, height * height // self._count)
        span = self._count - height
        start = (height - size) * min(self._top, span) // span
        thumb = Cell(self._glyphs.box.down if self._glyphs.name == "ascii" else "┃", "quiet")
        return [thumb if start <= y < start + size else Cell(" ") for y in range(height)]

    def _highlit(self, told: Told) -> Line:
        """A line with the place turned round where the keys have stopped."""
        if not self._stop or not self.has_focus:
            return told.line
        for spot in told.spots:
            if spot.key == self._stop:
                return _over(told.line, spot)
        return told.line

    def _place_of(self, key: str) -> tuple[int, int] | None:
        """First and last line of a place."""
        found = [at for at, told in enumerate(self._lines()) if any(spot.key == key for spot in told.spots)]
        return (found[0], found[-1]) if found else None

    def _reveal(self, key: str) -> None:
        """Bring a place into sight, with some lines around it; of one that does not fit, its beginning."""
        place, height = self._place_of(key), max(1, self.content_size.height)
        if place is None:
            return
        room = min(3, height // 4)
        if place[1] - place[0] >= height:
            self._go(place[0])
        elif place[0] <= self._top:
            self._go(place[0] - room)
        elif place[1] >= self._top + height - 1:
            self._go(place[1] - height + 1 + room)

    def _go(self, top: int) -> None:
        self._top = min(max(0, top), self._last_top)
        self._is_following = self._top >= self._last_top
        self.repaint()

    # ── keys ──

    def action_scroll_by(self, lines: int) -> None:
        self._go(self._top + lines)

    def action_page(self, direction: int) -> None:
        """A page up or down; at the top, ask for what came earlier."""
        if direction < 0 and not self._top:
            self.post_message(self.EarlierRequested())
        self._go(self._top + direction * max(1, self.content_size.height - 2))

    def action_top(self) -> None:
        self._go(0)

    def action_end(self) -> None:
        self.follow()

    def action_stop(self, direction: int) -> None:
        """To the next place, or the one before; past the last one the keys go elsewhere."""
        if not self.step(direction):
            self.stop_at("")
            self.post_message(self.Left(direction))

    def step(self, direction: int, among: Sequence[str] | None = None) -> bool:
        """To the next place of some, or the one before; False where there is none."""
        stops = self.stops() if among is None else among
        every = stops if among is None else self.stops()
        here = every.index(self._stop) if self._stop in every else None
        if here is None:
            wanted = stops[0 if direction > 0 else -1] if stops else ""
        else:
            ahead = every[here + 1 :] if direction > 0 else every[:here][::-1]
            wanted = next((one for one in ahead if one in stops), "")
        if wanted:
            self.stop_at(wanted)
        return bool(wanted)

    def action_choose(self) -> None:
        """Open what the keys have stopped at."""
        if self._stop:
            self.post_message(self.Chosen(self._stop))

    def on_focus(self) -> None:
        self.repaint()

    def on_blur(self) -> None:
        self.repaint()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._go(self._top - _WHEEL)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._go(self._top + _WHEEL)

    def on_click(self, event: Click) -> None:
        """A click stops at a place; what a click must not do, no click does: a proposal waits for its key."""
        told = next(self._slice(self._top + event.y, self._top + event.y + 1), None)
        for spot in told.spots if told is not None else ():
            if spot.start <= event.x < spot.end:
                self.stop_at(spot.key, reveal=False)
                self.post_message(self.Chosen(spot.key))
                return


def _over(line: Line, spot: Spot) -> Line:
    """The line with the columns of a spot in the cursor's colours."""
    cells: list[Cell] = []
    at = 0
    for cell in line:
        end = at + text_width(cell.text)
        if end <= spot.start or at >= spot.end:
            cells.append(cell)
        else:
            cells += _parts(cell, at, spot)
        at = end
    return tuple(cells)


def _parts(cell: Cell, at: int, spot: Spot) -> Iterator[Cell]:
    """A cell, the columns inside the spot in the cursor's colours; a wide character is not cut."""
    before, inside, after = "", "", ""
    for char in cell.text:
        if at < spot.start:
            before += char
        elif at < spot.end:
            inside += char
        else:
            after += char
        at += text_width(char)
    if before:
        yield cell._replace(text=before)
    if inside and spot.end - spot.start > _LOUD_MOST:
        yield Cell(inside, cell.tone, "chosen")
    elif inside:
        yield Cell(inside, "cursor", "cursor")
    if after:
        yield cell._replace(text=after)
