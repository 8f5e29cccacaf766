"""A report as Markdown that reads well as plain text. Pure; text from outside cannot become markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from app.domain.finding import Evidence, Finding
from app.present.cells import tidy
from app.present.incident_strip import short_title
from app.present.report_parts import files, whose
from app.present.report_story import Chapter, Story
from app.present.report_words import (
    JOB_HEADS,
    LONGEST,
    MOST_LINES,
    actions_of,
    causal,
    chosen_events,
    command_text,
    deed_words,
    dollars,
    iso,
    job_facts,
    meaning,
    moment,
    replay_commands,
    spans,
    subtitle,
    zone_name,
)
from app.present.units import format_age

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_LEADING = re.compile(r"^([-+=]|\d+[.)])")


def markdown_page(story: Story, zone: tzinfo | None = None) -> str:
    """The whole page."""
    return "\n".join(_lines(story, zone)) + "\n"


def plain(words: str, most: int = 400) -> str:
    """Text from outside as it reads: what Markdown or HTML would take for a sign of its own is escaped."""
    return _LEADING.sub(lambda found: f"\\{found[1]}", _SPECIAL.sub(r"\\\1", tidy(words, most)))


def fenced(words: str, language: str = "") -> tuple[str, ...]:
    """Lines as code; the fence is longer than any within."""
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * max(3, longest + 1)
    return (f"{fence}{language}", words, fence)


def _lines(story: Story, zone: tzinfo | None) -> Iterator[str]:
    yield f"# {plain(story.title)}"
    yield ""
    yield plain(subtitle(story, zone))
    if story.mode == "simulated":
        yield from ("", "**SIMULATED**: no real machine is spoken of.")
    if not story.chapters:
        yield from ("", "Nothing was wrong in that time, as far as it was looked at.")
    for one in story.chapters:
        yield from _chapter(one, story.made_at, zone, depth=2 if len(story.chapters) == 1 else 3)
    yield from _rest(story, zone)


def _chapter(one: Chapter, made_at: float, zone: tzinfo | None, depth: int) -> Iterator[str]:
    head = "#" * depth
    incident, root = one.incident, one.root
    if depth > 2:
        yield from ("", f"## {plain(incident.title)}")
    yield from ("", f"**{incident.severity}** · {plain(incident.id)}", "")
    for name, said in spans(one, made_at, zone):
        yield f"- {name}: {plain(said)}"
    if root is not None:
        yield from ("", f"{head} Root cause", "", f"**{plain(root.title)}**{_code(root)}", "")
        yield from _evidence(root.evidence, zone)
        means, alike = meaning(root)
        if means:
            yield from ("", f"{head} Why", "", plain(means, 4000))
        if alike:
            yield from ("", f"{head} What looks like it", "", *(f"- {plain(each, LONGEST)}" for each in alike))
    below = causal(one.findings)[1:]
    if below:
        yield from ("", f"{head} What followed from it", "")
        yield from (
            f"{'  ' * (at - 1)}- {each.severity}: {plain(each.title)}{_code(each)}, {_when(each, one, zone)}"
            for each, at in below[:40]
        )
    yield from ("", f"{head} What to do next", "", *_actions(one.findings))
    yield from _hit(one, zone, head)
    yield from _events(one, zone, head)


def _code(one: Finding) -> str:
    return f" ({plain(one.code)})" if one.code else ""


def _when(one: Finding, chapter: Chapter, zone: tzinfo | None) -> str:
    """Since when, and for how long."""
    since = moment(one.first_seen, zone, of_day=chapter.incident.began)
    return f"since {since}, {format_age(max(0.0, one.last_seen - one.first_seen))}"


def _evidence(some: Sequence[Evidence], zone: tzinfo | None) -> Iterator[str]:
    for one in some:
        source = f" \\[{plain(one.source)}\\]" if one.source else ""
        yield f"- {moment(one.at, zone)}: {plain(one.text)}{source}"


def _actions(findings: Sequence[Finding]) -> Iterator[str]:
    steps = actions_of(findings)
    if not steps:
        yield "Nothing is known that would help."
        return
    about = findings[0].id
    for number, (one, _, advice) in enumerate(steps[:24], 1):
        if one.id != about:
            about = one.id
            yield from ("", f"For {plain(short_title(one))}:", "")
        gated = " (changes something: look at it twice)" if advice.gated and advice.command is not None else ""
        yield f"{number}. {plain(advice.text, LONGEST)}{gated}"
        if advice.command is not None:
            yield ""
            yield from (f"   {line}" for line in fenced(command_text(advice.command), "sh"))
            yield ""


def _hit(one: Chapter, zone: tzinfo | None, head: str) -> Iterator[str]:
    if not one.jobs and not one.gpus:
        return
    yield from ("", f"{head} Who was hit", "")
    if one.gpus:
        more = f" and {len(one.gpus) - 24:,} more" if len(one.gpus) > 24 else ""
        yield from (f"Findings of their own have {plain(', '.join(one.gpus[:24]), LONGEST)}{more}", "")
    if one.jobs:
        yield f"| {' | '.join(JOB_HEADS)} |"
        yield f"|{'---|' * len(JOB_HEADS)}"
        yield from (f"| {' | '.join(map(plain, job_facts(job, zone)))} |" for job in one.jobs)


def _events(one: Chapter, zone: tzinfo | None, head: str) -> Iterator[str]:
    if not one.events:
        return
    shown, more = chosen_events(one.events)
    yield from ("", f"{head} What happened around it", "")
    yield from (f"- {moment(each.at, zone)} {each.severity}: {plain(each.text)}" for each in shown)
    if more:
        yield f"- and {more:,} of less weight"


def _rest(story: Story, zone: tzinfo | None) -> Iterator[str]:
    if story.money.spent is not None:
        idle = f", of it {dollars(story.money.idle)} for GPUs that did nothing" if story.money.idle else ""
        yield from ("", "## Cost of that time", "", plain(f"All GPUs together: {dollars(story.money.spent)}{idle}."))
    yield from ("", "## What was done", "")
    if not story.deeds:
        yield "The audit log of this user has no action in that time."
    yield from (f"- {moment(one.at, zone)} {plain(deed_words(one), LONGEST)}" for one in story.deeds[:100])
    if story.logs:
        lines = "\n".join(f"{iso(one.at)} {tidy(whose(one))} {tidy(one.text, 600)}" for one in story.logs[-MOST_LINES:])
        yield from ("", "## What logs said", "", *fenced(lines))
    said = [*story.gaps, *(f"{one.what}: {one.why}" if one.why else one.what for one in story.blind[:60])]
    if said:
        yield from ("", "## Not looked at", "", *(f"- {plain(one)}" for one in said))
    yield from ("", "## In this bundle", "")
    yield from (f"- {name}: {what}" for name, what in files(story))
    commands = replay_commands(story)
    if commands:
        yield from ("", "The recording, looked at:", "", *fenced("\n".join(commands), "sh"))
    versions = ", ".join(f"{name} {version}" for name, version in story.versions)
    names = " Names of people, machines and work are made up." if story.is_anonymous else ""
    made = f"Made {moment(story.made_at, zone)} ({zone_name(story.made_at, zone)}). {plain(versions, LONGEST)}."
    yield from ("", f"{made} Secrets were taken out.{names}")
