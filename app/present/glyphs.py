"""Every sign the screen draws with, in Unicode and in plain ASCII, so that no picture depends on a font."""

from __future__ import annotations

from app.domain.frozen import frozen


@frozen
class Box:
    """A frame's corners and edges."""

    top_left: str
    top_right: str
    bottom_left: str
    bottom_right: str
    across: str
    down: str


@frozen
class Glyphs:
    """One set of signs; each is one column wide unless it says otherwise."""

    name: str
    bars: str
    """Nine heights, from nothing to full: sparklines and area charts."""
    gap: str
    """A span of time without a value."""
    fill: str
    """The full part of a horizontal bar."""
    rest: str
    """The empty part of a horizontal bar."""
    half: str
    """Upper half block: two cells of a heat map in one character; empty where there is none."""
    hatch: str
    """No data, in a heat map."""
    digits: str
    """What a heat cell says of its level where colour may not show: ten signs, or empty where colour does."""
    cursor: str
    """Over the cell under the cursor: two signs for a wide cell, then one for a narrow."""
    box: Box
    rule: str
    """Between groups on one line."""
    dot: str
    times: str
    live: str
    stale: str
    replay: str
    simulated: str
    critical: str
    warning: str
    info: str
    lost: str
    missing: str
    """In place of a value there is none of."""
    up: str
    down: str
    onward: str
    """Folded, and more is inside; or: it still lasts."""
    done: str
    """Over, and well."""
    more: str
    """A text was cut here."""
    axis: str
    tick: str
    limit: str
    mark: str
    braille: bool
    """Whether charts may be drawn with braille dots (2 × 4 a character)."""


UNICODE = Glyphs(
    name="unicode",
    bars=" ▁▂▃▄▅▆▇█",
    gap="·",
    fill="━",
    rest="─",
    half="▀",
    hatch="░",
    digits="",
    cursor="◀▶◆",
    box=Box("╭", "╮", "╰", "╯", "─", "│"),
    rule="│",
    dot="·",
    times="×",
    live="●",
    stale="◌",
    replay="◀",
    simulated="◆",
    critical="▲",
    warning="▲",
    info="•",
    lost="x",
    missing="—",
    up="▴",
    down="▾",
    onward="▸",
    done="✓",
    more="…",
    axis="│",
    tick="┤",
    limit="╌",
    mark="▼",
    braille=True,
)

ASCII = Glyphs(
    name="ascii",
    bars=" ._-=+*%#",
    gap=" ",
    fill="=",
    rest="-",
    half="",
    hatch="?",
    digits="0123456789",
    cursor="[]@",
    box=Box("+", "+", "+", "+", "-", "|"),
    rule="|",
    dot="-",
    times="x",
    live="*",
    stale="o",
    replay="<",
    simulated="#",
    critical="!",
    warning="!",
    info="i",
    lost="x",
    missing="-",
    up="^",
    down="v",
    onward=">",
    done="+",
    more="~",
    axis="|",
    tick="+",
    limit="-",
    mark="v",
    braille=False,
)
