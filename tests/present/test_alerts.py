"""Alerts, silences and rules as rows and lines: order, words, quiet ones, and harmless whatever they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from time import thread_time

import pytest

from app.domain.alert import Alert, Labels, Matcher, Rule, Silence, labels_of
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.engine.alerting.machine import where_of
from app.engine.alerting.muting import muted
from app.present.alert_marks import about, figure, why_quiet
from app.present.alert_rows import (
    ALERT_COLUMNS,
    SILENCE_COLUMNS,
    alert_rows,
    counts_line,
    in_order,
    silence_rows,
    why_no_alert,
)
from app.present.alert_view import alert_lines, alert_title
from app.present.cells import Line, line_text, line_width
from app.present.glyphs import ASCII
from app.present.look import Look
from app.present.rule_check import meaning_lines, now_line, trying_line, wrong_lines
from app.present.rule_rows import RULE_COLUMNS, held, problem_lines, rule_lines, rule_rows, span_text
from tests.present.fleets import NOW
from tests.tui.alarms import DOWN, DRAINED, HOT, IDLE, LOST, MISSING, OVER, QUEUE, alarmed, hostile, many, peaceful

LOOK = Look(NOW, tz=UTC)
UNITS = {"GpuHot": "°C", "GpuAllocatedIdle": "s"}
RULE = Rule(
    "GpuHot", "gpu.temperature > 85", "warning", 600.0, 120.0, "{where}: {value} °C", origin="built in", source="ours"
)


def said(lines: tuple[Line, ...]) -> str:
    """Lines as plain text."""
    return "\n".join(line_text(one).rstrip() for one in lines)


def test_what_is_told_comes_before_what_is_quiet_and_the_gravest_first() -> None:
    """Firing and told, firing and quiet, pending, over."""
    assert [LOST, DOWN, MISSING, HOT, IDLE, DRAINED, QUEUE, OVER] == list(in_order(alarmed()))


def test_row_says_state_age_subject_text_value_rule_and_why_it_is_quiet() -> None:
    """What the text repeats of the subject is left out; a value has its rule's unit."""
    rows = alert_rows(in_order(alarmed()), alarmed(), UNITS, LOOK)
    texts = {one.key: one.text for one in rows}

    assert ("▲", "firing", "41 min", "gpu-02/2", "91 °C", "91 °C", "GpuHot", "silenced") == texts[HOT.id]
    assert ("no data", "no answer for 32 min", "—", "") == tuple(texts[DOWN.id][at] for at in (1, 4, 5, 7))
    assert ("41 min", "acknowledged") == (texts[IDLE.id][5], texts[IDLE.id][7])
    assert ("inhibited", "maintenance") == (texts[MISSING.id][7], texts[DRAINED.id][7])
    assert ("·", "over") == texts[OVER.id][:2]
    assert len(ALERT_COLUMNS) == len(rows[0].cells)


def test_only_what_is_told_has_a_colour() -> None:
    """The sign of a quiet, a pending or an ended alert is grey."""
    rows = {one.key: one for one in alert_rows(in_order(alarmed()), alarmed(), {}, LOOK)}
    tones = {key: row.cells[0][0].tone for key, row in rows.items()}

    assert ("bad", "look") == (tones[LOST.id], tones[DOWN.id])
    assert {"quiet"} == {tones[one.id] for one in (HOT, IDLE, MISSING, DRAINED, QUEUE)}
    assert "old" == tones[OVER.id]


def test_every_reason_of_the_engine_has_a_word() -> None:
    """Silence, inhibition, maintenance and flapping, as `muted` words them."""
    from app.domain.alert import Inhibition

    by = Alert("Lost", "critical", labels_of({"node": "a"}), "firing", NOW - 60)
    one = Alert(
        "Hot", "warning", labels_of({"node": "a"}), "firing", NOW - 60, fired=(NOW - 40, NOW - 30, NOW - 20, NOW - 10)
    )
    hidden = Inhibition("x", (Matcher("alertname", "=", "Lost"),), (Matcher("alertname", "=", "Hot"),), ("node",))
    silence = Silence("s-1", (Matcher("alertname", "=", "Hot"),), NOW - 1, NOW + 60)
    why = muted((by, one), (silence,), (hidden,), {"a": "drained by ana"}, NOW)
    now = AlertsNow(NOW, 5.0, (by, one), why)

    assert ("silenced", "inhibited", "maintenance", "flapping") == why_quiet(one, now, {})


@pytest.mark.parametrize(
    "labels",
    [
        labels_of({"node": "gpu-1", "gpu": "3"}), labels_of({"node": "gpu-1"}), labels_of({"job": "812"}),
        labels_of({"service": "vllm"}), labels_of({"partition": "gpu"}), labels_of({"source": "x"}), (),
        labels_of({"z": "1"}),
    ],
)  # fmt: skip
def test_subject_is_named_as_the_engine_names_it(labels: Labels) -> None:
    """So that `{where}` in a text is found again and left out."""
    assert where_of(labels) == about(labels)


def test_counts_tell_the_loud_apart_from_the_quiet() -> None:
    """One critical, one warning; one waits, four are quiet."""
    assert "▲ 1  ▲ 1 · 1 pending · 4 quiet" == line_text(counts_line(alarmed(), LOOK))
    assert "" == line_text(counts_line(peaceful(), LOOK))


def test_silences_say_for_how_long_whom_by_whom_and_why() -> None:
    """The one that ends first comes first; one that mutes nothing is grey."""
    rows = silence_rows(alarmed(), LOOK)

    assert ("15 min", 'alertname=~"Vllm.*"', "1", "bo", "rolling out 0.11.3") == rows[0].text
    assert ["s-77aa01cc", "s-4a47b0bd"] == list(rows.keys)
    assert len(SILENCE_COLUMNS) == len(rows[0].cells)
    assert 0 == len(silence_rows(alarmed(), replace(LOOK, now=NOW + 86400)))


def test_view_tells_the_whole_story_of_a_silenced_one() -> None:
    """Since when, value, labels, until when and by whom it is silent, and the rule."""
    text = said(alert_lines(HOT, alarmed(), RULE, "°C", LOOK, 90))

    assert "GpuHot · firing for 41 min" == line_text(alert_title(HOT, LOOK))
    for words in (
        "true since 15:18:00, fired 15:19:00", "91 °C", 'node="gpu-02"', "until 17:30 by ana: fan ordered, ticket 4711",
        "gpu.temperature > 85 for 10m, kept 2m after it is over", "ours",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (IDLE, "taken on   15:50 by ana: asked bo to cancel his notebook"),
        (MISSING, "says it already"),
        (DRAINED, "gpu-04 is in maintenance (drained by ana: new board)"),
        (DOWN, "no value since 15:55:00"),
        (OVER, "over 15:53:00"),
    ],
    ids=["acknowledged", "inhibited", "maintenance", "no data", "over"],
)
def test_view_says_why_it_is_as_it_is(one: Alert, words: str) -> None:
    """Every state and every reason in a sentence."""
    assert words in said(alert_lines(one, alarmed(), None, "", LOOK, 100))


def test_empty_list_is_explained() -> None:
    """All well, nobody evaluates, nobody has yet, the past."""
    late = replace(LOOK, now=NOW + 600)

    assert "Nothing fires" in why_no_alert(peaceful(), LOOK, is_past=False, is_asked=True)[0]
    assert ("Nobody has evaluated the rules for 10 min", "start gpu-watchdog serve") == why_no_alert(
        peaceful(), late, is_past=False, is_asked=True
    )
    assert "No rule was evaluated yet" == why_no_alert(NO_ALERTS, LOOK, is_past=False, is_asked=False)[0]
    assert "as they are now" in why_no_alert(NO_ALERTS, LOOK, is_past=True, is_asked=False)[0]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "%", "—"), (float("nan"), "", "—"), (91.0, "°C", "91 °C"), (2460.0, "s", "41 min"), (0.25, "", "0.25"),
     (12_345.0, "", "12,345"), (1e300, "", "1.00e+300"), (-3.0, "W", "-3 W")],
)  # fmt: skip
def test_figure_is_short_and_has_its_unit(value: float | None, unit: str, text: str) -> None:
    """A number of any size, in a few columns."""
    assert text == figure(value, unit)


def test_rules_say_how_many_fire_which_are_off_and_which_cannot_be_evaluated() -> None:
    """Colour only where some fire, or something is wrong."""
    off = replace(RULE, name="Off", enabled=False)
    broken = replace(RULE, name="GpuEccUncorrected")
    rows = rule_rows((RULE, off, broken), alarmed(), LOOK)

    assert ("▲", "GpuHot", "1", "10m", "gpu.temperature > 85", "built in") == rows[0].text
    assert "off" == rows[1].text[2]
    assert ("error", "more than 10,000 label sets") == (rows[2].text[2], rows[2].text[4])
    assert ["look", "old", "old"] == [one.cells[0][0].tone for one in rows]
    assert len(RULE_COLUMNS) == len(rows[0].cells)
    assert "error      more than 10,000 label sets" in said(rule_lines(broken, alarmed(), 80))


@pytest.mark.parametrize(("seconds", "text"), [(300, "5m"), (5400, "1h30m"), (0.5, "0.5s"), (90061, "1d1h1m1s")])
def test_span_is_written_as_rules_write_it(seconds: float, text: str) -> None:
    """It can be typed in again."""
    assert text == span_text(seconds)


def test_check_says_what_a_rule_means_and_of_whom_it_is_true() -> None:
    """One sentence; the worst three by name; looking back in time cannot be said yet."""
    true = {labels_of({"node": "a", "gpu": str(at)}): 90.0 + at for at in range(5)}

    assert "warning where gpu.temperature > 85 (°C) for 10m; then kept 2m" in said(meaning_lines(RULE, "°C", LOOK, 200))
    assert "  true now of 5 · a/4 94 °C, a/3 93 °C, a/2 92 °C and 2 more" == line_text(now_line(true, "°C", LOOK))
    assert "looks back" in line_text(now_line(None, "", LOOK))
    assert "true of nothing now" in line_text(now_line({}, "", LOOK))
    assert "312 of 1,024 series read, 3 s  esc stops" in line_text(trying_line(312, 1024, 3.2, "esc"))
    assert " for 10m, kept 2m after it is over" == held(RULE)


def test_hostile_texts_are_harmless() -> None:
    """Markup, escapes, marks that turn the text round, length: every line keeps to its width and holds no control."""
    now = hostile()
    bad = now.alerts[0]
    rule = replace(RULE, name=bad.rule, expr=bad.rule, text=bad.rule, source=bad.rule, origin=bad.rule)
    lines = (
        *alert_lines(bad, now, rule, bad.rule, LOOK, 60),
        *rule_lines(rule, now, 60),
        *problem_lines((bad.rule,), LOOK, 60),
        *wrong_lines(bad.rule, LOOK, 60),
        *meaning_lines(rule, "", LOOK, 60),
        *(cell for row in alert_rows(now.alerts, now, {}, LOOK) for cell in row.cells),
        *(cell for row in silence_rows(now, LOOK) for cell in row.cells),
        *(cell for row in rule_rows((rule,), now, LOOK) for cell in row.cells),
    )

    assert {True} == {line_text(one).isprintable() for one in lines}
    assert all(line_width(one) <= 60 for one in alert_lines(bad, now, rule, "", LOOK, 60))


def test_ascii_signs_only_where_asked() -> None:
    """Our own signs come from the set of signs."""
    plain = replace(LOOK, glyphs=ASCII)
    rows = alert_rows(in_order(alarmed()), alarmed(), {}, plain)

    assert all(line_text(row.cells[0]).isascii() for row in rows)
    assert line_text(counts_line(alarmed(), plain)).isascii()


def test_ten_thousand_alerts_are_put_in_order_quickly() -> None:
    """What the page does where something changed; rows are made only when looked at."""
    now = many()
    began = thread_time()
    rows = alert_rows(in_order(now), now, {}, LOOK)
    first = rows[0]

    assert "GpuHot" == first.text[6]
    assert thread_time() - began < 0.5
