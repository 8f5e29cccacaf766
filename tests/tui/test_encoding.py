"""Frames for a slow line show the same as Textual's own, in few of the bytes; checked on a terminal in memory."""

from __future__ import annotations

import random

import pyte
import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from app.tui.encoding import Canvas, Skills
from tests.tools.screen import RepeatingScreen, RepeatingStream

WIDTH, HEIGHT = 60, 8
ABLE = Skills(erases=True, repeats=True)
STYLES = [
    Style.parse(text)
    for text in (
        "#c8d0dc on #11151c",
        "bold #ffffff on #11151c",
        "dim #808890 on #11151c",
        "#c8d0dc on #2a2040",
        "reverse #c8d0dc on #11151c",
        "underline red on #11151c",
        "italic strike default on default",
    )
]
TEXTS = ("gpu-01/3", "      ", "─────────────", "97 %", "▇▇▇▅▂", "名前", "e\u0301tat", " " * 25, "x", "·" * 11)


def strip_of(chance: random.Random, width: int) -> Strip:
    """A random line of exactly so many cells."""
    segments: list[Segment] = []
    while sum(segment.cell_length for segment in segments) < width:
        segments.append(Segment(chance.choice(TEXTS), chance.choice(STYLES)))
    return Strip(segments).crop(0, width)


def own_sequence(x: int, y: int, strip: Strip) -> str:
    """What Textual itself would send."""
    parts = "".join(Strip.render_style(style, text, ColorSystem.TRUECOLOR) for text, style, _ in strip if style)
    return f"\x1b[{y + 1};{x + 1}H{parts}"


def terminal() -> tuple[pyte.Screen, RepeatingStream]:
    """A terminal in memory."""
    screen = RepeatingScreen(WIDTH, HEIGHT)
    return screen, RepeatingStream(screen)


def cells(screen: pyte.Screen) -> list[list[object]]:
    """What it shows; of a blank only what is seen of it."""
    found: list[list[object]] = []
    for y in range(HEIGHT):
        row: list[object] = []
        for x in range(WIDTH):
            one = screen.buffer[y][x]
            is_seen = one.data.strip() or one.reverse or one.underscore or one.strikethrough
            how = (one.fg, one.bold, one.italics, one.underscore, one.strikethrough, one.reverse)
            row.append((one.data, one.bg, how if is_seen else ()))
        found.append(row)
    return found


@pytest.mark.parametrize("skills", [Skills(), ABLE, Skills(erases=True), Skills(repeats=True)])
@pytest.mark.parametrize("seed", range(6))
def test_any_updates_show_what_textual_would(seed: int, skills: Skills) -> None:
    """After any pieces of lines in any order, every cell and its colours are as without the encoding."""
    chance = random.Random(seed)
    plain, plain_stream = terminal()
    lean, lean_stream = terminal()
    canvas = Canvas(skills, ColorSystem.TRUECOLOR)
    for step in range(60):
        width = WIDTH if step < HEIGHT else chance.randint(1, WIDTH)
        x, y = chance.randint(0, WIDTH - width), step % HEIGHT if step < HEIGHT else chance.randrange(HEIGHT)
        strip = strip_of(chance, width)
        plain_stream.feed(own_sequence(x, y, strip))
        lean_stream.feed(canvas.encode([(x, y, strip)], ColorSystem.TRUECOLOR))

        assert cells(plain) == cells(lean), (step, x, y, width)


def test_what_is_shown_already_is_not_sent() -> None:
    """The same line again costs nothing; one digit costs a few bytes."""
    canvas, style = Canvas(ABLE), STYLES[0]
    canvas.encode([(0, 0, Strip([Segment("gpu-01/3   97 %   612 W", style)]))])

    assert "" == canvas.encode([(0, 0, Strip([Segment("gpu-01/3   97 %   612 W", style)]))])
    assert 40 > len(canvas.encode([(0, 0, Strip([Segment("gpu-01/3   98 %   612 W", style)]))]))


def test_after_forgetting_everything_is_sent() -> None:
    """What another program may have written over is painted whole."""
    canvas, line = Canvas(ABLE), Strip([Segment("gpu-01/3", STYLES[0])])
    first = canvas.encode([(0, 0, line)])
    canvas.forget()

    assert first == canvas.encode([(0, 0, line)])


def test_a_ruler_costs_a_few_bytes() -> None:
    """A hundred times the same letter is said once, where the terminal can; letter by letter where it cannot."""
    ruler = Strip([Segment("─" * 100, STYLES[0])])

    assert 50 > len(Canvas(ABLE).encode([(0, 0, ruler)]).encode())
    assert 300 < len(Canvas(Skills()).encode([(0, 0, ruler)]).encode())


def test_colours_are_those_that_the_terminal_has() -> None:
    """To a terminal of sixteen colours none of the others is named, to any other none by its three parts."""
    line = Strip([Segment("x", Style.parse("#e05050 on #101010"))])

    assert "38;" not in Canvas(ABLE).encode([(0, 0, line)], ColorSystem.STANDARD)
    assert "38;5;" in Canvas(ABLE).encode([(0, 0, line)], ColorSystem.TRUECOLOR)


def test_the_pen_is_laid_down_after_each_frame() -> None:
    """What somebody else writes next is plain."""
    said = Canvas(ABLE).encode([(0, 0, Strip([Segment("x", STYLES[1])]))])

    assert said.endswith("\x1b[m")
