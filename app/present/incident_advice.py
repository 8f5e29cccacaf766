"""What an incident means, what to do about it, and what nobody looked at, as lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.domain.diagnosis import Blind, Incident
from app.domain.finding import Advice, Finding
from app.present.cells import Cell, Line, Tone, line, text_width, tidy, wrap
from app.present.incident_strip import short_title
from app.present.incident_told import Told
from app.present.incident_view import Part, Sight

ALIKE = "Looks alike: "
"""What the diagnosis puts before everything that could be taken for the fault."""
LONGEST_COMMAND = 2000
_REASON = re.compile(r"\breason=('[^']*'|\S*)", re.IGNORECASE)
_ACTIONS_MOST = 12
_BLIND_MOST = 40
_PROSE_MOST = 4000


def advice_parts(told: Told, incident: Incident, sight: Sight) -> tuple[Part, ...]:
    """Why, what to do next, what was not looked at."""
    root = told.root(incident)
    why = tuple(_why(root, sight)) if root is not None else ()
    blind = blind_parts(told.diagnosis.blind, sight)
    titled = (Part("blind gap", ()), Part("blind title", (Cell("Not looked at", "head"),))) if blind else ()
    return (*why, *_next(told.findings(incident), sight), *titled, *blind)


def actions_of(findings: Sequence[Finding]) -> tuple[tuple[Finding, int, Advice], ...]:
    """What to do, each once: about the root first, then about what followed from it."""
    seen: set[tuple[str, str | None]] = set()
    found: list[tuple[Finding, int, Advice]] = []
    for one in findings:
        for number, advice in enumerate(one.actions):
            # A node is drained once, whatever reason each finding would give for it.
            what = ("", _REASON.sub("", advice.command)) if advice.command else (advice.text, None)
            if what not in seen:
                seen.add(what)
                found.append((one, number, advice))
    return tuple(found)


def command_text(command: str) -> str:
    """A command as it may be shown and copied: on one line, so that pasting it runs nothing by itself."""
    return tidy(command, LONGEST_COMMAND)


def _why(root: Finding, sight: Sight) -> Iterator[Part]:
    """What it means, and what else looks like it."""
    means, *alike = tidy(root.explanation, _PROSE_MOST).split(ALIKE)
    yield Part("why title", (Cell("Why", "head"),))
    for number, text in enumerate(wrap(means or "no more is known of this fault", sight.width)):
        yield Part(f"why {number}", (Cell(text),), "text", root.id)
    if not alike:
        return
    yield Part("alike gap", ())
    yield Part("alike title", (Cell("Looks alike", "head"),))
    for at, said in enumerate(alike):
        for number, shown in enumerate(_hanging(said, f"{sight.look.glyphs.dot} ", sight.width)):
            yield Part(f"alike {at} {number}", shown, "text", root.id)


def _next(findings: Sequence[Finding], sight: Sight) -> Iterator[Part]:
    """Numbered steps, each with its exact command and whether it changes something."""
    steps = actions_of(findings)
    yield Part("next gap", ())
    yield Part("next title", (Cell("Next", "head"),))
    if not steps:
        yield Part("next none", (Cell("nothing is known that would help", "quiet"),))
    about = findings[0].id if findings else ""
    for at, (one, number, advice) in enumerate(steps[:_ACTIONS_MOST]):
        if one.id != about:
            about = one.id
            yield Part(f"for {one.id}", line(Cell("for ", "quiet"), Cell(short_title(one), "quiet")), "text", one.id)
        for line_number, (shown, kind) in enumerate(_step(at + 1, advice, sight)):
            key = f"action {one.id} {number} {line_number}"
            yield Part(key, shown, "action" if kind else "text", one.id, number)
    if len(steps) > _ACTIONS_MOST:
        yield Part("next more", (Cell(f"and {len(steps) - _ACTIONS_MOST} more", "quiet"),))


def _step(number: int, advice: Advice, sight: Sight) -> Iterator[tuple[Line, bool]]:
    """What to do, its command, and whether that changes something; whether a line belongs to the action."""
    for shown in _hanging(advice.text, f"{number} ", sight.width, "plain"):
        yield shown, True
    if advice.command is None:
        return
    command = command_text(advice.command)
    for shown in _hanging(command, "  $ ", sight.width, "accent"):
        yield shown, True
    is_ours = sight.can_run is not None and sight.can_run(advice.command)
    said = f"{sight.run_key} runs it, and asks first" if is_ours else "changes something" if advice.gated else ""
    if said:
        yield line("    ", Cell(said, "quiet")), True


def blind_parts(blind: Sequence[Blind], sight: Sight) -> tuple[Part, ...]:
    """What was not looked at, and why: nothing said of it means nothing."""
    parts: list[Part] = []
    for at, one in enumerate(blind[:_BLIND_MOST]):
        said = f"{tidy(one.what, 200)}: {tidy(one.why, 300)}" if one.why else tidy(one.what, 200)
        for number, shown in enumerate(_hanging(said, f"{sight.look.glyphs.dot} ", sight.width, "quiet")):
            parts.append(Part(f"blind {at} {number}", shown))
    if len(blind) > _BLIND_MOST:
        parts.append(Part("blind more", (Cell(f"and {len(blind) - _BLIND_MOST} more", "quiet"),)))
    return tuple(parts)


def _hanging(text: str, sign: str, width: int, tone: Tone = "plain") -> list[Line]:
    """A sign, and the text wrapped beside it."""
    hang = text_width(sign)
    told = wrap(tidy(text, LONGEST_COMMAND), max(12, width - hang)) or ("",)
    return [line(Cell(" " * hang if number else sign, "quiet"), Cell(one, tone)) for number, one in enumerate(told)]
