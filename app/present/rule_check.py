"""What is said of a rule while it is written: what is wrong, what it means, of whom it is true now. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.alert import Labels, Rule
from app.present.alert_marks import about, figure
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.present.look import Look
from app.present.rule_rows import span_text

_NAMED = 3


def wrong_lines(text: str, look: Look, width: int, *, is_error: bool = True) -> tuple[Line, ...]:
    """Why it is no rule yet; where nothing was written so far, that is no error."""
    tone: Tone = "look" if is_error else "quiet"
    sign = look.glyphs.warning if is_error else look.glyphs.onward
    parts = wrap(tidy(text, 1000), max(8, width - 2))
    return tuple(line(Cell("  " if at else f"{sign} ", tone), Cell(part, tone)) for at, part in enumerate(parts))


def meaning_lines(rule: Rule, unit: str, look: Look, width: int) -> tuple[Line, ...]:
    """The rule as one sentence, the condition as it will be kept."""
    hold = f" for {span_text(rule.for_s)}" if rule.for_s else " at one look"
    kept = f"; then kept {span_text(rule.keep_firing_for_s)}" if rule.keep_firing_for_s else ""
    in_unit = f" ({unit})" if unit else ""
    said = f"{rule.severity} where {tidy(rule.expr, 1200)}{in_unit}{hold}{kept}"
    parts = wrap(said, max(8, width - 2))
    return tuple(
        line(Cell("  " if at else f"{look.glyphs.live} ", "good"), Cell(part, "plain")) for at, part in enumerate(parts)
    )


def now_line(true: Mapping[Labels, float] | None, unit: str, look: Look) -> Line:
    """`true now of 2 · gpu-01/3 92 °C, gpu-02/2 91 °C`."""
    if true is None:
        return (Cell("  it looks back in time: whom it is true of now shows once it is saved", "quiet"),)
    if not true:
        return (Cell("  true of nothing now", "quiet"),)
    worst = sorted(true.items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:_NAMED]
    named = ", ".join(f"{about(labels)} {figure(value, unit)}" for labels, value in worst)
    more = f" and {len(true) - _NAMED:,} more" if len(true) > _NAMED else ""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    return line(Cell(f"  true now of {len(true):,}", "info"), dot, cells(f"{named}{more}", "quiet"))


def trying_line(read: int, of: int, seconds: float, key: str) -> Line:
    """While it is tried on the past: how far, how long, and what stops it."""
    if not of:
        return (Cell("trying it on the last day", "quiet"),)
    done = "evaluating" if read >= of else f"{read:,} of {of:,} series read"
    return line(
        Cell(f"trying it on the last day: {done}, {seconds:.0f} s", "info"),
        Cell(f"  {key}", "accent"),
        Cell(" stops", "quiet"),
    )


def idle_line(text: str, tone: Tone = "quiet") -> Line:
    """Why there is no strip."""
    return cells(text, tone)
