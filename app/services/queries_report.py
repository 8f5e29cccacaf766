"""What `report --json` prints: which report was made, where it lies, what it tells in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.frozen import frozen
from app.services import queries_diagnosis
from app.services.reporting import Report

SCHEMA = 1


@frozen
class Written:
    """One file of the bundle."""

    name: str
    size: int
    sha256: str


def answer(report: Report, path: str, files: Sequence[Written]) -> dict[str, Any]:
    """The JSON."""
    story = report.story
    recording = story.recording
    return {
        "schema": SCHEMA,
        "at": round(story.made_at, 3),
        "title": story.title,
        "simulated": story.mode == "simulated",
        "anonymized": story.is_anonymous,
        "start": round(story.start, 3),
        "end": round(story.end, 3),
        "path": path,
        "files": [{"name": one.name, "bytes": one.size, "sha256": one.sha256} for one in files],
        "incidents": [
            {
                **queries_diagnosis.incident_status(one.incident),
                "lasted_s": round(one.lasted_s, 3),
                "cost": None if one.lost is None else round(one.lost, 4),
            }
            for one in story.chapters
        ],
        "findings": [queries_diagnosis.finding_status(one) for one in report.diagnosis.findings],
        "actions_taken": len(story.deeds),
        "log_lines": len(story.logs),
        "recording": None
        if recording is None
        else {
            "file": recording.file,
            "pictures": recording.pictures,
            "step_s": recording.step_s,
            "start": round(recording.start, 3),
            "end": round(recording.end, 3),
        },
        "money": _money(report),
        "versions": [{"what": what, "version": version} for what, version in story.versions],
        "blind": [
            *({"what": "this report", "why": one} for one in story.gaps),
            *({"what": one.what, "why": one.why} for one in story.blind),
        ],
    }


def _money(report: Report) -> Mapping[str, float | None]:
    money = report.story.money
    told = {"spent": money.spent, "idle": money.idle, "energy_kwh": money.energy_kwh}
    return {key: None if value is None else round(value, 4) for key, value in told.items()}
