"""One incident as lines: the root and its evidence, the timeline, what followed from it. Pure.

Every line knows which finding it speaks of and what it is, so that keys can go on from the line under the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from app.domain.diagnosis import Incident
from app.domain.finding import Evidence, Finding
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, cells, fit, line, text_width, tidy, wrap
from app.present.incident_signs import TONES, named, severity_cell
from app.present.incident_strip import axis_line, axis_of, short_title, strip_row, until_of
from app.present.incident_told import Told, causal
from app.present.look import Look
from app.present.units import format_age, format_money

Kind = Literal["text", "fold", "finding", "evidence", "action"]
CONSEQUENCES = "consequences"
"""What is unfolded to see all that followed; single findings are unfolded by their ids."""
_STRIP_FOLDED = 8
"""Rows of the timeline while the consequences are folded."""
_SOURCE = 18
_WRAPPED_MOST = 5
"""Lines of one piece of evidence."""
_EVIDENCE_MOST = 12
_NARROW = 56


class Part(NamedTuple):
    """One line of an incident."""

    key: str
    """Stays the same from look to look."""
    line: Line
    kind: Kind = "text"
    finding: str = ""
    """Id of the finding it speaks of; empty: of the incident as a whole."""
    number: int = 0
    """Of the evidence or the action among those of its finding."""


@frozen
class Sight:
    """How an incident is looked at."""

    look: Look
    width: int
    opened: frozenset[str] = frozenset()
    """What is unfolded: CONSEQUENCES, ids of findings."""
    at: float = 0.0
    """The moment of the diagnosis, epoch seconds: up to here things are known to last."""
    can_run: Callable[[str], bool] | None = None
    """Whether a command can be run from here; None: none can."""
    run_key: str = ""
    """The key that does."""


def story_parts(told: Told, incident: Incident, sight: Sight) -> tuple[Part, ...]:
    """The root first, its evidence, the timeline, then what followed."""
    findings = told.findings(incident)
    parts = [*_head(incident, findings, sight)]
    if not findings:
        said = "Its findings are not known here any more"
        return (*parts, *_numbered("gone", _prose(said, sight.width, "quiet")))
    root = told.root(incident) or findings[0]
    parts += _titled("Evidence", "evidence")
    parts += _evidence(root, sight, indent=0)
    parts += _strip(incident, findings, sight)
    parts += _consequences(findings, sight)
    return tuple(parts)


def who_line(incident: Incident, look: Look) -> Line:
    """`job 812 · ana · 8 GPUs · $23.84/h`: whom it hits."""
    affects = incident.affects
    jobs = ("job " if len(affects.jobs) == 1 else "jobs ") + named(affects.jobs, 6) if affects.jobs else ""
    gpus = f"{affects.gpus} GPU{'s' if affects.gpus != 1 else ''}" if affects.gpus else ""
    cost = format_money(affects.cost_per_hour) if affects.cost_per_hour is not None else ""
    said: list[Cell | str | Line] = []
    for text in (jobs, named(incident.users, 6), gpus, cost):
        if text:
            said += [Cell(f" {look.glyphs.dot} ", "frame") if said else "", cells(text)]
    return line(*said) if said else (Cell("nobody, as far as is known", "quiet"),)


def _head(incident: Incident, findings: Sequence[Finding], sight: Sight) -> Iterator[Part]:
    """How grave, since when, what, whom it hits."""
    look, root = sight.look, findings[0].id if findings else ""
    lasted = format_age(max(0.0, until_of(incident, sight.at) - incident.began))
    code = next((one.code for one in findings[:1] if one.code), "")
    over = f"ended {look.clock(incident.ended)}, after {lasted}" if incident.ended is not None else f"for {lasted}"
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    grave: Line = (severity_cell(incident.severity, look), Cell(f" {incident.severity}", TONES[incident.severity]))
    if incident.ended is not None:
        grave = (Cell(f"was {incident.severity}", "quiet"),)
    yield Part(
        "head",
        line(
            grave,
            dot,
            Cell(f"since {look.clock(incident.began)}, {over}", "quiet"),
            dot,
            cells(incident.id, "quiet"),
            cells(f" {code}", "quiet"),
        ),
    )
    for number, text in enumerate(wrap(tidy(incident.title, 400), sight.width)[:_WRAPPED_MOST]):
        yield Part(f"title {number}", (Cell(text, "strong"),), "finding", root)
    yield Part("who", line(Cell("hits ", "head"), who_line(incident, look)))


def _evidence(one: Finding, sight: Sight, *, indent: int) -> Iterator[Part]:
    """When, who says so, what was said; long texts are wrapped under themselves."""
    if not one.evidence:
        yield Part(f"bare {one.id}", (Cell(" " * indent + "no line of it is kept", "quiet"),), "text", one.id)
    shown = one.evidence[:_EVIDENCE_MOST]
    longest = max((text_width(tidy(told.source, 60)) for told in shown), default=0)
    source_width = 0 if sight.width < _NARROW else min(_SOURCE, longest)
    for number, told in enumerate(shown):
        yield from _one_evidence(one, number, told, sight, indent, source_width)
    more = len(one.evidence) - _EVIDENCE_MOST
    if more > 0:
        yield Part(f"evidence more {one.id}", (Cell(f"{' ' * indent}and {more} more", "quiet"),), "text", one.id)


def _one_evidence(
    one: Finding, number: int, told: Evidence, sight: Sight, indent: int, source_width: int
) -> Iterator[Part]:
    look = sight.look
    when = look.clock(told.at)
    source = fit(tidy(told.source, 60), source_width, cut=look.glyphs.more) if source_width else ""
    hang = indent + text_width(when) + 2 + (source_width + 2 if source_width else 0)
    said = tidy(told.text, 600) if source_width else tidy(f"{told.text} ({told.source})", 600)
    texts = wrap(said, max(12, sight.width - hang)) or ("",)
    for at, text in enumerate(texts[:_WRAPPED_MOST]):
        cut = look.glyphs.more if at == _WRAPPED_MOST - 1 and len(texts) > _WRAPPED_MOST else ""
        head: Line = (Cell(" " * hang),)
        if not at:
            named_source = (Cell(f"{source}  ", "quiet"),) if source_width else ()
            head = (Cell(" " * indent), Cell(f"{when}  ", "head"), *named_source)
        yield Part(f"evidence {one.id} {number} {at}", line(head, Cell(text + cut)), "evidence", one.id, number)


def _strip(incident: Incident, findings: Sequence[Finding], sight: Sight) -> Iterator[Part]:
    """A row a finding, on one axis."""
    until = until_of(incident, sight.at)
    most = len(findings) if CONSEQUENCES in sight.opened else _STRIP_FOLDED
    shown = findings[:most]
    axis = axis_of(findings, until, sight.width)
    if axis is None:
        return
    yield from _titled("When", "when")
    for one in shown:
        lasts = incident.ended is None
        yield Part(f"when {one.id}", strip_row(one, axis, until, sight.look, lasts=lasts), "finding", one.id)
    if len(findings) > most:
        yield Part("when more", (Cell(f"  and {len(findings) - most} more", "quiet"),), "fold")
    yield Part("when axis", axis_line(axis, sight.look))


def _consequences(findings: Sequence[Finding], sight: Sight) -> Iterator[Part]:
    """What followed: one line while it is folded, else each with its evidence on demand."""
    glyphs = sight.look.glyphs
    followed = causal(findings)[1:]
    if not followed:
        return
    is_open = CONSEQUENCES in sight.opened
    count = len(followed)
    named_all = ", ".join(dict.fromkeys(str(one.subject).partition("#")[0] for one, _ in followed[:_STRIP_FOLDED]))
    yield Part("consequences gap", ())
    yield Part(
        CONSEQUENCES,
        line(
            Cell(f"{glyphs.down if is_open else glyphs.onward} ", "accent"),
            Cell(f"{count} consequence{'s' if count != 1 else ''}", "strong"),
            () if is_open else (Cell("  "), *cells(tidy(named_all, 200), "quiet")),
        ),
        "fold",
    )
    if is_open:
        for one, depth in followed:
            yield from _consequence(one, depth, sight)


def _consequence(one: Finding, depth: int, sight: Sight) -> Iterator[Part]:
    look = sight.look
    is_open = one.id in sight.opened
    indent = 2 * depth
    sign = look.glyphs.down if is_open else look.glyphs.onward
    head = line(
        " " * indent,
        Cell(f"{sign} ", "accent"),
        severity_cell(one.severity, look),
        Cell(f" {look.clock(one.first_seen)}  ", "head"),
        Cell(short_title(one)),
    )
    yield Part(f"finding {one.id}", head, "fold", one.id)
    if not is_open:
        return
    yield from _evidence(one, sight, indent=indent + 2)
    for number, text in enumerate(wrap(tidy(one.explanation, 2000), max(12, sight.width - indent - 2))):
        yield Part(f"means {one.id} {number}", line(" " * (indent + 2), Cell(text, "quiet")), "text", one.id)


def _titled(title: str, key: str) -> Iterator[Part]:
    """A heading with a blank line before it."""
    yield Part(f"{key} gap", ())
    yield Part(f"{key} title", (Cell(title, "head"),))


def _prose(text: str, width: int, tone: Tone) -> list[Line]:
    return [(Cell(one, tone),) for one in wrap(text, max(12, width))]


def _numbered(key: str, lines: Sequence[Line]) -> tuple[Part, ...]:
    return tuple(Part(f"{key} {number}", one) for number, one in enumerate(lines))
