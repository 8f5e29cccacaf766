"""What a running process has cost so far, as the kernel counts it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used."""

    cpu_s: float
    """Seconds on a core, its threads' together; its children's are not in it."""
    rss_mib: float
    """Memory it holds now."""
    peak_mib: float
    """The most it ever held."""


def cost(pid: int) -> Cost:
    """The cost of a process so far. Raises OSError where it is gone."""
    folder = Path(f"/proc/{pid}")
    numbers = (folder / "stat").read_text().rpartition(")")[2].split()
    said = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    rss, peak = (int(said[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    return Cost((int(numbers[11]) + int(numbers[12])) / _TICKS, rss, peak)
