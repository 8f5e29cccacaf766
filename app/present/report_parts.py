"""Pieces of a report's page: tables, evidence, steps with commands, deeds, lines of logs, how it was made. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Literal

from app.domain.evidence import LogEvidence
from app.domain.finding import Evidence, Finding
from app.present.incident_strip import short_title
from app.present.report_charts import text
from app.present.report_story import Deed, Story
from app.present.report_words import (
    LONGEST,
    MOST_LINES,
    actions_of,
    command_text,
    deed_words,
    dollars,
    iso,
    moment,
    replay_commands,
    zone_name,
)

FILES: tuple[tuple[str, str], ...] = (
    ("report.html", "this page"),
    ("report.md", "the same as plain text"),
    ("findings.json", "every finding, as `gpu-watchdog diagnose --json` prints it"),
    ("evidence.log", "what logs said, and what else happened, by time"),
    ("audit.jsonl", "what was done meanwhile, as the audit log has it"),
    ("recording.db", "what was seen then, to look at with time travel"),
    ("flight.rec", "what sources said then, as it came: `gpu-watchdog replay flight.rec` plays it"),
)


Kind = Literal["pairs", "wide", "overview"]
_CODE = re.compile(r"`([^`]{1,200})`")


def prose(words: str, most: int = 4000) -> str:
    """Sentences as HTML; what stands between backquotes is code. Escaped first, so that nothing else can be markup."""
    return _CODE.sub(r"<code>\1</code>", text(words, most))


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[str] = (),
    kind: Kind = "pairs",
) -> str:
    """A table of cells that are HTML already. `pairs` have no heads: when, and what.

    Of others, columns without a value in any row are left out.
    """
    is_headed = kind != "pairs"
    kept = [at for at in range(len(heads)) if not is_headed or any(row[at] not in ("", "—") for row in rows)]
    kinds = [
        "number" if heads[at] in numbers else "when" if at == 0 and not is_headed else "" for at in range(len(heads))
    ]
    names = "".join(f'<th class="{kinds[at]}">{heads[at]}</th>' for at in kept)
    head = f"<thead><tr>{names}</tr></thead>" if is_headed else ""
    cells = ("".join(f'<td class="{kinds[at]}">{row[at]}</td>' for at in kept) for row in rows)
    body = "".join(f"<tr>{one}</tr>" for one in cells)
    return f'<div class="scroll"><table class="{kind}">{head}<tbody>{body}</tbody></table></div>'


def evidence(some: Sequence[Evidence], zone: tzinfo | None) -> str:
    """What a finding rests on: when, what, by whom."""
    rows = [
        (
            text(moment(one.at, zone, of_day=some[0].at if number else None)),
            text(one.text) + (f' <span class="quiet">[{text(one.source)}]</span>' if one.source else ""),
        )
        for number, one in enumerate(some)
    ]
    return table(("", ""), rows) if rows else ""


def actions(findings: Sequence[Finding]) -> str:
    """What to do, in order; each command whole, alone on its line."""
    steps = actions_of(findings)
    if not steps:
        return "<p>Nothing is known that would help.</p>"
    about = findings[0].id
    items: list[str] = []
    for one, _, advice in steps[:24]:
        whose = "" if one.id == about else f'<p class="note">for {text(short_title(one))}</p>'
        about = one.id
        command = ""
        if advice.command is not None:
            gated = '<p class="note">changes something: look at it twice</p>' if advice.gated else ""
            command = f'<pre class="command">{text(command_text(advice.command), LONGEST)}</pre>{gated}'
        items.append(f"<li>{whose}{prose(advice.text, LONGEST)}{command}</li>")
    return f'<ol class="steps">{"".join(items)}</ol>'


def money(story: Story) -> Iterator[str]:
    """What all GPUs cost in that time."""
    spent = story.money
    if spent.spent is None and spent.energy_kwh is None:
        return
    said = f"All GPUs together: {dollars(spent.spent)}" if spent.spent is not None else ""
    idle = f", of it {dollars(spent.idle)} for GPUs that did nothing" if spent.idle else ""
    energy = f"{spent.energy_kwh:,.1f} kWh" if spent.energy_kwh is not None else ""
    yield f"<h2>Cost of that time</h2><p>{said}{idle}{'; ' if said and energy else ''}{energy}.</p>"


def deeds(story: Story, zone: tzinfo | None) -> Iterator[str]:
    """What was done."""
    yield "<h2>What was done</h2>"
    if not story.deeds:
        yield "<p>The audit log of this user has no action in that time.</p>"
        return
    rows = [(text(moment(one.at, zone)), _deed(one)) for one in story.deeds[:100]]
    yield table(("", ""), rows)


def _deed(one: Deed) -> str:
    commands = "".join(f'<pre class="command">{text(command, LONGEST)}</pre>' for command in one.commands[:4])
    return f"{text(deed_words(one), LONGEST)}{commands}"


def log_lines(story: Story) -> Iterator[str]:
    """The lines themselves, the newest where there are many."""
    if not story.logs:
        return
    shown = story.logs[-MOST_LINES:]
    lines = "\n".join(f"<b>{iso(one.at)} {text(whose(one))}</b> {text(one.text, 600)}" for one in shown)
    yield f'<h2>What logs said</h2><pre class="log">{lines}</pre>'
    more = len(story.logs) - len(shown) + story.more_logs
    if more:
        yield f'<p class="note">{more:,} more lines in evidence.log or left out.</p>'


def whose(one: LogEvidence) -> str:
    """Whose log a line is from: `gpu-1 kernel`."""
    return " ".join(part for part in (one.node, one.source) if part) or "-"


def files(story: Story) -> tuple[tuple[str, str], ...]:
    """The files that are there, and what each is."""
    there = {"recording.db": story.recording is not None, "flight.rec": story.has_flight}
    return tuple((name, what) for name, what in FILES if there.get(name, True))


def made(story: Story, zone: tzinfo | None) -> Iterator[str]:
    """Versions, the files beside this page, how to look at the recording."""
    rows = [(text(name), prose(what)) for name, what in files(story)]
    yield f"<h2>In this bundle</h2>{table(('', ''), rows)}"
    recording = story.recording
    if recording is not None:
        yield (
            f"<p></p><p>The recording holds {recording.pictures:,} pictures, one every {recording.step_s:g} s, from "
            f"{text(moment(recording.start, zone))} to {text(moment(recording.end, zone, of_day=recording.start))}. "
            "To look at it, in this folder:</p>"
        )
        yield "".join(f'<pre class="command">{text(one)}</pre>' for one in replay_commands(story))
    versions = ", ".join(f"{name} {version}" for name, version in story.versions)
    names = " Names of people, machines and work are made up." if story.is_anonymous else ""
    yield (
        f"<footer>Made {text(moment(story.made_at, zone))} ({zone_name(story.made_at, zone)}). {text(versions, 2000)}. "
        f"Secrets were taken out.{names}</footer>"
    )
