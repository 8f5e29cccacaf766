"""Parameters that several routes take."""

from __future__ import annotations

from app.api.row import Param
from app.domain.times import format_span

DAY_S = 86400.0
TIME = "ISO 8601, epoch seconds, local HH:MM, or so long ago (-10m)"

AT = Param("at", "time", f"The past moment that is asked about: {TIME}; without it, now.")
SINCE = Param("since", "time", f"From when: {TIME}.")
UNTIL = Param("until", "time", f"Until when: {TIME}; without it, now.")
WHAT = Param("what", "text", "`fleet`, `node:NAME`, `gpu:NODE/INDEX`, `gpu:UUID`, `job:ID` or `service:ID`.")
LIMIT = Param("limit", "whole", "Most of them that are given, the newest.", least=0, most=20_000)
SINCE_S = Param(
    "since_s", "number", f"Seconds before it that count; at most {format_span(DAY_S)}.", least=0.001, most=DAY_S
)
FORM = Param("form", "text", "The form that our own screens read.", choices=("wire",), is_ours=True)


def path(name: str, about: str) -> Param:
    """A part of the path."""
    return Param(name, "text", about, "path", longest=300, is_needed=True)
