"""What stands beneath an answer, as lines for reading: what it rests on, what was not seen, what is proposed. Pure.

Words say the same without colours. A command stands whole on a line of its own, so that it can be copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from app.domain.chat import Exchange, Proposal, ToolUse
from app.present.cells import Cell, Line, line, tidy, wrap
from app.present.incident_lines import clock

LEAST_WIDTH = 40
LONGEST_COMMAND = 4000
_STEP = 2


def rest_lines(exchange: Exchange, width: int, zone: tzinfo | None = None) -> list[Line]:
    """All of it, an empty line before each part that is there."""
    width = max(LEAST_WIDTH, width)
    parts = (
        ("rests on", _uses(exchange.tools, width, zone)),
        ("not supported by what was looked at", _unsupported(exchange, width)),
        ("not seen", _told(exchange.blind, width)),
        ("proposed, and not done", _proposals(exchange.proposals, width)),
    )
    lines: list[Line] = []
    for head, told in parts:
        found = list(told)
        lines += [(), line(Cell(head, "head")), *found] if found else []
    return lines


def use_line(use: ToolUse, zone: tzinfo | None = None) -> Line:
    """`[2] metric_history node=gpu-1: 3 GPUs, at 14:32:05`, or what went wrong."""
    given = " ".join(f"{tidy(name, 40)}={tidy(str(value), 60)}" for name, value in use.arguments.items())
    head = (
        Cell(f"[{use.number}]", "info"),
        Cell(f" {tidy(use.tool, 60)}"),
        Cell(f" {given}" if given else "", "quiet"),
    )
    if use.error:
        return line(head, ": ", Cell(tidy(use.error, 400), "look"))
    when = f", at {clock(use.at, zone)}" if use.at else ""
    return line(head, f": {tidy(use.summary, 300)}", Cell(when, "quiet"))


def who_line(exchange: Exchange) -> str:
    """Who answered, and what it took."""
    who = f"answered by {tidy(exchange.model, 80)}" if exchange.model else "answered by the offline analyst"
    usage = exchange.usage
    took = [f"{usage.took_s:.1f} s"] if usage.took_s else []
    if usage.first_s is not None and exchange.model:
        took.append(f"first word after {usage.first_s:.1f} s")
    if usage.tokens_in or usage.tokens_out:
        took.append(f"{usage.tokens_in:,} tokens read, {usage.tokens_out:,} written")
    return ", ".join([who, *took])


def _uses(uses: Sequence[ToolUse], width: int, zone: tzinfo | None) -> Iterator[Line]:
    for use in uses:
        head, *more = use_line(use, zone)
        text = "".join(cell.text for cell in more).strip()
        for number, part in enumerate(wrap(text, width - _STEP - len(head.text) - 1)):
            yield line(" " * _STEP, head if number == 0 else " " * len(head.text), " ", Cell(part))


def _unsupported(exchange: Exchange, width: int) -> Iterator[Line]:
    for mark in exchange.marks:
        if mark.kind == "unsupported":
            said = tidy(exchange.answer[mark.start : mark.end], 120)
            yield from _item(f"“{said}”: {tidy(mark.target, 300) or 'no look has it'}", width)


def _told(texts: Sequence[str], width: int) -> Iterator[Line]:
    for text in texts:
        yield from _item(tidy(text, 400), width)


def _item(text: str, width: int) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, width - 2 * _STEP)):
        yield line(" " * (_STEP if number == 0 else 2 * _STEP), part)


def _proposals(some: Sequence[Proposal], width: int) -> Iterator[Line]:
    for one in some:
        plan = one.plan
        tail = {"proposed": "", "declined": " (declined)", "done": " (done)", "failed": " (failed)"}[one.state]
        for number, part in enumerate(wrap(tidy(plan.summary, 400) + tail, width - 2 * _STEP)):
            yield line(" " * (_STEP if number == 0 else 2 * _STEP), Cell(part, "strong"))
        if one.why:
            yield from _labelled("why", one.why, width)
        for number, command in enumerate(plan.shown):
            label = "runs" if number == 0 else ""
            yield line(" " * (2 * _STEP), Cell(label.ljust(6), "quiet"), Cell(tidy(command, LONGEST_COMMAND), "strong"))
        for number, text in enumerate(plan.hits):
            yield from _labelled("hits" if number == 0 else "", text, width)
        yield from _labelled("undo", plan.undo or "nothing undoes this", width)
        for text in plan.warnings:
            yield from _labelled("mind", text, width)
        if one.outcome:
            yield from _labelled("came", one.outcome, width)


def _labelled(label: str, text: str, width: int) -> Iterator[Line]:
    for number, part in enumerate(wrap(tidy(text, 600), width - 2 * _STEP - 6)):
        yield line(" " * (2 * _STEP), Cell((label if number == 0 else "").ljust(6), "quiet"), part)
