"""What an answer looked at, as folded lines: the tool, its time, what it brought; unfolded, arguments and result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.chat import Exchange, ToolUse
from app.present.cells import Cell, Line, Tone, cells, line, line_width, tidy
from app.present.chat_sight import ChatSight
from app.present.chat_stops import stop_key
from app.present.markdown_inline import Run
from app.present.markdown_wrap import Spot, Told, hung, wrapped
from app.present.units import format_age

RESULT_LINES = 60
"""Lines of a result that are shown; copying gives all of it."""
_RESULT_MOST = 60_000
_ARGUMENTS_MOST = 48


def look_lines(use: ToolUse, sight: ChatSight) -> Iterator[Told]:
    """One look, folded or not."""
    key = stop_key(sight.place, "t", use.number)
    is_open = key in sight.opened
    yield _head(use, key, sight, is_open=is_open)
    if is_open:
        yield from _inside(use, sight)


def reasoning_lines(exchange: Exchange, sight: ChatSight) -> Iterator[Told]:
    """What a model thought aloud, folded or not."""
    if not exchange.reasoning:
        return
    key = stop_key(sight.place, "r")
    is_open = key in sight.opened
    words = len(exchange.reasoning.split())
    is_thinking = exchange.state == "open" and not exchange.answer
    said = f"{'thinking' if is_thinking else 'thought'} {sight.glyphs.dot} {words:,} words"
    sign = sight.glyphs.down if is_open else sight.glyphs.onward
    head = line(Cell(f"{sign} ", "quiet"), Cell(said, "quiet"))
    yield Told(head, (Spot(0, line_width(head), key),))
    if is_open:
        for text in exchange.reasoning.splitlines():
            yield from hung((Run(tidy(text, 8000), "quiet"),), sight.width, "  ", "quiet")


def pretty(result: str) -> str:
    """A result as a person reads it: JSON indented, anything else as it is."""
    if len(result) > _RESULT_MOST:
        return result
    try:
        return json.dumps(json.loads(result), indent=1, ensure_ascii=False)
    except ValueError:
        return result


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """Arguments in short: values only, as in `metric_history gpu-01/3 util 30m`."""
    shown = [_plain(value) for value in arguments.values() if value not in (None, "", [], {})]
    return " ".join(dict.fromkeys(shown))


def _head(use: ToolUse, key: str, sight: ChatSight, *, is_open: bool) -> Told:
    glyphs = sight.glyphs
    is_running = not (use.result or use.error or use.took_s)
    sign = glyphs.lost if use.error else glyphs.down if is_open else glyphs.onward
    tone: Tone = "look" if use.error else "quiet"
    parts: list[Cell | str | Line] = [Cell(f"{sign} ", tone), Cell(f"[{use.number}] ", "quiet"), cells(use.tool)]
    short = tidy(arguments_text(use.arguments), _ARGUMENTS_MOST)
    if short:
        parts.append(Cell(f" {short}", "quiet"))
    if is_running:
        parts.append(Cell(f" {glyphs.more}", "info"))
    else:
        parts.append(Cell(f" {glyphs.dot} {format_took(use.took_s)}", "unit"))
        said = tidy(use.error or use.summary, 200)
        if said:
            parts += [Cell(f" {glyphs.dot} ", "unit"), Cell(said, "look" if use.error else "quiet")]
    head = line(*parts)
    return Told(head, (Spot(0, max(1, min(line_width(head), sight.width)), key),))


def _inside(use: ToolUse, sight: ChatSight) -> Iterator[Told]:
    for name, value in use.arguments.items():
        named = (Run(f"{tidy(name, 40)} ", "head"), Run(tidy(_plain(value), 2000)))
        yield from hung(named, sight.width, "  ", "quiet")
    if use.at:
        key = sight.keys.get("chat.time", "t")
        runs = (Run("as of ", "head"), Run(sight.look.clock(use.at)), Run(f"  {key} shows the screen then", "quiet"))
        yield from hung(runs, sight.width, "  ", "quiet")
    if use.error:
        yield from hung((Run(tidy(use.error, 2000), "look"),), sight.width, "  ", "quiet")
        return
    lines = pretty(use.result).splitlines()
    for text in lines[:RESULT_LINES]:
        shown = tidy(text, 4000)
        indent = len(shown) - len(shown.lstrip(" "))
        yield from _result_line(shown, min(indent, 12), sight)
    if len(lines) > RESULT_LINES:
        key = sight.keys.get("chat.copy", "c")
        yield Told((Cell(f"  {sight.glyphs.more} {len(lines) - RESULT_LINES} more lines; {key} copies all", "quiet"),))


def _result_line(text: str, indent: int, sight: ChatSight) -> Iterator[Told]:
    lead = "  " + " " * indent
    yield from hung((Run(text.strip() or " ", "curve"),), sight.width, lead, "quiet")


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def format_took(seconds: float) -> str:
    """`42 ms`, `1.8 s`, `2 min`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.995 else format_age(seconds)


def prose(text: str, sight: ChatSight, tone: Tone = "plain") -> tuple[Told, ...]:
    """A paragraph of outside text that is no markdown."""
    return wrapped((Run(tidy(text, 8000), tone),), sight.width)
