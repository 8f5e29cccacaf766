"""What comes back: hardware whose fault outlives a reboot or a reset is for inspection, not for another one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain.diagnosis import gravest
from app.domain.finding import Advice, Finding, FindingSubject
from app.engine.diagnosis.memory import Memory

STARTS = ("node.booted", "log.host.boot", "log.gpu.driver_loaded", "gpu.restarted")
"""Signs that a machine, its driver or one GPU was started anew."""
SETTLED_S = 60.0
"""What is still there so long after a start has outlived it."""
_INSPECT = Advice("have the board inspected: reseat it, run the field diagnostics, return it if they fail", gated=False)

Starts = Mapping[FindingSubject, Sequence[float]]
"""GPU or node → when it was started."""


def starts(memory: Memory) -> Starts:
    """Every start that is remembered."""
    found: dict[FindingSubject, list[float]] = defaultdict(list)
    for held in memory.held.values():
        if held.kind in STARTS:
            subject = FindingSubject(node=held.sign.subject.node, gpu=held.sign.subject.gpu)
            found[subject] += [at for at, _ in held.times]
    return found


def has_outlived(finding: Finding, began: float, known: Starts) -> bool:
    """Whether a fault that began before a start of what it is on was seen after it again."""
    node, gpu = finding.subject.node, finding.subject.gpu
    places = {FindingSubject(node=node), FindingSubject(node=node, gpu=gpu)}
    times = [at for place in places for at in known.get(place, ())]
    return any(began < at and at + SETTLED_S <= finding.last_seen for at in times)


def for_inspection(finding: Finding) -> Finding:
    """The finding as one that no further reboot mends."""
    return replace(
        finding,
        severity=gravest((finding.severity, "warning")),
        explanation=f"{finding.explanation} A reboot or reset did not mend it: it is the hardware.",
        actions=(_INSPECT, *finding.actions),
    )
