"""When lines were said, on our clock: boots told apart, uptimes made times, a clock that is ahead put right. Pure.

A line that has an uptime only was said at the latest when it was read; so the machine booted at the latest at that
moment less the uptime. The least of these bounds is the estimate: exact for lines that are read as they come, and for
a backlog as late as its newest line. Where the boot time is known it is taken instead. A line without any time (of a
traceback, of a web server) is taken to be as old as the line before it in its batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.domain.evidence import TimeOrigin
from app.domain.frozen import frozen
from app.sources.logs.line import LogLine

BACK_S = 60.0
"""Uptimes of several processors may be out of order; one that falls by more than this is another boot's."""
_NEAR_S = 1.0
"""Stamps this little ahead of us are taken as they are, but never later than now."""
_QUARTER_S = 900.0


@frozen
class Moment:
    """When a line was said."""

    at: float
    origin: TimeOrigin
    boot_at: float | None = None
    """Epoch seconds of the boot it was said in, where it tells its uptime."""


@frozen
class Timekeeping:
    """What is known of a machine's clock, from batch to batch."""

    boot_at: float | None = None
    """Of the boot that its last line was said in."""
    is_told: bool = False
    """The time of the last boot was asked for, not estimated."""
    uptime_s: float | None = None
    """Of the last line that told one."""
    offset_s: float = 0.0
    """Its clock less ours."""


def moments(lines: Sequence[LogLine], keeping: Timekeeping, now: float) -> tuple[tuple[Moment, ...], Timekeeping]:
    """When each line of a batch was said, in its order, and what is known afterwards."""
    boots = _boots(lines, keeping, now)
    keeping = replace(keeping, offset_s=max(keeping.offset_s, _ahead(lines, keeping.offset_s, now)))
    found = _filled(_moment(line, boot, keeping.offset_s, now) for line, boot in zip(lines, boots, strict=True))
    told = [(line.uptime_s, boot) for line, boot in zip(lines, boots, strict=True) if line.uptime_s is not None]
    if not told:
        return found, keeping
    return found, replace(keeping, uptime_s=told[-1][0], boot_at=told[-1][1])


def _boots(lines: Sequence[LogLine], keeping: Timekeeping, now: float) -> list[float | None]:
    """When the boot began that each line was said in: one time a boot, None for lines without an uptime."""
    found = _bounds(lines, keeping.boot_at if keeping.is_told else None, now)
    goes_on = keeping.boot_at is not None and keeping.uptime_s is not None and not keeping.is_told
    boot, last = (keeping.boot_at, keeping.uptime_s) if goes_on else (None, None)
    for at, line in enumerate(lines):
        least = found[at]
        if line.uptime_s is None or least is None:
            continue
        if last is None or line.uptime_s < last - BACK_S:
            boot = least  # a boot's first line has the least of its bounds
        elif boot is None or (goes_on and least < boot):
            boot = least
        found[at], last = boot, line.uptime_s
    return found


def _bounds(lines: Sequence[LogLine], told: float | None, now: float) -> list[float | None]:
    """For each line the latest its boot can have begun by it and the lines of that boot behind it.

    `told` is when the last of these boots began, where that is known.
    """
    found: list[float | None] = [None] * len(lines)
    bound, boot, later, is_told = now, told, None, told is not None
    for at in range(len(lines) - 1, -1, -1):
        uptime = lines[at].uptime_s
        if uptime is None:
            continue
        if later is not None and uptime > later + BACK_S:
            bound, boot, is_told = boot if boot is not None else bound, None, False
        if not is_told:
            by_line = _told_boot(lines[at], bound)
            least = bound - uptime if by_line is None else by_line
            boot = least if boot is None else min(boot, least)
        found[at], later = boot, uptime
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


def _filled(found: Iterable[Moment]) -> tuple[Moment, ...]:
    """With the time of the line before for those that have none of their own."""
    filled: list[Moment] = []
    before: Moment | None = None
    for moment in found:
        if moment.origin != "read":
            before = moment
        filled.append(moment if moment.origin != "read" or before is None else replace(moment, at=before.at))
    return tuple(filled)


def _ahead(lines: Sequence[LogLine], offset_s: float, now: float) -> float:
    """How far ahead of us a clock is, by a stamp with a zone in the future; what it was where there is none."""
    ahead = max((line.at - now for line in lines if line.at is not None and line.has_zone), default=0.0)
    return ahead if ahead > offset_s + _NEAR_S else offset_s
