"""A report as one page that needs nothing else: no script, no font, no picture from anywhere. Pure.

Every text from outside goes through `text`; the page forbids itself scripts and loading (its own Content-Security-
Policy), so that even what would slip through could do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo

from app.domain.finding import Finding
from app.domain.series import Severity
from app.present.report_axis import Axis
from app.present.report_charts import chart, text
from app.present.report_parts import actions, deeds, evidence, log_lines, made, money, prose, table
from app.present.report_story import Chapter, Story, counted
from app.present.report_style import style
from app.present.report_timeline import timeline
from app.present.report_words import (
    JOB_HEADS,
    STANDS,
    causal,
    chosen_events,
    job_facts,
    meaning,
    moment,
    spans,
    subtitle,
)
from app.present.units import format_age

MOST_EFFECTS = 40
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_page(story: Story, zone: tzinfo | None = None) -> str:
    """The whole page."""
    body = "".join(_body(story, zone))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{text(story.title)}</title><style>{style()}</style></head>\n<body><main>{body}</main></body></html>\n"
    )


def _body(story: Story, zone: tzinfo | None) -> Iterator[str]:
    axis = Axis(story.start, story.end, zone)
    is_one = len(story.chapters) == 1
    if not is_one:
        yield _chips(story, None)
        yield f'<header><h1>{text(story.title)}</h1><p class="sub">{text(subtitle(story, zone))}</p></header>'
        yield from _overview(story, zone)
    for one in story.chapters:
        inner = "".join(_chapter(one, story, axis, is_one=is_one))
        kind = "" if is_one else ' class="one-of-many"'
        yield f'<article id="{text(one.incident.id)}"{kind}>{inner}</article>'
    yield from money(story)
    yield from deeds(story, zone)
    yield from log_lines(story)
    yield from _blind(story)
    yield from made(story, zone)


def _chips(story: Story, chapter: Chapter | None) -> str:
    chips: list[tuple[str, str]] = []
    if chapter is not None:
        incident = chapter.incident
        chips.append((incident.severity, f"{incident.severity} · {incident.id}"))
        stands = chapter.stands(story.made_at)
        chips.append((incident.severity if stands == "lasts" else "over", STANDS[stands]))
    if story.mode == "simulated":
        chips.append(("mode", "SIMULATED"))
    return "".join(f'<span class="chip {kind}">{text(said)}</span>' for kind, said in chips)


def _sign(severity: Severity) -> str:
    return f'<span class="sign {severity}"></span>'


def _overview(story: Story, zone: tzinfo | None) -> Iterator[str]:
    """All incidents of the time, one line each."""
    if not story.chapters:
        yield "<h2>Incidents</h2><p>Nothing was wrong in that time, as far as it was looked at.</p>"
        return
    rows = [
        (
            f'{_sign(one.incident.severity)}<a href="#{text(one.incident.id)}">{text(one.incident.title)}</a>',
            text(moment(one.incident.began, zone)),
            text(format_age(one.lasted_s) + (", lasts" if one.stands(story.made_at) == "lasts" else "")),
            text(counted(one.incident.affects.gpus, "GPU") if one.incident.affects.gpus else "—"),
            text(", ".join(one.incident.affects.jobs[:3]) or "—"),
        )
        for one in story.chapters
    ]
    yield f"<h2>Incidents</h2>{table(('incident', 'began', 'lasted', 'GPUs', 'jobs'), rows, kind='overview')}"


def _chapter(one: Chapter, story: Story, axis: Axis, *, is_one: bool) -> Iterator[str]:
    zone = axis.zone
    yield f"<header>{_chips(story if is_one else replace(story, mode='live'), one)}<h1>{text(one.incident.title)}</h1>"
    yield f'<p class="sub">{text(subtitle(story, zone))}</p></header>' if is_one else "</header>"
    facts = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(said)}</dd></div>" for name, said in spans(one, story.made_at, zone)
    )
    yield f'<dl class="facts">{facts}</dl>'
    root = one.root
    if root is not None:
        yield from _cause(root, one, zone)
    yield f"<h2>Timeline</h2>{timeline(one, axis, story.made_at)}" if one.findings else ""
    yield from _effects(one, zone)
    yield f"<h2>What to do next</h2>{actions(one.findings)}"
    yield from _hit(one, zone)
    yield from _charts(one, axis)
    yield from _events(one, zone)


def _code(one: Finding) -> str:
    return f' <span class="quiet">({text(one.code)})</span>' if one.code else ""


def _cause(root: Finding, one: Chapter, zone: tzinfo | None) -> Iterator[str]:
    """The root: what it rests on, why, and what else looks like it."""
    yield f"<h2>Root cause <span>{text(' · '.join(one for one in (root.code, root.fault) if one))}</span></h2>"
    if root.title != one.incident.title:
        yield f"<h3>{text(root.title)}</h3>"
    yield evidence(root.evidence, zone)
    means, alike = meaning(root)
    if means:
        yield f'<p class="why">{prose(means)}</p>'
    if alike:
        yield f'<p class="quiet">What looks like it, and what tells it apart:</p><ul class="plain">{_items(alike)}</ul>'


def _items(some: Iterable[str]) -> str:
    return "".join(f"<li>{prose(one)}</li>" for one in some)


def _effects(one: Chapter, zone: tzinfo | None) -> Iterator[str]:
    below: Sequence[tuple[Finding, int]] = causal(one.findings)[1:]
    if not below:
        return
    yield "<h2>What followed from it</h2>"
    for finding, depth in below[:MOST_EFFECTS]:
        first = finding.evidence[0] if finding.evidence else None
        said = f"{moment(first.at, zone)} · {first.text}" if first is not None else moment(finding.first_seen, zone)
        yield (
            f'<div class="effect-item" style="--depth:{depth}"><h3>{_sign(finding.severity)} '
            f'<span>{text(finding.title)}{_code(finding)}</span></h3><p class="quiet said">{text(said)}</p></div>'
        )
    if len(below) > MOST_EFFECTS:
        yield f'<p class="quiet">and {len(below) - MOST_EFFECTS:,} more; findings.json lists them all</p>'


def _hit(one: Chapter, zone: tzinfo | None) -> Iterator[str]:
    """Jobs with their people, GPUs, money."""
    if not one.jobs and not one.gpus:
        return
    yield "<h2>Who was hit</h2>"
    if one.gpus:
        more = f" and {len(one.gpus) - 24:,} more" if len(one.gpus) > 24 else ""
        named = text(", ".join(one.gpus[:24]), 2000)
        yield f'<p><span class="quiet">Findings of their own have</span> {named}{more}</p>'
    if one.jobs:
        rows = [tuple(map(text, job_facts(job, zone))) for job in one.jobs]
        yield table(JOB_HEADS, rows, numbers=("GPUs", "ran", "rate", "cost by then"), kind="wide")


def _charts(one: Chapter, axis: Axis) -> Iterator[str]:
    if not one.charts:
        return
    marks = [each for each in one.events if each.kind.startswith(("gpu.", "log."))]
    during = (one.incident.began, one.until)
    drawn = "".join(chart(each, axis, during, marks) for each in one.charts)
    yield (
        f'<h2>Measured</h2><div class="charts">{drawn}</div>'
        '<p class="note">Shaded: the time of the incident. Dotted: events. Dashed: a limit of the device. '
        "A gap: no value.</p>"
    )


def _events(one: Chapter, zone: tzinfo | None) -> Iterator[str]:
    if not one.events:
        return
    shown, more = chosen_events(one.events)
    rows = [
        (
            text(moment(each.at, zone, of_day=one.incident.began)),
            f"{_sign(each.severity)}{text(each.text)}",
        )
        for each in shown
    ]
    yield f"<h2>What happened around it</h2>{table(('', ''), rows)}"
    if more:
        yield f'<p class="note">{more:,} of less weight are left out.</p>'


def _blind(story: Story) -> Iterator[str]:
    said = [f"{one.what}: {one.why}" if one.why else one.what for one in story.blind]
    if said or story.gaps:
        yield f'<h2>Not looked at</h2><ul class="plain">{_items([*story.gaps, *said[:60]])}</ul>'
