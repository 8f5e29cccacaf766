"""Ink: how tones become colours. The one place of the widget set that turns lines into Textual's strips.

Colours are read from the theme's variables (`app.present.palettes.VARIABLES`), once for each theme and background, not
from component classes: twenty tones in every widget would cost twenty style look-ups a widget at every change of focus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.color import Color
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from app.present.cells import Cell, Line, Tone, fit_line, line_width, text_width
from app.present.palettes import STYLED, default_variables
from widgets.painting import sends_parts

_DARK_TEXT, _LIGHT_TEXT = Color(14, 16, 20), Color(244, 246, 250)
_STRIPS_KEPT = 256
"""A strip of a large heat map takes some ten kilobytes; a screen has some fifty lines."""
_CELLS_KEPT = 4096
_PARTS_MOST = 12
"""Parts of a line that are sent apart; each costs a jump of the cursor, and a line has some twenty colours."""


class Ink:
    """The styles of one theme on one background, and the strips painted with them."""

    def __init__(
        self,
        variables: Mapping[str, str],
        text: Color,
        background: Color,
        *,
        is_focused: bool,
        is_colourless: bool = False,
    ) -> None:
        self._is_colourless = is_colourless
        self._variables = variables
        self._text = text
        self._background = background
        self.is_true_colour = text.ansi is None and background.ansi is None
        self._row = variables["row-selected" if is_focused else "row-selected-blurred"]
        self._styles: dict[tuple[Tone, Tone | None, bool], Style] = {}
        self._strips: LRUCache[tuple[Line, int], Strip] = LRUCache(_STRIPS_KEPT)
        self._painted: dict[Cell, tuple[Style, Segment]] = {}
        """Cells and what they became: the thousands of a heat map are of a few hundred kinds."""

    def strip(self, line: Line, width: int) -> Strip:
        """Paint a line over exactly `width` columns."""
        key = (line, width)
        known = self._strips.get(key)
        if known is not None:
            return known
        fitted = line if line_width(line) == width else fit_line(line, width)
        painted = Strip(self._segments(fitted), width)
        self._strips[key] = painted
        return painted

    def _segments(self, line: Line) -> list[Segment]:
        """The line's cells, neighbours in one segment where they can share a style."""
        known, segments = self._painted, []
        now: tuple[Style, Segment] | None = None
        for cell in line:
            next_one = known.get(cell) or self._paint(cell)
            if now is None:
                now = next_one
                continue
            both = _joined(now[0], next_one[0])
            if both is None:
                segments.append(now[1])
                now = next_one
            else:
                now = both, Segment(now[1].text + cell.text, both)
        if now is not None:
            segments.append(now[1])
        return segments

    def _paint(self, cell: Cell) -> tuple[Style, Segment]:
        if len(self._painted) >= _CELLS_KEPT:
            self._painted.clear()
        style = self._style(cell)
        self._painted[cell] = style, Segment(cell.text, style)
        return self._painted[cell]

    def _style(self, cell: Cell) -> Style:
        # Spaces need no foreground: on a slow line every colour left out counts.
        is_blank = cell.text.isspace()
        key = ("plain" if is_blank else cell.tone, cell.back, is_blank)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._make(*key)
        return style

    def _make(self, tone: Tone, back: Tone | None, is_blank: bool) -> Style:
        style = self._coloured(tone, back, is_blank)
        # Where no colour may reach the terminal, a ground is told by turning it round; levels of use have their digits.
        if self._is_colourless and back is not None and not back.startswith("level"):
            style += Style(reverse=True)
        return style

    def _coloured(self, tone: Tone, back: Tone | None, is_blank: bool) -> Style:
        ground = self._background if back is None else self._ground(back)
        if is_blank:
            return Style(bgcolor=ground.rich_color)
        weight = Style.parse(self._variables[f"tone-{tone}-style"]) if tone in STYLED else Style()
        return weight + Style(color=self._front(tone, back, ground).rich_color, bgcolor=ground.rich_color)

    def _ground(self, back: Tone) -> Color:
        if back == "chosen":
            return Color.parse(self._row)
        if back == "cursor":
            return Color.parse(self._variables["cursor-background"])
        return self._colour(back)

    def _front(self, tone: Tone, back: Tone | None, ground: Color) -> Color:
        if tone == "cursor":
            return Color.parse(self._variables["cursor-foreground"])
        if tone == "plain" and back not in {None, "chosen"}:
            return _DARK_TEXT if ground.brightness > 0.48 else _LIGHT_TEXT
        return self._colour(tone)

    def _colour(self, tone: Tone) -> Color:
        if tone == "plain":
            return self._text
        name = tone.replace("level", "level-") if tone.startswith("level") else f"tone-{tone}"
        return Color.parse(self._variables[name])


def _joined(before: Style, after: Style) -> Style | None:
    """The one style of two neighbours, where spaces can do without their own; None where each needs its own.

    A change of style costs forty bytes on the wire, a space in another colour nothing.
    """
    if before is after:
        return before
    if before.bgcolor != after.bgcolor:
        return None
    if after.color is None and not (before.underline or before.reverse):
        return before
    if before.color is None and not (after.underline or after.reverse):
        return after
    return None


class Inked(Widget, inherit_css=False, inherit_bindings=False):
    """A widget that paints lines of cells; its ink lasts until its style changes."""

    _ink: Ink | None = None

    @property
    def ink(self) -> Ink:
        """The ink for the present theme, background and focus."""
        if self._ink is None:
            variables = self.app.theme_variables
            if "tone-quiet" not in variables:
                variables = {**default_variables(dark=self.app.current_theme.dark), **variables}
            _, _, background, text = self.colors
            self._ink = Ink(
                variables,
                background + text,
                background,
                is_focused=self.has_focus,
                is_colourless=self.app.no_color,
            )
        return self._ink

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The app's filters, less the one that turns the terminal's own colours into true ones: ink has none of them.

        It would look at every segment of every changed line, a fifth of what painting a large heat map costs.
        """
        filters = super().get_line_filters()
        if not self.ink.is_true_colour:
            return filters
        return [one for one in filters if not isinstance(one, ANSIToTruecolor)]

    def notify_style_update(self) -> None:
        """Forget the colours: the theme, the background or the focus changed."""
        super().notify_style_update()
        self._ink = None


class Painted(Inked):
    """A widget whose whole content is a few lines made from what it was last shown."""

    DEFAULT_CSS = """
    Painted { width: 1fr; height: 1; }
    """

    _drawn: tuple[Line, ...] | None = None

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The lines for a size; short ones are padded, missing ones blank."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Make the lines anew and refresh those that differ."""
        size = self.content_size
        if not self.is_mounted or not size:
            self._drawn = None
            return
        before, self._drawn = self._drawn, self.make_lines(size.width, size.height)
        refresh_changed(self, before, self._drawn, size)

    def on_resize(self) -> None:
        """The lines were made for another width."""
        self._drawn = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        if self._drawn is None:
            self._drawn = self.make_lines(self.content_size.width, self.content_size.height)
        of = self._drawn[y] if y < len(self._drawn) else ()
        return self.ink.strip(of, self.content_size.width)


def refresh_changed(widget: Widget, before: tuple[Line, ...] | None, after: tuple[Line, ...], size: Size) -> None:
    """Refresh the lines that differ, and of a line what differs; everything where the number of lines differs.

    Compare first: Textual sends what is dirty even when its text is the same.
    """
    if before is None or len(before) != len(after):
        widget.refresh()
        return
    changed = [y for y, line in enumerate(after) if line is not before[y] and line != before[y]]
    if not changed:
        return
    if sends_parts(widget):
        parts = ((y, span) for y in changed for span in changed_columns(before[y], after[y]) or ((0, size.width),))
        widget.refresh(*(Region(left, y, right - left, 1) for y, (left, right) in parts))
    else:
        widget.refresh(*(Region(0, start, size.width, count) for start, count in _spans(changed)))


def changed_columns(before: Line, after: Line) -> list[tuple[int, int]]:
    """The columns in which two lines differ, as (first, behind the last), from cell to cell of equal width.

    None where their cells are not the same ones, or so many changed that sending the whole line costs no more.
    """
    if len(before) != len(after):
        return []
    spans: list[tuple[int, int]] = []
    at = 0
    for was, now in zip(before, after, strict=True):
        end = at + text_width(now.text)
        if was != now:
            if text_width(was.text) != end - at:
                return []
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((at, end))
        at = end
    return spans if len(spans) <= _PARTS_MOST else []


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers as (first, how many)."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][0] + spans[-1][1] == number:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((number, 1))
    return spans
