"""When lines were said, on our clock: boots told apart, uptimes made times, a clock that is ahead put right. Pure.

A line that has an uptime only was said at the latest when it was read; so the machine booted at the latest at that
moment less the uptime. The least of these bounds is the estimate: exact for lines that are read as they come, and for
a backlog as late as its newest line. Where the boot time is known it is taken instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.domain.evidence import TimeOrigin
from app.sources.logs.line import LogLine

BACK_S = 60.0
"""Uptimes of several processors may be out of order; one that falls by more than this is another boot's."""
_NEAR_S = 1.0
"""Stamps this little ahead of us are taken as they are, but never later than now."""
_QUARTER_S = 900.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a line was said."""

    at: float
    origin: TimeOrigin
    boot_at: float | None = None
    """Epoch seconds of the boot it was said in, where it tells its uptime."""


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """What is known of a machine's clock, from batch to batch."""

    boot_at: float | None = None
    """Of the boot that its last line was said in."""
    is_told: bool = False
    """The boot time was asked for, not estimated."""
    uptime_s: float | None = None
    """Of the last line that told one."""
    offset_s: float = 0.0
    """Its clock less ours."""


def moments(lines: Sequence[LogLine], keeping: Timekeeping, now: float) -> tuple[tuple[Moment, ...], Timekeeping]:
    """When each line of a batch was said, in its order, and what is known afterwards."""
    boots = _boots(lines, keeping, now)
    keeping = replace(keeping, offset_s=max(keeping.offset_s, _ahead(lines, keeping.offset_s, now)))
    found = tuple(_moment(line, boot, keeping.offset_s, now) for line, boot in zip(lines, boots, strict=True))
    told = [(line.uptime_s, boot) for line, boot in zip(lines, boots, strict=True) if line.uptime_s is not None]
    if not told:
        return found, keeping
    is_same = keeping.uptime_s is None or _is_one_boot([keeping.uptime_s, *(uptime for uptime, _ in told)])
    return found, replace(keeping, uptime_s=told[-1][0], boot_at=told[-1][1], is_told=keeping.is_told and is_same)


def _boots(lines: Sequence[LogLine], keeping: Timekeeping, now: float) -> list[float | None]:
    """When the boot began that each line was said in, told apart from the last line backwards."""
    found: list[float | None] = [None] * len(lines)
    bound, boot, later = now, None, None
    for at in range(len(lines) - 1, -1, -1):
        uptime = lines[at].uptime_s
        if uptime is None:
            continue
        if later is not None and uptime > later + BACK_S:
            bound, boot = boot if boot is not None else bound, None
        told = _told_boot(lines[at], bound)
        least = bound - uptime if told is None else told
        boot = least if boot is None else min(boot, least)
        later = uptime
        found[at] = boot
    return _settled(lines, found, keeping)


def _settled(lines: Sequence[LogLine], found: list[float | None], keeping: Timekeeping) -> list[float | None]:
    """One estimate a boot: the least; of the boot that goes on from the batch before, what was known then, too."""
    boot = keeping.boot_at
    last = keeping.uptime_s
    known = keeping.boot_at is not None
    for at, line in enumerate(lines):
        if line.uptime_s is None:
            continue
        if last is not None and line.uptime_s < last - BACK_S:
            known = False
        estimate = found[at]
        if known and boot is not None and estimate is not None:
            found[at] = boot = boot if keeping.is_told else min(boot, estimate)
        else:
            boot, known = estimate, estimate is not None
            found[at] = estimate
        last = line.uptime_s
    return found


def _told_boot(line: LogLine, bound: float) -> float | None:
    """The boot time that a line tells itself, by having both a time of day and an uptime."""
    if line.at is None or line.uptime_s is None or line.at > bound:
        return None
    return line.at - line.uptime_s


def _moment(line: LogLine, boot: float | None, offset_s: float, now: float) -> Moment:
    if line.at is not None:
        at = line.at - offset_s
        if at > now + _NEAR_S and not line.has_zone:
            at -= _QUARTER_S * -(-(at - now) // _QUARTER_S)  # its machine is in another zone than was thought
        return Moment(min(at, now), "line", boot)
    if line.uptime_s is not None and boot is not None:
        return Moment(min(boot + line.uptime_s, now), "boot", boot)
    return Moment(now, "read", boot)


def _ahead(lines: Sequence[LogLine], offset_s: float, now: float) -> float:
    """How far ahead of us a clock is, by a stamp with a zone in the future; what it was where there is none."""
    ahead = max((line.at - now for line in lines if line.at is not None and line.has_zone), default=0.0)
    return ahead if ahead > offset_s + _NEAR_S else offset_s


def _is_one_boot(uptimes: Sequence[float]) -> bool:
    return all(later >= earlier - BACK_S for earlier, later in pairwise(uptimes))
