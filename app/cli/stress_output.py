"""What `stress` prints at its end: the report as a table or as JSON, and the exit code that goes with it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, Literal

from app.cli.command import Context
from app.cli.errors import FOUND, INCOMPLETE, OK
from app.domain.frozen import frozen
from app.engine.stress import Measure, Report, Verdict, judge
from app.engine.stress_groups import Group
from app.engine.stress_results import Reader
from app.services.stress import Ran

SCHEMA = 1
INTERRUPTED_RUN = Ran(notes=("it was interrupted: this is what was measured until then",))


@frozen
class Found:
    """By which way it ran."""

    way: Literal["slurm", "local"]
    job_id: str | None


def print_report(args: argparse.Namespace, context: Context, found: Found, reader: Reader, ran: Ran) -> int:
    """Print what was found and return the exit code: 1 for slow or faulty, 2 where something was not tested."""
    report = judge(reader.heard(), ran.expected)
    if ran.state not in ("", "COMPLETED"):
        report = replace(report, notes=(f"Slurm ended the job as {ran.state}", *report.notes))
    report = replace(report, notes=(*report.notes, *ran.notes))
    code = FOUND if report.is_bad else INCOMPLETE if report.is_incomplete else OK
    if args.json:
        context.output.json(report_json(report, found, ran, context.clock()))
    else:
        from app.cli.stress_table import stress_lines  # noqa: PLC0415 - late: for people only

        output = context.output
        output.lines([output.render(line) for line in stress_lines(report, output.size()[0])])
    return code


def report_json(report: Report, found: Found, ran: Ran, now: float) -> dict[str, Any]:
    """The report for `--json`."""
    return {
        "schema": SCHEMA,
        "at": now,
        "way": found.way,
        "job_id": found.job_id,
        "job_state": ran.state or None,
        "ok": not report.is_bad and not report.is_incomplete,
        "gpus": [_gpu(one) for one in report.verdicts],
        "groups": [_group(one) for one in report.groups],
        "notes": list(report.notes),
    }


def _gpu(verdict: Verdict) -> dict[str, Any]:
    device = verdict.device
    compared = {one.phase: one for one in verdict.measures}
    return {
        "node": device.host,
        "index": device.index,
        "kind": device.kind,
        "model": device.model or None,
        "uuid": device.uuid,
        "verdict": verdict.state,
        "reasons": list(verdict.reasons),
        "measures": [
            {
                "phase": one.phase,
                "value": one.value,
                "unit": one.unit,
                **_compared(compared.get(one.phase)),
                "detail": dict(one.detail),
            }
            for one in device.results
        ],
        "errors": [{"phase": phase, "text": text} for phase, text in device.errors],
    }


def _compared(measure: Measure | None) -> dict[str, Any]:
    """What a figure was held against; null where it was held against nothing."""
    return {
        "expected": measure.expected if measure else None,
        "share": measure.share if measure else None,
        "siblings_median": measure.median if measure else None,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "phase": group.phase,
        "processes": group.ranks,
        "verdict": group.state,
        "value": group.value,
        "unit": "B/s",
        "expected": group.expected,
        "reasons": list(group.reasons),
    }
