"""Rules as rows of a table and as lines: how grave, what they ask, where from, how many fire. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.domain.alert import Rule
from app.domain.alerts_now import AlertsNow
from app.domain.series import Severity
from app.present.alert_marks import labelled
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.present.incident_signs import TONES
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING

RULE_COLUMNS = (
    Column("severity", "", 1, sortable=False),
    Column("name", "rule", 22, sortable=False),
    Column("fires", "now", 5, "right", sortable=False),
    Column("for", "for", 6, "right", sortable=False),
    Column("condition", "condition", 26, grow=3, sortable=False),
    Column("origin", "from", 9, grow=1, drop=1, sortable=False),
)
_SPANS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def firing_by_rule(now: AlertsNow) -> Mapping[str, int]:
    """How many alerts of each rule fire."""
    return Counter(one.rule for one in now.alerts if one.is_active)


def rule_rows(rules: Sequence[Rule], now: AlertsNow, look: Look) -> Rows:
    """Rows for RULE_COLUMNS; the key of a row is the rule's name."""
    firing = firing_by_rule(now)
    return Rows([one.name for one in rules], lambda at: _row(rules[at], now, firing.get(rules[at].name, 0), look))


def _row(one: Rule, now: AlertsNow, firing: int, look: Look) -> Row:
    trouble = now.troubles.get(one.name, "")
    tone: Tone = "plain" if one.enabled else "old"
    if not one.enabled:
        fires = Cell("off", "old")
    elif trouble:
        fires = Cell("error", "look")
    else:
        fires = Cell(str(firing), TONES[one.severity]) if firing else Cell(MISSING, "old")
    condition = (
        cells(trouble, "look") if trouble and one.enabled else cells(one.expr, "quiet" if one.enabled else "old")
    )
    shown: tuple[Line, ...] = (
        (severity_sign(one.severity, look, is_lit=one.enabled and firing > 0),),
        cells(one.name, tone),
        (fires,),
        (Cell(span_text(one.for_s) if one.for_s else MISSING, "quiet" if one.enabled else "old"),),
        condition,
        cells(one.origin, "quiet" if one.enabled else "old"),
    )
    return Row(one.name, shown)


def severity_sign(severity: Severity, look: Look, *, is_lit: bool) -> Cell:
    """How grave a rule's alerts are; in colour only where some fire."""
    glyphs = look.glyphs
    signs = {"critical": glyphs.critical, "warning": glyphs.warning, "info": glyphs.info}
    return Cell(signs[severity], TONES[severity] if is_lit else "old")


def rule_lines(one: Rule, now: AlertsNow, width: int) -> tuple[Line, ...]:
    """Everything about a rule, in lines of at most so many columns."""
    return tuple(part for label, text, tone in _facts(one, now) for part in labelled(label, text, width, tone))


def _facts(one: Rule, now: AlertsNow) -> Iterator[tuple[str, str, Tone]]:
    if one.name in now.troubles:
        yield "error", now.troubles[one.name], "look"
    yield "fires", f"{one.expr}{held(one)}", "plain"
    yield "severity", one.severity + ("" if one.enabled else ", turned off"), "plain"
    if one.text:
        yield "says", one.text, "plain"
    if one.labels:
        yield "labels", ", ".join(f'{name}="{value}"' for name, value in one.labels), "quiet"
    if one.source:
        yield "source", one.source, "quiet"
    yield "from", one.origin, "quiet"


def problem_lines(problems: Sequence[str], look: Look, width: int) -> tuple[Line, ...]:
    """What is wrong in rule files, by file and line."""
    lines: list[Line] = []
    for one in problems:
        parts = wrap(tidy(one, 600), max(8, width - 2))
        lines += [
            line(Cell("  " if at else f"{look.glyphs.warning} ", "look"), Cell(part)) for at, part in enumerate(parts)
        ]
    return tuple(lines)


def held(one: Rule) -> str:
    """` for 5m, kept 2m`: how long it must hold and how long it stays."""
    parts = [f" for {span_text(one.for_s)}"] if one.for_s else []
    if one.keep_firing_for_s:
        parts.append(f"{',' if parts else ''} kept {span_text(one.keep_firing_for_s)} after it is over")
    return "".join(parts)


def span_text(seconds: float) -> str:
    """A span as rules write it: `5m`, `1h30m`."""
    left, parts = round(seconds), []
    for unit_s, unit in _SPANS:
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or f"{seconds:g}s"
