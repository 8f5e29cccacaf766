"""How often Slurm is asked: slower when its answers take long or its controller is busy, and no part too often. Pure.

The rule of thumb of squeue's manual is not to run it in a loop: it takes slurmctld's locks. So a look may take no more
than a fifth of the time between two looks, and a part of it that took long is left out for a while.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.frozen import frozen

SHARE = 0.2
"""Most of an interval that one look's answers may take."""
LONGEST_S = 60.0
"""Slower than this it never gets by itself (nor than the configured interval, where that is longer)."""
REST = 20
"""A part is left alone twenty times as long as it kept slurmctld at work."""
STARTING_S = 0.25
"""Of what a part took: starting the command, on a busy login node, which is no work of slurmctld's.

Without it a drain was told late wherever `scontrol` was slow to start, its controller at ease.
"""
BUSY_FACTOR = 4
"""How much slower a busy controller is asked."""
MOST_THREADS = 64
"""Threads of slurmctld that serve requests; more mean that it is busy (its own limit is 256)."""
MOST_QUEUED = 512
"""Messages waiting to be sent by slurmctld's agent; more mean that it is busy."""


@frozen
class Pace:
    """The interval now, and why."""

    base_s: float
    """As configured."""
    interval_s: float
    took_s: float = 0.0
    """How long the last answers took."""
    busy: str = ""
    """What slurmctld says of itself; empty while it is at ease."""

    def after(self, took_s: float) -> Pace:
        """The pace after answers that took so long: slower at once, quicker again by halves."""
        now = replace(self, took_s=took_s)
        wanted = min(max(took_s / SHARE, now.least_s), now.most_s)
        if wanted >= self.interval_s:
            return replace(now, interval_s=wanted)
        return replace(now, interval_s=max(wanted, self.interval_s / 2))

    def after_timeout(self) -> Pace:
        """The pace after a look that was given up on: twice as slow, so that the next may take twice as long."""
        return replace(self, interval_s=min(2 * self.interval_s, self.most_s))

    def told(self, threads: int | None, queued: int | None) -> Pace:
        """The pace once slurmctld has said how many threads and messages it is at (None: it does not say)."""
        signs = []
        if threads is not None and threads > MOST_THREADS:
            signs.append(f"{threads} threads")
        if queued is not None and queued > MOST_QUEUED:
            signs.append(f"{queued} messages queued")
        return replace(self, busy=", ".join(signs))

    @property
    def least_s(self) -> float:
        """The quickest it may be now."""
        return min(self.base_s * BUSY_FACTOR, self.most_s) if self.busy else self.base_s

    @property
    def most_s(self) -> float:
        """The slowest it may be."""
        return max(self.base_s, LONGEST_S)

    @property
    def note(self) -> str:
        """Why it is slower than configured, for a person; empty while it is not."""
        if self.interval_s <= self.base_s:
            return ""
        why = f"slurmctld is busy ({self.busy})" if self.busy else f"answers take {self.took_s:.1f} s"
        return f"asked every {self.interval_s:.0f} s instead of {self.base_s:.0f} s: {why}"


@frozen
class Part:
    """A part of a look that has a pace of its own."""

    every_s: float
    """0: at every look, if it is quick."""
    asked_at: float | None = None
    """Monotonic seconds."""
    took_s: float = 0.0

    def is_due(self, now: float) -> bool:
        """Whether to ask again; at once where it never was."""
        rest_s = REST * max(0.0, self.took_s - STARTING_S)
        return self.asked_at is None or now - self.asked_at >= max(self.every_s, rest_s)

    def asked(self, now: float, took_s: float) -> Part:
        """After asking, well or not."""
        return replace(self, asked_at=now, took_s=took_s)
