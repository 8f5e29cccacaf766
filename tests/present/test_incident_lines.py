"""Incidents as lines for reading: the order, what fits, and that text from outside stays text."""

from __future__ import annotations

from datetime import UTC

import pytest

from app.domain.affects import Affects
from app.domain.diagnosis import Blind, Diagnosis, Incident
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.present.cells import line_text, line_width
from app.present.incident_lines import MOST_CONSEQUENCES, diagnosis_lines

AT = 1_764_000_000.0
CAUSE = Finding(
    "gpu.fell_off_bus",
    "B1",
    "GPU gpu-1/3: fell off the bus",
    "critical",
    FindingSubject("gpu-1", 3),
    AT - 700,
    AT,
    (Evidence("kernel gpu-1", AT - 700, "Xid 79: GPU has fallen off the bus"),),
    "The machine no longer reaches the board.",
    (Advice("keep new jobs off", "scontrol update nodename=gpu-1 state=drain reason=B1"), Advice("reboot it", None)),
    id="f-1",
    incident="i-1",
    consequences=("f-2",),
)
EFFECT = Finding(
    "job.died",
    "F12",
    "job 812: died",
    "warning",
    FindingSubject(job="812"),
    AT - 690,
    AT,
    (Evidence("slurm", AT - 690, "NODE_FAIL"),),
    "",
    id="f-2",
    incident="i-1",
    root=False,
    caused_by=("f-1",),
)
ONE = Incident("i-1", "f-1", CAUSE.title, "critical", AT - 700, AT, ("f-1", "f-2"), Affects(("812",), 1, 2.5), ("ana",))


def texts(diagnosis: Diagnosis, width: int = 100, ended_since: float = 0.0) -> list[str]:
    """Lines without their tones."""
    return [line_text(one) for one in diagnosis_lines(diagnosis, width, ended_since=ended_since, zone=UTC)]


def test_the_cause_comes_first_and_what_follows_is_indented() -> None:
    """Head, whom it hits, evidence with its time, why, what to do with its command, then consequences."""
    lines = texts(Diagnosis(AT, (CAUSE, EFFECT), (ONE,)))

    assert [
        "critical i-1  GPU gpu-1/3: fell off the bus (B1)",
        "  since 15:48:20 (12m); 1 GPU; job 812 (ana); 2.50 $/h",
        "  15:48:20  Xid 79: GPU has fallen off the bus [kernel gpu-1]",
        "  The machine no longer reaches the board.",
        "  1. keep new jobs off",
        "     $ scontrol update nodename=gpu-1 state=drain reason=B1",
        "  2. reboot it",
        "  follows from it",
        "    warning  job 812: died (F12)",
        "      15:48:30  NODE_FAIL [slurm]",
    ] == [line.replace("12 min", "12m") for line in lines]


def test_well_over_and_not_looked_at_are_said() -> None:
    """Nothing wrong; what ended within the span, not before; blind spots at the end."""
    over = Incident("i-1", "f-1", "GPU gpu-1/3: fell off the bus", "critical", AT - 700, AT, ("f-1",), ended=AT - 60)
    found = Diagnosis(AT, blind=(Blind("kernel log of gpu-2", "no [[log]] names it"),), ended=(over,))

    assert [
        "nothing is wrong with what was looked at",
        "",
        "over",
        "  i-1, 15:48:20 to 15:59:00: GPU gpu-1/3: fell off the bus",
        "",
        "not looked at",
        "  kernel log of gpu-2: no [[log]] names it",
    ] == texts(found, ended_since=AT - 1800)
    assert "over" not in texts(found, ended_since=AT - 30)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_lines_fit_and_commands_stay_whole(width: int) -> None:
    """From 40 columns on everything but a command is wrapped; that can be copied."""
    lines = diagnosis_lines(Diagnosis(AT, (CAUSE, EFFECT), (ONE,)), width, zone=UTC)

    wide = [line for line in lines if line_width(line) > max(40, width)]
    assert all("$ scontrol" in line_text(line) for line in wide)


def test_text_from_outside_is_text() -> None:
    """Control characters are gone, markup stays what it is."""
    hostile = Finding(
        "x", "X1", "job \x1b[2J[b]\u202eevil", "warning", FindingSubject(job="1"), AT, AT,
        (Evidence("so\x07urce", AT, "a\nb\x1b]0;t\x07"),), "x\r\x1b[Hy", (Advice("do\x00", "ls \x1b[m"),),
        id="f-1", incident="i-1",
    )  # fmt: skip
    incident = Incident("i-1", "f-1", hostile.title, "warning", AT, AT, ("f-1",))
    found = "\n".join(texts(Diagnosis(AT, (hostile,), (incident,), (Blind("\x1bw", "\x07y"),))))

    assert "[b]" in found
    assert not {"\x1b", "\x07", "\x00", "\r", "\u202e"} & set(found)


def test_a_storm_is_counted() -> None:
    """Of a hundred consequences the first ones are written out, the others counted."""
    many = [
        Finding("x", "F12", f"job {n}: died", "warning", FindingSubject(job=str(n)), AT, AT, (), "", id=f"f-{n}",
                incident="i-1", root=False, caused_by=("f-1",))
        for n in range(2, 102)
    ]  # fmt: skip
    incident = Incident("i-1", "f-1", CAUSE.title, "critical", AT, AT, ("f-1", *(one.id for one in many)))
    lines = texts(Diagnosis(AT, (CAUSE, *many), (incident,)))

    assert MOST_CONSEQUENCES == sum(": died" in line for line in lines)
    assert "    and 88 more (--json lists them)" == lines[-1]
