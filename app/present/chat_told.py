"""One question with its answer as lines: what was asked, looked at, answered, proposed, not seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.chat import Chip, Exchange, Mark
from app.present.cells import Cell, Line, Tone, fit_line, line, line_width, tidy
from app.present.chat_card import card_lines
from app.present.chat_looks import look_lines, reasoning_lines
from app.present.chat_sight import ChatSight
from app.present.chat_stops import stop_key
from app.present.look import Look
from app.present.markdown_growing import Growing
from app.present.markdown_inline import Run, Sign
from app.present.markdown_wrap import BLANK, Sheet, Spot, Told, hung, wrapped

_TONES: dict[str, Tone] = {"citation": "info", "unsupported": "look"}


def exchange_parts(exchange: Exchange, sight: ChatSight, growing: Growing) -> tuple[Sequence[Told], ...]:
    """The lines of an exchange in parts: what stands above the answer, the answer, what stands below it."""
    head = tuple(head_lines(exchange, sight))
    growing.show(exchange.answer, sheet_of(exchange, sight), is_growing=exchange.state == "open")
    gap = (BLANK,) if exchange.answer and (exchange.tools or exchange.reasoning) else ()
    return head, gap, growing.settled, growing.last, tuple(foot_lines(exchange, sight))


def sheet_of(exchange: Exchange, sight: ChatSight) -> Sheet:
    """What an answer is laid out on, with its marks."""
    signs = tuple(
        Sign(
            mark.start,
            mark.end,
            _TONES.get(mark.kind, "accent"),
            stop_key(sight.place, "m", number),
            _before(mark, sight),
        )
        for number, mark in enumerate(exchange.marks)
    )
    return Sheet(sight.width, sight.glyphs, signs, f"{sight.place}/")


def _before(mark: Mark, sight: ChatSight) -> str:
    return sight.glyphs.warning if mark.kind == "unsupported" else ""


def head_lines(exchange: Exchange, sight: ChatSight) -> Iterator[Told]:
    """The question, and what was looked at for it."""
    key = stop_key(sight.place, "q")
    asked = hung([Run(one, "strong") for one in _question(exchange)], sight.width, "> ", "accent")
    yield Told(asked[0].line, (*asked[0].spots, Spot(0, 1, key)))
    yield from asked[1:]
    if exchange.chips:
        said = f" {sight.glyphs.dot} ".join(chip_text(one, sight.look) for one in exchange.chips)
        yield from hung((Run(said, "quiet"),), sight.width, "  ", "quiet")
    yield BLANK
    yield from reasoning_lines(exchange, sight)
    for use in exchange.tools:
        yield from look_lines(use, sight)
    if exchange.state == "open" and not (exchange.answer or exchange.reasoning or exchange.tools):
        yield Told((Cell(sight.glyphs.more, "info"),))


def _question(exchange: Exchange) -> Iterator[str]:
    lines = exchange.question.split("\n")
    for number, text in enumerate(lines):
        yield tidy(text, 8000) + ("\n" if number + 1 < len(lines) else "")


def foot_lines(exchange: Exchange, sight: ChatSight) -> Iterator[Told]:
    """What stands below an answer: proposals, what could not be seen, what went wrong."""
    for number in range(len(exchange.proposals)):
        yield BLANK
        yield from card_lines(exchange, number, sight)
    if exchange.blind:
        yield BLANK
        yield from _blind(exchange, sight)
    if exchange.notes:
        yield BLANK
    for text in exchange.notes:
        yield from hung((Run(tidy(text, 1000), "quiet"),), sight.width, f"{sight.glyphs.info} ", "info")
    yield from _ending(exchange, sight)


def _blind(exchange: Exchange, sight: ChatSight) -> Iterator[Told]:
    """What could not be seen: a line each, the whole of it unfolded."""
    key = stop_key(sight.place, "b")
    is_open = key in sight.opened
    told = [
        one
        for text in exchange.blind
        for one in hung((Run(tidy(text, 2000), "quiet"),), sight.width, f"  {sight.glyphs.dot} ", "quiet")
    ]
    is_cut = len(told) > len(exchange.blind)
    sign = sight.glyphs.down if is_open else sight.glyphs.onward
    head = line(Cell(f"{sign} " if is_cut else "", "quiet"), Cell("What I could not see", "head"))
    yield Told(head, (Spot(0, line_width(head), key),) if is_cut else ())
    if is_open or not is_cut:
        yield from told
        return
    for text in exchange.blind:
        lead = Cell(f"  {sight.glyphs.dot} ", "quiet")
        yield Told(fit_line((lead, Cell(tidy(text, 2000), "quiet")), sight.width, cut=sight.glyphs.more))


def _ending(exchange: Exchange, sight: ChatSight) -> Iterator[Told]:
    if exchange.state == "failed":
        yield BLANK
        text = tidy(exchange.problem or "no answer came", 2000)
        yield from hung((Run(text, "look"),), sight.width, f"{sight.glyphs.warning} ", "look")
    elif exchange.state == "stopped":
        yield BLANK
        yield Told((Cell(f"stopped{f': {tidy(exchange.problem, 500)}' if exchange.problem else ''}", "old"),))


def chip_text(chip: Chip, look: Look) -> str:
    """`job 812`, `at 14:32:08`; of outside text, made harmless."""
    if chip.kind == "time":
        try:
            return f"at {look.clock(float(chip.key))}"
        except ValueError:
            return "at ?"
    return f"{chip.kind} {tidy(chip.key, 60)}"


def chips_line(chips: Sequence[Chip], look: Look, key: str) -> Line:
    """The chips above the line one types in, and the key that takes the last away."""
    parts: list[Cell | str | Line] = [Cell("about ", "head")]
    for chip in chips:
        parts += [Cell(f" {chip_text(chip, look)} ", "plain", "chosen"), " "]
    return line(*parts, Cell(f" {key} takes the last away", "quiet"))


def said_lines(texts: Sequence[str], sight: ChatSight) -> Iterator[Told]:
    """What this program says by itself: answers to slash commands."""
    for number, text in enumerate(texts):
        if number:
            yield BLANK
        for part in text.split("\n"):
            yield from wrapped((Run(tidy(part, 4000), "head"),), sight.width) if part.strip() else (BLANK,)


def cut_note(count: int, sight: ChatSight) -> Told:
    """In place of the oldest exchanges of a long conversation."""
    return Told((Cell(f"{sight.glyphs.up} {count} earlier questions; page up at the top shows them", "quiet"),))
