"""One alert as lines: what it says, since when, why nobody is told, and the rule that made it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.alert import Alert, Rule
from app.domain.alerts_now import AlertsNow
from app.present.alert_marks import STATES, ack_of, figure, labelled, sign
from app.present.alert_rows import acks_of, matchers_text, silences_of
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.present.look import Look
from app.present.rule_rows import held
from app.present.units import format_age


def alert_title(one: Alert, look: Look) -> Line:
    """`GpuHot · firing for 41 min`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    lasted = format_age(max(0.0, look.now - one.since))
    return line(cells(one.rule, "strong"), dot, Cell(f"{STATES[one.state]} for {lasted}", "quiet"))


def alert_lines(one: Alert, now: AlertsNow, rule: Rule | None, unit: str, look: Look, width: int) -> tuple[Line, ...]:
    """Everything about an alert, in lines of at most so many columns; `unit` is its value's."""
    is_quiet = one.id in now.muted or one.id in acks_of(now)
    said = wrap(tidy(one.text or one.rule, 400), max(8, width - 2))
    lines = [line(sign(one, look, is_quiet=is_quiet) if not at else " ", " ", text) for at, text in enumerate(said)]
    for label, text, tone in _facts(one, now, rule, unit, look):
        lines += labelled(label, text, width, tone)
    return tuple(lines)


def _facts(one: Alert, now: AlertsNow, rule: Rule | None, unit: str, look: Look) -> Iterator[tuple[str, str, Tone]]:
    yield "since", _since(one, look), "plain"
    if one.value is not None:
        yield "value", figure(one.value, unit), "plain"
    yield "labels", ", ".join(f'{name}="{value}"' for name, value in one.labels) or "none", "quiet"
    ack = ack_of(one, now)
    if ack is not None:
        note = f": {ack.note}" if ack.note else ""
        yield "taken on", f"{look.clock(ack.at, seconds=False)}{f' by {ack.by}' if ack.by else ''}{note}", "info"
    yield from _why(one, now, look)
    if rule is not None:
        yield "rule", f"{rule.expr}{held(rule)}", "quiet"
        yield "from", rule.source or rule.origin, "quiet"


def _since(one: Alert, look: Look) -> str:
    """When it became true, fired, ended; and that nobody sees it any more."""
    parts = [f"true since {look.clock(one.active_at)}"]
    if one.fired_at is not None:
        parts.append(f"fired {look.clock(one.fired_at)}")
    if one.resolved_at is not None:
        parts.append(f"over {look.clock(one.resolved_at)}")
    if one.unseen_since is not None:
        parts.append(f"no value since {look.clock(one.unseen_since)}")
    return ", ".join(parts)


def _why(one: Alert, now: AlertsNow, look: Look) -> Iterator[tuple[str, str, Tone]]:
    known = silences_of(one.id, now)
    for silence in known:
        by = f" by {silence.by}" if silence.by else ""
        comment = f": {silence.comment}" if silence.comment else ""
        until = look.clock(silence.ends_at, seconds=False)
        yield "silenced", f"until {until}{by}{comment} ({matchers_text(silence)})", "info"
    told = {f"silence {silence.id}" for silence in known}
    for text in now.muted.get(one.id, ()):
        if text not in told:
            yield "quiet", text, "info"
