"""What is asked before an alert is taken on or silenced, and what is done then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.domain.alert import Alert, Matcher, fits
from app.domain.alerts_now import AlertsNow
from app.domain.job_actions import Outcome, Plan
from app.domain.times import parse_span
from app.present.alert_marks import about
from app.present.alert_rows import matchers_text
from app.tui.alert_desk import who, wished
from app.tui.desk import Desk
from app.tui.dialogue import Perform
from app.tui.form_dialogue import Form, FormField, Values, texts

USUAL = "2h"
"""For how long a silence lasts where nothing else is said."""
LONGEST_S = 365 * 86400.0


def ack_form(desk: Desk, alert: Alert) -> Form:
    """Take an alert on, with a note."""

    async def perform(values: Values) -> Outcome:
        note = values["note"].strip()
        return await wished(desk, lambda to: to.ack(alert.id, who(), note), f"{alert.rule} is taken on")

    def check(_values: Values) -> tuple[str, bool]:
        return "It goes on firing, and everybody sees that somebody is at it. It ends with the alert.", True

    fields = (FormField("note", "note", example="what is done about it"),)
    return Form("Acknowledge", f"{alert.rule} {about(alert.labels)}", fields, check, perform, "acknowledge")


def silence_form(desk: Desk, alert: Alert) -> Form:
    """Keep alerts like this one from being told for a while."""

    async def perform(values: Values) -> Outcome:
        matchers, span, comment = texts(values, ("matchers", "span", "comment"))
        lasts_s = parse_span(span)
        return await wished(
            desk, lambda to: to.silence(matchers, lasts_s, who(), comment), f"silent for {span}: {matchers}"
        )

    fields = (
        FormField("matchers", "alerts with", prefilled(alert), 'alertname="GpuHot", node=~"gpu-.*"'),
        FormField("span", "for", USUAL, "30m, 2h, 7d"),
        FormField("comment", "comment", "", "why"),
    )
    return Form(
        "Silence",
        f"{alert.rule} {about(alert.labels)}",
        fields,
        silence_check(lambda: desk.moment.alerts),
        perform,
        "silence",
    )


def prefilled(alert: Alert) -> str:
    """Matchers that fit this alert alone."""
    pairs = (("alertname", alert.rule), *alert.labels)
    return ", ".join(str(Matcher(name, "=", value)) for name, value in pairs)


def silence_check(now: Callable[[], AlertsNow]) -> Callable[[Values], tuple[str, bool]]:
    """What a silence being written would mute, or what is wrong with it."""
    from app.engine.alerting.parse import ExpressionError, parse_matchers  # noqa: PLC0415 - late: for wishes only

    def check(values: Values) -> tuple[str, bool]:
        text, span, _ = texts(values, ("matchers", "span", "comment"))
        try:
            matchers = parse_matchers(text)
            lasts_s = parse_span(span)
        except (ExpressionError, ValueError) as error:
            return str(error), False
        if lasts_s > LONGEST_S:
            return "a silence lasts at most a year", False
        if all(one.matches("") for one in matchers):
            return "a silence needs a label that it asks for; this one would match everything", False
        return _would_mute(matchers, now()), True

    return check


def _would_mute(matchers: Sequence[Matcher], now: AlertsNow) -> str:
    from app.engine.alerting.muting import matched_labels  # noqa: PLC0415 - late: for wishes only

    found = [one for one in now.alerts if one.state != "resolved" and fits(matchers, matched_labels(one))]
    if not found:
        return "It fits no alert that is there now."
    named = ", ".join(f"{one.rule} {about(one.labels)}" for one in found[:3])
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return f"It mutes {len(found):,} of {len(now.alerts):,} alerts: {named}{more}."


def unsilence_deed(desk: Desk, key: str) -> tuple[Plan, Perform]:
    """End a silence: what the dialogue shows, and what does it."""
    now = desk.moment.alerts
    silence = next((one for one in now.silences if one.id == key), None)
    shown = matchers_text(silence) if silence is not None else key
    muted = [one for one in now.alerts if f"silence {key}" in now.muted.get(one.id, ())]
    hits = tuple(f"{one.rule} {about(one.labels)} is told again" for one in muted)
    plan = Plan(
        "end silence", (key,), (("gpu-watchdog", "alerts", "unsilence", key),), f"end the silence of {shown}",
        hits or ("no alert that is there now",), "another silence",
    )  # fmt: skip

    async def perform() -> Outcome:
        return await wished(desk, lambda to: to.end_silence(key), f"the silence {key} has ended")

    return plan, perform
