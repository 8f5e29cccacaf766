"""Answers about what is wrong, as `diagnose` and the API give them in JSON and every other face repeats."""

from __future__ import annotations

import math
from typing import Any

from app.domain.affects import Affects
from app.domain.diagnosis import Diagnosis, Incident
from app.domain.finding import Finding

SCHEMA = 1
CURRENT_INTERVALS = 3


def is_current(diagnosis: Diagnosis, now: float, interval_s: float) -> bool:
    """Whether somebody has diagnosed within three intervals."""
    return bool(diagnosis.at) and now - diagnosis.at <= CURRENT_INTERVALS * interval_s + 1.0


def answer(diagnosis: Diagnosis, ended_since: float = 0.0) -> dict[str, Any]:
    """What `diagnose --json` prints; incidents that are over are told if they ended since then."""
    return {
        "schema": SCHEMA,
        "at": round(diagnosis.at, 3),
        "healthy": _is_healthy(diagnosis),
        "findings": [finding_status(one) for one in diagnosis.findings],
        "blind": [{"what": one.what, "why": one.why} for one in diagnosis.blind],
        "incidents": [incident_status(one) for one in diagnosis.incidents],
        "ended": [incident_status(one) for one in diagnosis.ended if (one.ended or 0.0) >= ended_since],
    }


def incidents(diagnosis: Diagnosis) -> dict[str, Any]:
    """Every incident of now and of the last day."""
    told = [incident_status(one) for one in (*diagnosis.incidents, *diagnosis.ended)]
    return {"schema": SCHEMA, "at": round(diagnosis.at, 3), "healthy": _is_healthy(diagnosis), "incidents": told}


def incident(diagnosis: Diagnosis, key: str) -> dict[str, Any] | None:
    """One incident with its findings, the root first; None where there is none such."""
    found = diagnosis.incident(key)
    if found is None:
        return None
    mine = {one.id: one for one in (*diagnosis.past, *diagnosis.findings) if one.incident == key}
    findings = [finding_status(mine[one]) for one in found.findings if one in mine]
    return {"schema": SCHEMA, **incident_status(found), "findings": findings}


def _is_healthy(diagnosis: Diagnosis) -> bool:
    """Whether somebody has looked and found nothing."""
    return bool(diagnosis.at) and diagnosis.is_healthy


def incident_status(one: Incident) -> dict[str, Any]:
    """One incident."""
    return {
        "id": one.id,
        "root": one.root,
        "title": one.title,
        "severity": one.severity,
        "began": round(one.began, 3),
        "last_seen": round(one.last_seen, 3),
        "ended": None if one.ended is None else round(one.ended, 3),
        "findings": list(one.findings),
        "affects": _affects(one.affects),
        "users": list(one.users),
    }


def finding_status(one: Finding) -> dict[str, Any]:
    """One finding."""
    about = one.subject
    return {
        "id": one.id,
        "incident": one.incident,
        "fault": one.fault,
        "code": one.code,
        "title": one.title,
        "severity": one.severity,
        "subject": {
            "node": about.node,
            "gpu": about.gpu,
            "uuid": about.uuid,
            "job": about.job,
            "service": about.service,
        },
        "first_seen": round(one.first_seen, 3),
        "last_seen": round(one.last_seen, 3),
        "root": one.root,
        "caused_by": list(one.caused_by),
        "consequences": list(one.consequences),
        "evidence": [{"source": each.source, "at": round(each.at, 3), "text": each.text} for each in one.evidence],
        "explanation": one.explanation,
        "actions": [{"text": each.text, "command": each.command, "gated": each.gated} for each in one.actions],
        "affects": _affects(one.affects),
    }


def _affects(one: Affects) -> dict[str, Any]:
    cost = one.cost_per_hour if one.cost_per_hour is None or math.isfinite(one.cost_per_hour) else None
    return {"jobs": list(one.jobs), "gpus": one.gpus, "cost_per_hour": cost}
