"""Where each catalogue row stands on its dashboard: the first pattern that fits its key takes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.services.stack.grafana import Section
from app.services.stack.series import panel_of, shown

SECTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gpu": (
        ("Load", r"utilization|active|occupancy"),
        ("Memory", r"memory_(used|free|reserved|total|percent)"),
        ("Power", r"power(?!_(violation|brake))|energy"),
        ("Heat", r"temperature|margin|fan"),
        ("Clocks, and what holds them down", r"clock|violation|pstate"),
        ("Links", r"pcie|nvlink|fabric"),
        ("Memory errors", r"ecc|remap|retired"),
        ("Xids, health, modes", r""),
    ),
    "node": (
        ("Processors", r"cpu|load_"),
        ("Memory", r"memory|swap|oom"),
        ("Disks", r"disk|inodes|filesystem"),
        ("Network", r"network|carrier|conntrack"),
        ("InfiniBand", r"infiniband"),
        ("Heat and power", r"power|temperature"),
        ("Clock", r"clock|boot|uptime"),
        ("Everything else", r""),
    ),
    "service": (
        ("Load", r"requests_(running|waiting)|tokens_per_s|requests_per_s|waiting"),
        ("Latency", r"ttft|itl|latency|queue"),
        ("Caches", r"cache|prefix|preempt"),
        ("Everything else", r""),
    ),
}
"""Title and pattern of each scope's sections, in their order; the first two are open."""
_OPEN = 2


def sections(scope: str) -> tuple[Section, ...]:
    """Every row of a scope that is worth a picture, in its section."""
    rows = shown(scope)
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(_section_of(scope, row.short), []).append(row.key)
    made = []
    for number, (title, _) in enumerate(SECTIONS[scope]):
        keys = set(found.get(title, ()))
        panels = tuple(panel_of(row) for row in rows if row.key in keys)
        if panels:
            made.append(Section(title, panels, is_folded=number >= _OPEN))
    return tuple(made)


def _section_of(scope: str, short: str) -> str:
    return next(title for title, pattern in SECTIONS[scope] if re.search(pattern, short))
