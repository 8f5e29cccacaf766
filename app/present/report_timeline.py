"""The timeline of an incident: its findings as bars on one axis, alerts and events as marks below them. Pure.

Each row is a label of plain HTML beside a strip of SVG in percent: labels wrap, strips stretch, and both print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.finding import Finding
from app.domain.series import Event
from app.present.incident_strip import short_title
from app.present.report_axis import Axis, anchor
from app.present.report_charts import text
from app.present.report_story import Chapter
from app.present.report_words import causal
from app.present.units import format_age

BAR, TALL = 8, 20
MOST_ROWS = 24
LEAST_PERCENT = 0.6
MOST_MARKS = 200
MARGIN = 0.06
LEAST_S = 120.0


def axis_of(chapter: Chapter, zone_of: Axis) -> Axis:
    """The time of the incident itself, with a little before and after it."""
    start, end = chapter.incident.began, max(chapter.until, chapter.incident.began)
    margin = max(LEAST_S, (end - start) * MARGIN)
    return Axis(max(zone_of.start, start - margin), min(zone_of.end, end + margin), zone_of.zone)


def timeline(chapter: Chapter, whole: Axis, made_at: float) -> str:
    """All of it."""
    axis = axis_of(chapter, whole)
    order = causal(chapter.findings)
    rows = [_finding(one, depth, axis, chapter, made_at) for one, depth in order[:MOST_ROWS]]
    if len(order) > MOST_ROWS:
        rows.append(
            f'<div class="row"><div class="label more">and {len(order) - MOST_ROWS:,} more findings</div></div>'
        )
    alerts = [one for one in chapter.events if one.kind.startswith("alert.")]
    others = [one for one in chapter.events if not one.kind.startswith(("alert.", "incident."))]
    rows += [_lane(name, some, axis) for name, some in (("alerts", alerts), ("events", others)) if some]
    return f'<div class="timeline">{"".join(rows)}{_foot(axis)}</div>'


def _finding(one: Finding, depth: int, axis: Axis, chapter: Chapter, made_at: float) -> str:
    lasts = chapter.stands(made_at) == "lasts" and one.last_seen >= chapter.until - LEAST_S
    until = chapter.until if lasts else one.last_seen
    start, end = axis.share(one.first_seen), axis.share(until)
    wide = max(LEAST_PERCENT, round(end - start, 3))
    lasted = max(0.0, until - one.first_seen)
    age = ("lasts " if lasts else "") + format_age(lasted) if lasted >= 1 else "at once"
    kind = "root" if one.root else "effect"
    bar = (
        f'<rect class="bar {one.severity} {kind}" x="{start}%" y="{(TALL - BAR) / 2:g}" width="{wide}%" '
        f'height="{BAR}" rx="2"><title>{text(one.title)}</title></rect>'
    )
    label = f'<span class="sign {one.severity}"></span><span class="what">{text(short_title(one), 160)}</span>'
    return (
        f'<div class="row {kind}" style="--depth:{depth}"><div class="label">{label}</div>'
        f'{_strip(bar, axis, f"{one.title}: {age}")}<div class="age">{age}</div></div>'
    )


def _lane(name: str, some: Sequence[Event], axis: Axis) -> str:
    """Moments on one strip, those outside its time left out."""
    shown = [one for one in some if axis.holds(one.at)]
    marks = "".join(_tick(one, axis.share(one.at)) for one in shown[:MOST_MARKS])
    return (
        f'<div class="row lane"><div class="label"><span class="what">{name}</span></div>'
        f'{_strip(marks, axis, f"{len(shown)} {name}")}<div class="age">{len(shown):,}</div></div>'
    )


def _tick(one: Event, at: float) -> str:
    tone = "info" if one.kind.endswith(("resolved", "ended", "up", "found")) else one.severity
    return (
        f'<line class="tick {tone}" x1="{at}%" x2="{at}%" y1="4" y2="{TALL - 4}"><title>{text(one.text)}</title></line>'
    )


def _strip(body: str, axis: Axis, said: str) -> str:
    grid = "".join(f'<line class="grid" x1="{at}%" x2="{at}%" y1="0" y2="{TALL}"/>' for at, _ in axis.ticks())
    return f'<svg class="strip" width="100%" height="{TALL}" role="img" aria-label="{text(said)}">{grid}{body}</svg>'


def _foot(axis: Axis) -> str:
    labels = "".join(_labels(axis))
    return (
        f'<div class="row foot"><div class="label"></div><svg class="strip" width="100%" height="16" '
        f'aria-hidden="true">{labels}</svg><div class="age"></div></div>'
    )


def _labels(axis: Axis) -> Iterator[str]:
    for at, label in axis.ticks():
        yield f'<text class="time" x="{at}%" y="12" text-anchor="{anchor(at)}">{label}</text>'
