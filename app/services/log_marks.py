"""How far each log has been taken in, so that nothing is counted twice where a log is read again from further back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.apply_logs import new_evidence
from app.domain.evidence import LogEvidence
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot

BOOT_S = 300.0
"""Estimates of when a machine booted differ by less than this."""


@frozen
class Mark:
    """The newest line of a log."""

    at: float
    uptime_s: float | None = None

    def covers(self, one: LogEvidence) -> bool:
        """Whether a line stands before the mark, or is it; of one boot uptimes tell it better than estimated times."""
        if self.uptime_s is None or one.uptime_s is None:
            return one.at <= self.at
        is_same_boot = abs((self.at - self.uptime_s) - (one.at - one.uptime_s)) < BOOT_S
        return one.uptime_s <= self.uptime_s if is_same_boot else one.at <= self.at


@dataclass(slots=True)
class LogMarks:
    """What came of logs since the last look."""

    marks: dict[str, Mark] = field(default_factory=dict)
    """By source."""
    oldest: float = 0.0
    """Epoch seconds: lines said before are passed over."""
    _count: int = 0
    _is_new: bool = True
    """Nothing was taken since the marks were set: whatever they cover was taken in by somebody before."""

    def take(self, snapshot: Snapshot) -> tuple[LogEvidence, ...]:
        """The evidence that is new. A first look's lines without a time of their own may be of any age: none of it."""
        if snapshot.logs_count < self._count:  # another run began to count anew
            self._count, self._is_new = 0, True
        said = new_evidence(self._count, snapshot)
        self._count = snapshot.logs_count
        timed = [one for one in said if not (one.is_history and one.timed == "read")]
        found = tuple(one for one in timed if one.at >= self.oldest and not self._is_taken(one))
        for one in timed:
            mark = self.marks.get(one.source)
            if mark is None or not mark.covers(one):
                self.marks[one.source] = Mark(one.at, one.uptime_s)
        self._is_new = False
        return found

    def _is_taken(self, one: LogEvidence) -> bool:
        mark = self.marks.get(one.source)
        return (one.is_history or self._is_new) and mark is not None and mark.covers(one)

    def set(self, marks: Mapping[str, Mark]) -> None:
        """Go on from marks that somebody set before."""
        self.marks, self._is_new = dict(marks), True
