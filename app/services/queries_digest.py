"""What `digest --json` prints."""

from __future__ import annotations

from typing import Any

from app.domain.digest import MOST, Digest

SCHEMA = 1


def answer(found: Digest) -> dict[str, Any]:
    """The JSON."""
    return {
        "schema": SCHEMA,
        "start": round(found.start, 3),
        "end": round(found.end, 3),
        "quiet": found.is_quiet,
        "fired": [
            {
                "at": round(one.at, 3),
                "severity": one.severity,
                "text": one.text,
                "ended_at": None if one.ended_at is None else round(one.ended_at, 3),
            }
            for one in found.fired
        ],
        "jobs_ended": dict(found.ended),
        "jobs_failed": [{"at": round(one.at, 3), "text": one.text} for one in found.failed[:MOST]],
        "changed": [
            {"at": round(one.at, 3), "severity": one.severity, "text": one.text, "times": one.times}
            for one in found.changed
        ],
        "passing": found.passing,
    }
