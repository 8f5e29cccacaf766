"""Alerts and silences as rows of tables: how grave, how it stands, whom it is about, why it is quiet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.alert import SEVERITIES, Ack, Alert, AlertState, Silence
from app.domain.alerts_now import AlertsNow
from app.domain.series import Severity
from app.present.alert_marks import STATES, about, figure, sign, tone_of, why_quiet
from app.present.cells import Cell, Line, Tone, cells, line, tidy
from app.present.incident_signs import TONES
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import format_age

ALERT_COLUMNS = (
    Column("severity", "", 1, sortable=False),
    Column("state", "state", 7, sortable=False),
    Column("for", "for", 7, "right", sortable=False),
    Column("about", "about", 12, sortable=False),
    Column("text", "alert", 24, grow=1, sortable=False),
    Column("value", "value", 8, "right", drop=3, sortable=False),
    Column("rule", "rule", 20, drop=2, sortable=False),
    Column("quiet", "nobody is told", 15, sortable=False),
)
SILENCE_COLUMNS = (
    Column("left", "for", 7, "right", sortable=False),
    Column("matchers", "silence", 16, grow=2, sortable=False),
    Column("hits", "mutes", 5, "right", sortable=False),
    Column("by", "by", 6, drop=1, sortable=False),
    Column("comment", "comment", 8, grow=1, drop=2, sortable=False),
)
_STATES: Mapping[AlertState, int] = {"firing": 0, "no_data": 0, "pending": 1, "resolved": 2}
_GRAVITY: Mapping[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


def in_order(now: AlertsNow) -> tuple[Alert, ...]:
    """Those that are told before those that are quiet, those that fire before those that wait; then by how grave."""
    acks = acks_of(now)

    def place(one: Alert) -> tuple[int, bool, int, float, str]:
        is_quiet = one.id in now.muted or one.id in acks
        return (_STATES[one.state], is_quiet, _GRAVITY[one.severity], one.since, one.id)

    return tuple(sorted(now.alerts, key=place))


def acks_of(now: AlertsNow) -> Mapping[str, Ack]:
    """Acknowledgements by the alert's id."""
    return {one.alert: one for one in now.acks}


def alert_rows(alerts: Sequence[Alert], now: AlertsNow, units: Mapping[str, str], look: Look) -> Rows:
    """Rows for ALERT_COLUMNS; the key of a row is the alert's id. `units` are those of values, by rule."""
    acks = acks_of(now)
    return Rows([one.id for one in alerts], lambda at: _row(alerts[at], now, acks, units, look))


def _row(one: Alert, now: AlertsNow, acks: Mapping[str, Ack], units: Mapping[str, str], look: Look) -> Row:
    why = why_quiet(one, now, acks)
    tone = tone_of(one, is_quiet=bool(why))
    subject = about(one.labels)
    shown: tuple[Line, ...] = (
        (sign(one, look, is_quiet=bool(why)),),
        (Cell(STATES[one.state], "look" if one.state == "no_data" and not why else tone),),
        (Cell(format_age(max(0.0, look.now - one.since)), "quiet" if tone != "old" else "old"),),
        cells(subject.partition("#")[0], tone),  # a model server is named by its source and its model
        cells(without_subject(one.text or one.rule, subject), tone),
        (Cell(figure(one.value, units.get(one.rule, "")), tone),),
        cells(one.rule, "quiet" if tone != "old" else "old"),
        cells(why[0] + (f" +{len(why) - 1}" if len(why) > 1 else ""), "info") if why else (),
    )
    return Row(one.id, shown)


def without_subject(text: str, subject: str) -> str:
    """`gpu-1/3: 97 °C` beside `gpu-1/3` is `97 °C`."""
    said = tidy(text, 300)
    rest = said.removeprefix(f"{subject}:").removeprefix(f"{subject} ").strip()
    return rest or said


def counts_line(now: AlertsNow, look: Look) -> Line:
    """`▲ 1  ▲ 2  • 1 · 3 pending · 2 quiet`: how many there are of each kind, at the right of the list's frame."""
    acks = acks_of(now)
    loud = [one for one in now.alerts if one.is_active and one.id not in now.muted and one.id not in acks]
    signs = {"critical": look.glyphs.critical, "warning": look.glyphs.warning, "info": look.glyphs.info}
    parts: list[Cell | str | Line] = []
    for severity in SEVERITIES[::-1]:
        count = sum(one.severity == severity for one in loud)
        if count:
            parts += ["  " if parts else "", Cell(f"{signs[severity]} {count}", TONES[severity])]
    pending = sum(one.state == "pending" for one in now.alerts)
    quiet = sum(one.is_active for one in now.alerts) - len(loud)
    for count, word in ((pending, "pending"), (quiet, "quiet")):
        if count:
            parts.append(Cell(f"{f' {look.glyphs.dot} ' if parts else ''}{count} {word}", "quiet"))
    return line(*parts)


def silence_rows(now: AlertsNow, look: Look) -> Rows:
    """Rows for SILENCE_COLUMNS, the one that ends first at the top; the key of a row is the silence's id."""
    some = sorted((one for one in now.silences if one.ends_at > look.now), key=lambda one: (one.ends_at, one.id))
    return Rows([one.id for one in some], lambda at: _silence_row(some[at], now, look))


def _silence_row(one: Silence, now: AlertsNow, look: Look) -> Row:
    hits = sum(f"silence {one.id}" in why for why in now.muted.values())
    tone: Tone = "plain" if hits else "quiet"
    shown: tuple[Line, ...] = (
        (Cell(format_age(one.ends_at - look.now), "quiet"),),
        cells(matchers_text(one), tone),
        (Cell(str(hits), tone),),
        cells(one.by, "quiet"),
        cells(one.comment, "quiet"),
    )
    return Row(one.id, shown)


def matchers_text(one: Silence) -> str:
    """`alertname="GpuHot", node="gpu-1"`."""
    return tidy(", ".join(str(matcher) for matcher in one.matchers), 300)


def silences_of(alert_id: str, now: AlertsNow) -> tuple[Silence, ...]:
    """The silences that mute an alert."""
    why = now.muted.get(alert_id, ())
    return tuple(one for one in now.silences if f"silence {one.id}" in why)


def why_no_alert(now: AlertsNow, look: Look, *, is_past: bool, is_asked: bool) -> tuple[str, str]:
    """What an empty list says, and the key that changes it."""
    if is_past:
        return "Alerts are known as they are now, not as they were", "} goes back to now"
    if not now.at:
        hint = "the daemon or a screen that keeps the history evaluates the rules" if is_asked else ""
        return "No rule was evaluated yet", hint
    if not now.is_current(look.now):
        return f"Nobody has evaluated the rules for {format_age(look.now - now.at)}", "start gpu-watchdog serve"
    return "Nothing fires and nothing waits", ""
