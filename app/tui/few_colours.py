"""Sixteen colours: what the themes mean, told to a terminal that has no others.

The nearest of sixteen by distance makes red of amber and lets the chosen row vanish; here a colour keeps its hue, and a
coloured ground stays one.
"""

from __future__ import annotations

from colorsys import rgb_to_hls
from functools import lru_cache

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.filter import LineFilter

_HUES = ((20, 1), (75, 3), (165, 2), (200, 6), (250, 4), (335, 5), (360, 1))
"""Up to which degree a hue is red, yellow, green, cyan, blue, magenta, and red again."""
_GREYS = ((0.22, 0), (0.62, 8), (0.88, 7), (1.0, 15))
"""Up to which lightness a grey is black, dark, light, white."""
_GREY = 0.1
"""With less between its strongest and its weakest part a colour is a grey."""
_BRIGHT = 8


class FewColours(LineFilter):
    """Names each colour as one of the sixteen."""

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:  # noqa: ARG002 - Textual's
        """The segments in sixteen colours."""
        return [Segment(text, _few(style) if style is not None else None, control) for text, style, control in segments]


def has_few(console: Console) -> bool:
    """Whether a terminal has sixteen colours and no more."""
    return console._color_system is ColorSystem.STANDARD  # noqa: SLF001 - its public name is a word, None and all


@lru_cache(4096)
def _few(style: Style) -> Style:
    fore = None if style.color is None else _nearest(style.color, is_ground=False)
    back = None if style.bgcolor is None else _nearest(style.bgcolor, is_ground=True)
    return style + Style(color=fore, bgcolor=back)


def _nearest(colour: Color, *, is_ground: bool) -> Color:
    """The one of sixteen that means the same."""
    if colour.is_default or colour.triplet is None:
        return colour
    parts = colour.triplet.normalized
    hue, lightness, _ = rgb_to_hls(*parts)
    if max(parts) - min(parts) < _GREY:
        grey = next(number for most, number in _GREYS if lightness <= most)
        return Color.from_ansi(grey if is_ground else grey or _BRIGHT)  # black letters would vanish in the night
    number = next(number for most, number in _HUES if hue * 360 <= most)
    return Color.from_ansi(number if is_ground or lightness < 0.3 else number + _BRIGHT)
