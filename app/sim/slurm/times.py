"""Times as Slurm's commands print them, out of simulated seconds."""

from __future__ import annotations

import math
import time

from app.domain.frozen import frozen

DAY_S = 86400


@frozen
class Times:
    """When simulated seconds are, and how times are to be printed."""

    origin: float
    """Epoch seconds of simulated second 0."""
    per_wall: float = 1.0
    """Real seconds in a simulated one."""
    form: str = ""
    """SLURM_TIME_FORMAT: `%s` for epoch seconds; empty: ISO in the machine's zone."""

    def epoch(self, t: float | None) -> int:
        """Epoch seconds; 0 for no time."""
        return 0 if t is None or math.isinf(t) else int(self.origin + t * self.per_wall)

    def span(self, seconds: float) -> float:
        """Real seconds of a simulated span."""
        return seconds * self.per_wall

    def stamp(self, t: float | None, none: str = "N/A") -> str:
        """A moment."""
        if t is None or math.isinf(t):
            return none
        at = self.epoch(t)
        if self.form == "%s":
            return str(at)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at))

    def short(self, seconds: float) -> str:
        """A span as squeue prints it: `0:08`, `1:00:00`, `1-02:03:04`."""
        if math.isinf(seconds):
            return "UNLIMITED"
        days, hours, minutes, rest = _parts(self.span(seconds))
        if days:
            return f"{days}-{hours:02d}:{minutes:02d}:{rest:02d}"
        return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

    def long(self, seconds: float) -> str:
        """A span as scontrol and sacct print it: `00:00:08`."""
        if math.isinf(seconds):
            return "UNLIMITED"
        days, hours, minutes, rest = _parts(self.span(seconds))
        return (f"{days}-" if days else "") + f"{hours:02d}:{minutes:02d}:{rest:02d}"

    def minutes(self, seconds: float) -> int:
        """A limit in whole minutes, at least one."""
        return max(1, round(self.span(seconds) / 60))


def _parts(seconds: float) -> tuple[int, int, int, int]:
    whole = max(0, int(seconds))
    return whole // DAY_S, whole // 3600 % 24, whole // 60 % 60, whole % 60


def limit_of(text: str) -> float | None:
    """A time limit as sbatch and scontrol take it, in seconds; None where it is none."""
    wanted = text.strip()
    if wanted.lower() in ("infinite", "unlimited", "-1"):
        return math.inf
    days, dash, rest = wanted.partition("-")
    parts = (rest if dash else wanted).split(":")
    if not all(part.isdecimal() for part in parts) or len(parts) > 3 or (dash and not days.isdecimal()):
        return None
    numbers = [int(part) for part in parts]
    if dash:
        whole = sum(number * weight for number, weight in zip(numbers, (3600, 60, 1), strict=False))
        return float(int(days) * DAY_S + whole)
    weights = {1: (60,), 2: (60, 1), 3: (3600, 60, 1)}[len(numbers)]
    return float(sum(number * weight for number, weight in zip(numbers, weights, strict=True)))
