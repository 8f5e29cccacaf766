"""Incidents as rows and lines: order, filter, story, strip, advice, and harmless whatever they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from time import thread_time

import pytest

from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.filter_grammar import FilterError
from app.present.cells import line_text, line_width
from app.present.glyphs import ASCII
from app.present.incident_advice import actions_of, advice_parts, blind_parts, command_text
from app.present.incident_filter import EXAMPLES, Ground, parse_incident_filter
from app.present.incident_rows import INCIDENT_COLUMNS, IncidentOrder, chosen_incidents, incident_rows
from app.present.incident_signs import counts, worst
from app.present.incident_strip import axis_of, short_title, strip_row
from app.present.incident_titles import age_line, lead_line, trouble_piece, why_no_incident
from app.present.incident_told import causal, told_of, touching
from app.present.incident_view import CONSEQUENCES, Part, Sight, story_parts
from app.present.look import Look
from tests.present.fleets import NOW
from tests.tui.diagnoses import AT, HOSTILE, LOST, calm, hostile, many, troubles

LOOK = Look(NOW, tz=UTC)
TOLD = told_of(troubles())
FIRST = TOLD.diagnosis.incidents[0]
OVER = TOLD.diagnosis.ended[0]


def sight(width: int = 100, *opened: str, look: Look = LOOK) -> Sight:
    """Look at an incident in so many columns, with this unfolded."""
    return Sight(look, width, frozenset(opened), AT, lambda command: command.startswith("scontrol"), "r")


def said(parts: tuple[Part, ...]) -> str:
    """Lines as plain text."""
    return "\n".join(line_text(part.line).rstrip() for part in parts)


def ids(**order: object) -> list[str]:
    """The incidents of the usual board in an order."""
    return [one.id for one in chosen_incidents(TOLD, IncidentOrder(**order), NOW)]  # type: ignore[arg-type]  # its fields by name


def test_gravest_comes_first_and_those_that_are_over_only_when_asked_for() -> None:
    """The list is the diagnosis' own order; ended ones stand below all others, whatever the order."""
    assert ["i-17", "i-12", "i-15"] == ids()
    assert ["i-17", "i-12", "i-15", "i-9"] == ids(has_ended=True)
    assert ["i-12", "i-15", "i-17", "i-9"] == ids(has_ended=True, sort="age", is_descending=True)
    assert ["i-12", "i-15", "i-17"] == ids(sort="gpus")


def test_row_says_how_grave_since_when_what_and_whom_it_hits() -> None:
    """Sign, duration, title, jobs, users, GPUs, cost, id; of one that is over when it ended."""
    rows = incident_rows((FIRST, OVER), LOOK)

    assert ("▲", "3 min", "GPU gpu-01/5: fell off the bus", "812", "ana", "12", "$35.76/h", "i-17") == rows[0].text
    assert ("·", "13 min", "ended 13:43  gpu-02: NFS server filer-1 does not answer") == rows[1].text[:3]
    assert {"old", "quiet"} == {cell.tone for line in rows[1].cells for cell in line}
    assert len(INCIDENT_COLUMNS) == len(rows[0].cells)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("critical", ["i-17", "i-9"]),
        ("open !info", ["i-17", "i-12"]),
        ("user:ana", ["i-17"]),
        ("job:816 open", ["i-12"]),
        ("node:gpu-0[2-4]", ["i-12", "i-15", "i-9"]),
        ("gpu:gpu-01/5", ["i-17"]),
        ("service:vllm*", ["i-17"]),
        ("code:h1,A3", ["i-17", "i-12"]),
        ("fault:nfs", ["i-9"]),
        ("state:info,warning", ["i-12", "i-15"]),
        ("gpus>4 cost>30", ["i-17"]),
        ("age>1h", ["i-12"]),
        ("ENGINE", ["i-17"]),
        ("id:i-15 | ended", ["i-15", "i-9"]),
    ],
)
def test_filter_keeps_what_fits(text: str, kept: list[str]) -> None:
    """A term holds where any finding of the incident fits it."""
    assert kept == ids(has_ended=True, wanted=parse_incident_filter(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("usr:ana", "did you mean 'user'"),
        ("user:", "user:ana"),
        ("gpus>many", "write gpus>4"),
        ("age>soon", "write age>1h"),
        ("state:bad", "there are critical"),
        ("node:gpu-[", "has no partner"),
        ("(critical", "never closed"),
    ],
)
def test_wrong_filter_is_explained(text: str, words: str) -> None:
    """What is wrong is one sentence with what to write instead."""
    with pytest.raises(FilterError) as caught:
        parse_incident_filter(text)

    assert words in str(caught.value)


def test_every_field_of_the_filter_has_an_example_that_parses() -> None:
    """Help and completion offer nothing that cannot be read."""
    ground = Ground(TOLD, NOW)

    assert [] == [
        name for name, one in EXAMPLES.items() if parse_incident_filter(f"{name}:{one}").keeps(FIRST, ground) is None
    ]


def test_story_tells_the_root_before_anything_that_followed() -> None:
    """Head, evidence with clock and source, the strip; consequences are one line until they are unfolded."""
    text = said(story_parts(TOLD, FIRST, sight()))

    assert "▲ critical · since 15:57:19, for 3 min · i-17 B1" == text.splitlines()[0]
    assert "hits job 812 · ana · 12 GPUs · $35.76/h" in text
    assert "15:57:19  kern.log@gpu-01  NVRM: Xid (PCI:0000:05:00): 79" in text
    assert text.index("Evidence") < text.index("When") < text.index("▸ 3 consequences  job 812, vllm-01, gpu-01")
    assert "EngineDeadError" not in text


def test_unfolded_consequences_stand_below_their_causes() -> None:
    """The engine died of the job's loss: it stands below it and further in; its evidence once it is unfolded too."""
    parts = story_parts(TOLD, FIRST, sight(100, CONSEQUENCES, "f-11"))
    lines = {part.key: line_text(part.line) for part in parts}

    assert ["finding f-10", "finding f-11", "finding f-12"] == [key for key in lines if key.startswith("finding ")]
    assert lines["finding f-10"].startswith("  ▸ ▲ 15:57:31  job 812 lost a GPU")
    assert lines["finding f-11"].startswith("    ▾ ▲ 15:58:02  vllm-01 the engine is dead")
    assert "EngineDeadError" in said(parts)


def test_causes_that_go_round_in_circles_lose_no_finding() -> None:
    """Whatever the ties say, every finding stands there once."""
    one, two = (replace(LOST, id=key, root=False, caused_by=(other,)) for key, other in (("a", "b"), ("b", "a")))

    assert {"f-9", "a", "b"} == {each.id for each, _ in causal((LOST, one, two))}


def test_strip_shows_beginning_and_length_on_one_axis() -> None:
    """Earlier ones begin further left; what lasts reaches the right edge, what is over does not."""
    findings = TOLD.findings(FIRST)
    axis = axis_of(findings, AT, 100)
    assert axis is not None
    rows = [line_text(strip_row(one, axis, AT, LOOK, lasts=True)) for one in findings]

    begins = [row.index("━") for row in rows]
    assert sorted(begins) == begins
    assert {100} == {len(row) for row in rows}
    assert 1 == len({row.index("▸") for row in rows})
    assert rows[0].startswith("▲ gpu-01/5 fell off the bus")
    assert rows[0].endswith("3 min")

    over = axis_of(TOLD.findings(OVER), OVER.ended or 0.0, 100)
    assert over is not None
    assert "▸" not in line_text(strip_row(TOLD.findings(OVER)[0], over, OVER.ended or 0.0, LOOK, lasts=False))


@pytest.mark.parametrize("first", [float("nan"), float("inf"), -1e300])
def test_absurd_times_draw_no_strip_or_a_sane_one(first: float) -> None:
    """No time of a finding breaks the picture."""
    found = replace(LOST, first_seen=first)
    axis = axis_of((found,), AT, 100)

    assert axis is None or 100 == line_width(strip_row(found, axis, AT, LOOK, lasts=True))


def test_advice_has_each_step_once_with_its_exact_command() -> None:
    """Why, look-alikes, numbered steps of the root before those of what followed, and what can be done from here."""
    text = said(advice_parts(TOLD, FIRST, sight()))
    findings = TOLD.findings(FIRST)

    assert ["f-9", "f-9", "f-9", "f-10", "f-11"] == [one.id for one, _, _ in actions_of(findings)]
    assert "  $ scontrol update nodename=gpu-01 state=drain reason=gpu-watchdog\n    r runs it, and asks first" in text
    assert 1 == text.count("state=drain")
    assert "Looks alike\n· An exporter that crashed lists no GPU at all (J2)." in text
    assert text.index("Why") < text.index("Next") < text.index("Not looked at")
    assert "· the kernel log of gpu-02: no [[log]] of it is configured" in text


def test_command_is_copied_as_one_line() -> None:
    """A new line in it would run the rest as soon as it is pasted."""
    assert "ls  rm" == command_text("ls \nrm\x1b\x07")


def test_short_title_names_the_subject_once() -> None:
    """The title without its place, after the subject."""
    assert "gpu-01/5 fell off the bus" == short_title(LOST)


@pytest.mark.parametrize("width", [20, 40, 76, 120, 200])
@pytest.mark.parametrize("look", [LOOK, Look(NOW, ASCII, UTC)], ids=["unicode", "ascii"])
@pytest.mark.parametrize("diagnosis", [troubles(), hostile(), many(3, 40)], ids=["troubles", "hostile", "many"])
def test_lines_are_harmless_and_fit_where_they_are_wrapped(diagnosis: Diagnosis, look: Look, width: int) -> None:
    """No control character survives, keys are unique, and of a text of thousands of letters some lines are left."""
    told = told_of(diagnosis)
    incident = diagnosis.incidents[0]
    opened = sight(width, CONSEQUENCES, *incident.findings, look=look)
    parts = (*story_parts(told, incident, opened), *advice_parts(told, incident, opened))
    rows = incident_rows(diagnosis.incidents, look)

    assert all(line_text(part.line).isprintable() for part in parts)
    assert all(text.isprintable() for text in rows[0].text)
    assert len(parts) == len({part.key for part in parts})
    assert len(parts) < 1200
    assert line_text(lead_line(incident, told.root(incident), look)).isprintable()


def test_incident_without_its_findings_says_so() -> None:
    """Half a diagnosis is shown as far as it goes."""
    bare = told_of(replace(troubles(), findings=()))

    assert "not known here any more" in said(story_parts(bare, FIRST, sight()))
    assert "nothing is known that would help" in said(advice_parts(bare, FIRST, sight()))


def test_empty_list_is_calm_and_says_what_was_not_seen() -> None:
    """Nothing wrong is never said of what was not looked at."""
    calm_now = why_no_incident(calm(), is_past=False, hidden=0, key="e")

    assert ("Nothing is wrong that I can see; 1 thing could not be looked at", "") == calm_now
    assert "e shows 2 that are over" == why_no_incident(calm(), is_past=False, hidden=2, key="e")[1]
    assert why_no_incident(NO_DIAGNOSIS, is_past=False, hidden=0, key="e")[0].startswith("Nothing was looked at yet")
    assert "is not known" in why_no_incident(NO_DIAGNOSIS, is_past=True, hidden=0, key="e")[0]
    assert "· the kernel log of gpu-02" in said(blind_parts(calm().blind, sight()))


def test_header_counts_incidents_and_home_leads_with_the_worst() -> None:
    """Critical and warning ones are counted, information is not; the lead names whom, and the first step."""
    assert (1, 1) == counts(troubles())
    assert "▲ 1  ▲ 1 incidents" == line_text(trouble_piece(troubles(), LOOK)[0])
    assert ((), ()) == trouble_piece(calm(), LOOK)
    assert FIRST is worst(TOLD.diagnosis.incidents)
    assert None is worst(TOLD.diagnosis.incidents[2:])
    assert "▲ 15:57:19 i-17 GPU gpu-01/5: fell off the bus · job 812 (ana) · keep new jobs off gpu-01?" == line_text(
        lead_line(FIRST, LOST, LOOK)
    )


def test_old_diagnosis_tells_its_age() -> None:
    """A diagnosis that nobody renewed is not passed off as new."""
    assert () == age_line(troubles(), LOOK)
    assert "looked 8 min ago  " == line_text(age_line(troubles(), Look(NOW + 500, tz=UTC)))


def test_incident_touches_its_gpus_nodes_and_jobs_and_no_others() -> None:
    """Of a GPU its own before its node's; of a node all on it; of a job those that name it."""
    diagnosis = troubles()

    assert ["i-17"] == [one.id for one in touching(diagnosis, node="gpu-01", gpu=5)]
    assert ["i-17"] == [one.id for one in touching(diagnosis, node="gpu-01", gpu=0)], "its node's gres"
    assert ["i-12"] == [one.id for one in touching(diagnosis, node="gpu-02", gpu=2)]
    assert [] == [one.id for one in touching(diagnosis, node="gpu-02", gpu=0)]
    assert ["i-12", "i-15"] == [one.id for one in touching(diagnosis, node="gpu-02")]
    assert ["i-12"] == [one.id for one in touching(diagnosis, job="816")]
    assert ["i-17"] == [one.id for one in touching(diagnosis, node="gpu-03", gpu=0, jobs=("812",))]


def test_five_hundred_findings_are_laid_out_at_once() -> None:
    """Five hundred incidents, the first with as many consequences: one look costs less than a tenth of a second."""
    diagnosis = many(500, 500)
    began = thread_time()
    told = told_of(diagnosis)
    shown = chosen_incidents(told, IncidentOrder(), NOW)
    rows = incident_rows(shown, LOOK)
    [rows[at] for at in range(40)]
    story_parts(told, shown[0], sight())
    advice_parts(told, shown[0], sight())

    assert 0.1 > thread_time() - began
    assert HOSTILE not in said(story_parts(told_of(hostile()), hostile().incidents[0], sight()))
