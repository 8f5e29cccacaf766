"""What the chat says around a conversation: who answers, what an answer took, what a place is, how to begin. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.domain.chat import Conversation, Exchange
from app.domain.snapshot import Snapshot
from app.present.cells import Cell, Line, cells, fit_line, line, line_width, tidy
from app.present.chat_looks import format_took
from app.present.chat_sight import ChatSight
from app.present.chat_stops import Stop
from app.present.glyphs import Glyphs
from app.present.markdown_inline import Run
from app.present.markdown_wrap import BLANK, Told, wrapped

if TYPE_CHECKING:
    from app.agent.desk import BrainStatus

ANALYST = "offline analyst"
_TITLE_LEAST = 8


def title_line(conversation: Conversation, room: int, glyphs: Glyphs) -> Line:
    """The pane's title; of the conversation's as much as there is room for."""
    named = cells(conversation.title, "quiet")
    if not named or room < _TITLE_LEAST:
        return (Cell("Ask", "strong"),)
    shown = named if line_width(named) <= room else fit_line(named, room, cut=glyphs.more)
    return line(Cell("Ask  ", "strong"), shown)


def rule_line(said: Line, width: int, glyphs: Glyphs) -> Line:
    """What is said, in the rule above the line one types in."""
    rest = glyphs.box.across
    if not said:
        return (Cell(rest * width, "frame"),)
    room = max(0, width - 6)
    shown = said if line_width(said) <= room else fit_line(said, room, cut=glyphs.more)
    return line(Cell(rest * 2 + " ", "frame"), shown, Cell(" " + rest * (width - 4 - line_width(shown)), "frame"))


def state_line(
    status: BrainStatus | None, exchanges: Sequence[Exchange], elapsed_s: float | None, glyphs: Glyphs
) -> Line:
    """At the right of the title: what the answer took, who answers."""
    last = exchanges[-1] if exchanges else None
    took = figures(last, elapsed_s, glyphs) if last is not None else ""
    who = who_line(status, glyphs)
    return line(Cell(took, "unit"), Cell(f" {glyphs.rule} ", "frame") if took and who else "", who)


def figures(exchange: Exchange, elapsed_s: float | None, glyphs: Glyphs) -> str:
    """`4.1 s · 812 tok · 24 tok/s`, as far as it is known."""
    usage = exchange.usage
    if exchange.state == "open":
        # Whole seconds: the frame's edge is sent anew with every change of it.
        return f"{elapsed_s or 0:.0f} s"
    parts = [format_took(usage.took_s)] if usage.took_s else []
    if usage.tokens_out:
        parts.append(f"{usage.tokens_in + usage.tokens_out:,} tok")
        writing = usage.took_s - (usage.first_s or 0.0)
        if writing > 0.2:
            parts.append(f"{usage.tokens_out / writing:.0f} tok/s")
    return f" {glyphs.dot} ".join(parts)


def who_line(status: BrainStatus | None, glyphs: Glyphs) -> Line:
    """Who will answer: the model and its state, or that it is the analyst."""
    if status is None:
        return ()
    name = tidy(status.model or "model", 40)
    match status.state:
        case "offline":
            return (Cell(ANALYST, "quiet"),)
        case "connecting":
            return (Cell(f"{name} connecting", "quiet"),)
        case "ready":
            return line(Cell(f"{glyphs.live} ", "good"), Cell(name))
        case "unreachable":
            return line(Cell(f"{glyphs.warning} {name} unreachable", "look"), Cell(f", {ANALYST}", "quiet"))


def stop_line(stop: Stop, keys: Mapping[str, str], *, is_open: bool = False) -> Line:
    """What a place is, and what its keys do; `is_open`: it is unfolded."""
    folds = "folds it" if is_open else "unfolds it"
    enter, copy, time = "enter", keys["chat.copy"], keys["chat.time"]
    mark, use = stop.mark, stop.use
    match stop.kind:
        case "question":
            return _keyed((keys["chat.edit"], "edits this question and asks again"))
        case "blind" | "reasoning":
            copies = ((copy, "copies what the model thought"),) if stop.kind == "reasoning" else ()
            return _keyed((enter, folds), *copies)
        case "tool" | "citation" if use is not None:
            travels = ((time, "shows the screen then"),) if use.at else ()
            opens = "shows what it rests on" if stop.kind == "citation" else folds
            return _keyed((enter, opens), *travels, (copy, "copies the result"))
        case "code":
            return _keyed((copy, "copies this code"))
        case "proposal" if stop.proposal is not None and stop.proposal.state == "proposed":
            return _keyed((keys["chat.do"], "does it"), (keys["chat.next"], "leaves it undone"))
        case "unsupported":
            why = tidy(mark.target, 300) if mark is not None else ""
            return (Cell(f"nothing supports this{f': {why}' if why else ''}", "look"),)
        case "gpu" | "node" | "job" | "incident" if mark is not None:
            return line(_keyed((enter, f"opens {stop.kind}")), cells(f" {mark.target}"))
        case _:
            return ()


def _keyed(*pairs: tuple[str, str]) -> Line:
    parts: list[Cell] = []
    for key, does in pairs:
        parts += [Cell("   ") if parts else Cell(""), Cell(key, "accent"), Cell(f" {does}", "quiet")]
    return line(*parts)


def examples(snapshot: Snapshot) -> tuple[str, ...]:
    """Questions that can be asked here, about what is here."""
    jobs = (snapshot.slurm.jobs if snapshot.slurm is not None else None) or {}
    running = next((one.id for one in jobs.values() if one.holds_nodes), None)
    node = next(iter(snapshot.nodes), None)
    return (
        "what is wrong?",
        *((f"why is job {tidy(running, 40)} slow?",) if running is not None else ()),
        "what happened at 03:10?",
        "who wastes GPUs?",
        *((f"is it safe to drain {tidy(node, 60)}?",) if node is not None else ()),
    )


def begin_lines(status: BrainStatus | None, sight: ChatSight, why_not: str, asked: Sequence[str]) -> tuple[Told, ...]:
    """Before the first question: who answers, what can be asked."""
    if why_not:
        return wrapped((Run(tidy(why_not, 500), "look"),), sight.width)
    who = "" if status is None else tidy(status.text, 300)
    lines = [*wrapped((Run("Ask about this cluster, in your own words.", "plain"),), sight.width)]
    if who:
        lines += wrapped((Run(who, "quiet"),), sight.width)
    lines.append(BLANK)
    lines += [Told(line(Cell("  "), Cell(text, "quiet"))) for text in asked]
    lines.append(BLANK)
    keys = sight.keys
    told = (
        f"{keys['ask']} on any page asks about what is chosen there; {keys['chat.history']} lists earlier conversations"
    )
    return (*lines, *wrapped((Run(f"{told}, /help the commands", "quiet"),), sight.width))
