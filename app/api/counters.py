"""What the daemon counts of itself: questions by route and status, listeners, and what the process takes."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

PREFIX = "gpu_watchdog_api_"
_STAT = Path("/proc/self/stat")


class Counters:
    """Counts since the daemon began to answer."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        """By method, path as its row writes it, and status."""
        self.refused: Counter[str] = Counter()
        """Questions of people who were not let in, by why."""
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        """Further figures: name, what it says, and how it is found."""
        self._began = time.time()

    def note_refused(self, why: str) -> None:
        """Somebody was not let in."""
        self.refused[why] += 1

    def page(self) -> str:
        """All of them as Prometheus text."""
        lines = _family(
            f"{PREFIX}requests_total",
            "counter",
            "Questions answered, by route and status.",
            {
                f'method="{method}",path="{path}",status="{status}"': count
                for (method, path, status), count in self.answers.items()
            },
        )
        lines += _family(
            f"{PREFIX}refused_total",
            "counter",
            "Questions of people who were not let in.",
            {f'why="{why}"': count for why, count in self.refused.items()},
        )
        for name, (about, find) in self.gauges.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += _family(f"{PREFIX}{name}", kind, about, {"": find()})
        for name, kind, about, value in _process(self._began):
            lines += _family(name, kind, about, {"": value})
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str, series: Mapping[str, float]) -> list[str]:
    if not series:
        return []
    rows = [
        f"{name}{{{labels}}} {value:.15g}" if labels else f"{name} {value:.15g}" for labels, value in series.items()
    ]
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *rows]


def _process(began: float) -> list[tuple[str, str, str, float]]:
    """What this process takes, under the names that every exporter uses."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = [
        ("process_cpu_seconds_total", "counter", "CPU time, user and system.", used.ru_utime + used.ru_stime),
        ("process_start_time_seconds", "gauge", "When it began to answer, epoch seconds.", began),
    ]
    try:
        pages = int(_STAT.read_text("ascii").rpartition(")")[2].split()[21])
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    except (OSError, ValueError, IndexError):
        return told
    told.append(("process_resident_memory_bytes", "gauge", "Memory in use.", pages * os.sysconf("SC_PAGE_SIZE")))
    told.append(("process_open_fds", "gauge", "Open files and connections.", files))
    return told
