"""Thousands of GPUs, side by side with Debian's Prometheus on the same pages at the same interval.

Ours also evaluates all its alert rules and diagnoses at every interval, and keeps a flight recorder; Prometheus only
scrapes, for its rules would be ours exported. What serves the pages is a process of its own and is not counted.
`GPU_WATCHDOG_BENCH=full` makes it the long form: half an hour of collecting, a day of samples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.report import Report
from tests.bench.scale import collect, kept, past
from tests.tools.parts import find

PARTS: tuple[Callable[[Report, Path, bool], None], ...] = (collect.run, kept.run, past.run)


def run(report: Report) -> None:
    """Measure the parts one after another; a peer that is absent is said and left out."""
    has_peer = find("prometheus") is not None
    if not has_peer:
        report.skip("prometheus is not here (make parts): nothing stands beside ours")
    for part in PARTS:
        with tempfile.TemporaryDirectory(prefix="gws-") as folder:
            part(report, Path(folder), has_peer)
