"""Each fault that the signs show, twice: as a case for the graph, and as a finding still without a number. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.domain.diagnosis import GRAVITY
from app.domain.finding import Finding
from app.engine.diagnosis.fault_table import FaultTable
from app.engine.diagnosis.graph import Case, joint_of
from app.engine.diagnosis.match import Match, labelled, matches
from app.engine.diagnosis.memory import Memory
from app.engine.diagnosis.places import Places
from app.engine.diagnosis.sign import Look
from app.engine.diagnosis.words import advice, evidence, explanation, filled, where
from app.engine.episodes import METRIC


def found_cases(table: FaultTable, memory: Memory, places: Places, look: Look) -> tuple[list[Case], list[Finding]]:
    """Each fault that is there, for the graph and as a finding without its number."""
    cases: list[Case] = []
    found: list[Finding] = []
    for match in matches(table, memory, places, look.now):
        details = labelled(match)
        told = [held.sign.details for held in match.signs]
        follows = next((int(one["caused_by"]) for one in told if one.get("caused_by", "").isdigit()), None)
        codes = frozenset(int(one["code"]) for one in told if one.get("code", "").isdigit())
        cases.append(
            Case(
                len(cases),
                match.fault,
                match.subject,
                match.first,
                match.last,
                match.is_open,
                joint_of(match.fault, {"node": match.subject.node, **details}),
                follows,
                codes,
                GRAVITY[match.severity],
                _is_exact(match),
            )
        )
        found.append(_finding(match, details, places, look))
    for other in look.findings:
        _take_in(other, table, cases, found)
    return cases, found


def _is_exact(match: Match) -> bool:
    """Whether a log told when it began."""
    first = match.signs[0]
    return (
        first.sign.is_event
        and first.kind.startswith(("log.", "xid.", "sxid."))
        and first.sign.details.get("from") != METRIC
    )


def _take_in(other: Finding, table: FaultTable, cases: list[Case], found: list[Finding]) -> None:
    """A finding of others: it is the list's fault where that knows its key, and says more than ours of the same."""
    fault = table.by_key.get(other.fault)
    if fault is None:
        return
    subject = replace(other.subject, uuid=None)
    for number, case in enumerate(cases):
        if case.fault.code == fault.code and Places.is_same(case.subject, subject):
            if GRAVITY[other.severity] >= GRAVITY[found[number].severity]:
                ours = found[number]  # its key stays, and so its id
                found[number] = replace(other, fault=ours.fault, evidence=(*other.evidence, *ours.evidence))
            cases[number] = replace(case, first=min(case.first, other.first_seen), last=max(case.last, other.last_seen))
            return
    cases.append(Case(len(cases), fault, subject, other.first_seen, other.last_seen))
    found.append(other)


def _finding(match: Match, details: Mapping[str, str], places: Places, look: Look) -> Finding:
    fault, subject = match.fault, match.subject
    gpu = places.gpu(subject)
    named = next((held.sign.subject.job for held in match.signs if held.sign.subject.job), None)
    about = replace(subject, uuid=gpu.uuid if gpu is not None else None, job=subject.job or named)
    affects = places.affects(subject)
    if about.job and about.job not in affects.jobs:
        affects = replace(affects, jobs=(about.job, *affects.jobs))
    known = {
        "reason": f"gpu-watchdog: {fault.code} {fault.key}",
        **details,
        "where": where(about),
        "node": about.node or next(iter(places.nodes(subject)), ""),
        "gpu": "" if about.gpu is None else str(about.gpu),
        "uuid": about.uuid or "",
        "job": about.job or next(iter(affects.jobs), ""),
        "service": about.service or "",
        "code": fault.code,
        "count": str(sum(max(1, len(held.times)) for held in match.signs)),
    }
    known |= {"xid": details["code"]} if details.get("code") else {}
    return Finding(
        fault=fault.key,
        code=fault.code,
        title=filled(fault.title, known),
        severity=match.severity,
        subject=about,
        first_seen=match.first,
        last_seen=match.last,
        evidence=evidence(match.signs),
        explanation=explanation(fault, known),
        actions=advice(fault, known, has_slurm=look.picture is not None, is_closed=places.is_closed(about.node)),
        affects=affects,
    )
