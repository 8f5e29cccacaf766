"""propose_silence and propose_acknowledge: wishes about alerts, as the commands `gpu-watchdog alerts …` make them."""

from __future__ import annotations

from typing import Annotated

from app.agent.ground import Ground
from app.agent.tools.places import span_of
from app.agent.tools.proposing import proposed, refuse_read_only
from app.agent.tools.tool import Found, ToolError
from app.domain.alert import Alert, Matcher, fits
from app.domain.alerts_now import AlertsNow
from app.domain.job_actions import Plan
from app.domain.naming import clean
from app.engine.words import span

LONGEST_S = 30 * 86400.0
_MOST_HITS = 12
Why = Annotated[str, "one sentence for the person: why this should be done"]


async def propose_silence(
    ground: Ground,
    alert: Annotated[str, 'id of a firing alert (a-…), or matchers: alertname="GpuHot",node="gpu-01"'],
    lasts: Annotated[str, "for how long: 30m, 2h, 1d"],
    why: Why,
) -> Found:
    """Propose to silence alerts, so that nobody is told of them. Nothing is done until the person presses the key."""
    now = _alerts(ground)
    matchers = _matchers(now, alert)
    lasts_s = span_of(lasts)
    if lasts_s > LONGEST_S:
        raise ToolError(f"a silence lasts {span(LONGEST_S)} at the most")
    text = ",".join(map(str, matchers))
    # `alertname` and `severity` are labels to a silence.
    hit = [one for one in now.alerts if one.is_active and fits(matchers, _labels(one))]
    note = clean(" ".join(why.split()), 200)
    plan = Plan(
        verb="silence",
        targets=(text,),
        commands=(("gpu-watchdog", "alerts", "silence", text, "--for", _span_word(lasts_s), "--note", note),),
        summary=f"silence {clean(text, 120)} for {span(lasts_s)}",
        hits=tuple(_line(one) for one in hit[:_MOST_HITS]) or ("no alert that fires now",),
        undo="gpu-watchdog alerts unsilence ID (the id is told)",
        is_severe=any(one.severity == "critical" for one in hit),
        warnings=("a critical alert is among them",) if any(one.severity == "critical" for one in hit) else (),
    )
    return proposed(ground, plan, why)


async def propose_acknowledge(
    ground: Ground,
    alerts: Annotated[list[str], "ids of alerts (a-…)"],
    why: Why,
) -> Found:
    """Propose to acknowledge alerts: somebody takes them on. Nothing is done until the person presses the key."""
    now = _alerts(ground)
    found = [_alert(now, one) for one in alerts]
    note = clean(" ".join(why.split()), 200)
    plan = Plan(
        verb="acknowledge",
        targets=tuple(one.id for one in found),
        commands=tuple(("gpu-watchdog", "alerts", "ack", one.id, "--note", note) for one in found),
        summary=f"acknowledge {', '.join(one.id for one in found[:8])}" + (" and more" if len(found) > 8 else ""),
        hits=tuple(_line(one) for one in found[:_MOST_HITS]),
        undo="nothing undoes this: it ends when the alert is over",
    )
    return proposed(ground, plan, why)


def _alerts(ground: Ground) -> AlertsNow:
    """The alerts there are now. Raises ToolError where nobody evaluates rules, or nothing may be done."""
    refuse_read_only(ground)
    now = ground.feed.alerts()
    if ground.feed.desk() is None or not now.is_current(ground.feed.now()):
        raise ToolError("nobody evaluates alert rules here, so there is nothing to silence or acknowledge")
    return now


def _alert(now: AlertsNow, wanted: str) -> Alert:
    found = now.find(wanted.strip())
    if found is None:
        some = ", ".join(one.id for one in now.alerts[:8]) or "none"
        raise ToolError(f"there is no alert {clean(wanted, 40)!r} now; there are: {some}")
    return found


def _matchers(now: AlertsNow, wanted: str) -> tuple[Matcher, ...]:
    """An alert's own labels, or what was written out. Raises ToolError."""
    if "=" not in wanted and "~" not in wanted:
        one = _alert(now, wanted)
        return tuple(Matcher(name, "=", value) for name, value in (("alertname", one.rule), *one.labels))
    from app.engine.alerting.parse import ExpressionError, parse_matchers  # noqa: PLC0415 - late: for wishes only

    try:
        found = parse_matchers(wanted)
    except ExpressionError as error:
        raise ToolError(f'{error}; write alertname="GpuHot",node="gpu-01" or an alert\'s id') from error
    if not found or all(one.op != "=" for one in found):
        raise ToolError("name at least one label with =: a silence of everything is not proposed")
    return found


def _span_word(seconds: float) -> str:
    """A span as the command takes it."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def _labels(one: Alert) -> tuple[tuple[str, str], ...]:
    return (("alertname", one.rule), ("severity", one.severity), *one.labels)


def _line(one: Alert) -> str:
    return f"{one.id} {one.severity}: {clean(one.text or one.rule, 120)}"
