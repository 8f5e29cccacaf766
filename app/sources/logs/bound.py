"""The most that one batch of lines may bring: the same said again and again becomes one piece that counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.evidence import LogEvidence

_GRAVITY = {"critical": 0, "warning": 1, "info": 2}


def folded(found: Sequence[LogEvidence], most: int) -> tuple[LogEvidence, ...]:
    """At most `most` pieces, in the order they were said.

    What differs in time only is told once, at its first time, with how often it was said. If that is still too much,
    the gravest and earliest are kept, and a `log.flood` says how many lines were left out.
    """
    kept: dict[object, LogEvidence] = {}
    for one in found:
        key = _sameness(one)
        known = kept.get(key)
        kept[key] = one if known is None else replace(known, repeats=known.repeats + one.repeats)
    pieces = list(kept.values())
    if len(pieces) <= most:
        return tuple(pieces)
    by_gravity = sorted(range(len(pieces)), key=lambda at: (_GRAVITY[pieces[at].severity], at))
    chosen = sorted(by_gravity[: most - 1])
    left = sum(pieces[at].repeats for at in by_gravity[most - 1 :])
    last = pieces[-1]
    flood = LogEvidence(
        "log.flood",
        last.at,
        f"{left} more lines that mean something came at once; the gravest are told",
        "warning",
        last.timed,
        last.source,
        last.node,
        repeats=left,
    )
    return (*(pieces[at] for at in chosen), flood)


def _sameness(one: LogEvidence) -> object:
    """What two lines share that say the same of the same thing."""
    place = (one.node, one.pci, one.gpu, one.link, one.pid, one.process, one.job)
    # The whole seconds keep apart what belongs to two moments of a backlog read at once.
    return (
        one.kind,
        one.code,
        place,
        one.caused_by,
        one.recovery,
        tuple(sorted(one.details.items())),
        int(one.at) // 60,
    )
