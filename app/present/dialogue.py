"""The dialogue before a deed, as lines: what would be done, whom it hits, what undoes it, the exact commands. Pure."""

from __future__ import annotations

from app.domain.job_actions import Outcome, Plan
from app.present.cells import Cell, Line, Tone, line, tidy, wrap
from app.present.glyphs import Glyphs

MOST_HITS = 12
MOST_COMMANDS = 8
_LABEL = 9


def plan_lines(plan: Plan, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """A plan as a person reads it before saying yes."""
    lines: list[Line] = [*_prose(plan.summary, width, "strong"), ()]
    for number, text in enumerate(_bounded(plan.hits, MOST_HITS)):
        lines += _labelled("hits" if not number else "", text, width, "bad" if plan.is_severe else "plain")
    if plan.undo:
        lines += _labelled("undone by", plan.undo, width, "plain")
    lines.append(())
    for text in plan.warnings:
        lines += _signed(glyphs.warning, "look", text, width, "look")
    if plan.warnings:
        lines.append(())
    for text in _bounded(plan.shown, MOST_COMMANDS):
        lines += _signed("$", "quiet", text, width, "accent")
    return tuple(lines)


def working_lines(seconds: float) -> tuple[Line, ...]:
    """While it is done; it goes on where the dialogue is left."""
    return ((), (Cell(f"at work for {seconds:.0f} s; any key leaves it at work and tells what came of it", "info"),))


def outcome_lines(outcome: Outcome, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """What came of it, whole."""
    tone: Tone = "plain" if outcome.ok else "bad"
    sign = glyphs.live if outcome.ok else glyphs.lost
    lines: list[Line] = [(), *_signed(sign, tone, outcome.text, width, tone)]
    for text in outcome.details:
        lines += [line(Cell("  "), one) for one in _prose(text, width - 2, "quiet")]
    return tuple(lines)


def _prose(text: str, width: int, tone: Tone) -> tuple[Line, ...]:
    return tuple((Cell(part, tone),) for part in wrap(tidy(text, 4000), max(8, width)))


def _signed(sign: str, sign_tone: Tone, text: str, width: int, tone: Tone) -> list[Line]:
    """A sign before the first line."""
    said = _prose(text, width - 2, tone)
    return [line(Cell("  " if number else f"{sign} ", sign_tone), one) for number, one in enumerate(said)]


def _labelled(label: str, text: str, width: int, tone: Tone) -> list[Line]:
    """A label at the left of the first line."""
    parts = wrap(tidy(text, 1000), max(8, width - _LABEL - 2))
    return [
        line(Cell((label if not number else "").ljust(_LABEL + 2), "head"), Cell(part, tone))
        for number, part in enumerate(parts)
    ]


def _bounded(texts: tuple[str, ...], most: int) -> list[str]:
    return [*texts[:most], *([f"and {len(texts) - most} more"] if len(texts) > most else [])]
