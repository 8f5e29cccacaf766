"""Those who look: what fifty attached screens cost the daemon, and one screen over 8,192 GPUs.

Everything is a process of its own: what serves the pages, the daemon, and each of the screens on a terminal of its own.
`GPU_WATCHDOG_BENCH=short` is for trying it out: fewer nodes and screens, and figures that are held to nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.fleet_values import GPUS_OF_NODE
from tests.bench.report import Report
from tests.bench.scale.field import INTERVAL_S, Pages, ours, pages, status, wait_for
from tests.bench.screens import crowd, listeners, one
from tests.real.paging import Daemon

LOOK_S = 2.0
"""Between two looks whether every GPU was seen: an answer of thousands costs the daemon something too."""


def run(report: Report) -> None:
    """Who listens, who paints, and who has the whole fleet before him."""
    is_short = os.environ.get("GPU_WATCHDOG_BENCH") == "short"
    nodes, screens = (64, 10) if is_short else (1024, 50)
    with fleet(64) as (daemon, served):
        listeners.measure(report, daemon, served, screens)
    with fleet(64) as (daemon, served):
        crowd.measure(report, daemon, served, screens)
    with fleet(nodes) as (daemon, _):
        one.measure(report, daemon, nodes * GPUS_OF_NODE)


@contextmanager
def fleet(nodes: int) -> Iterator[tuple[Daemon, Pages]]:
    """Nodes that are served and a daemon that has seen them all, for long enough to be at rest."""
    with (
        tempfile.TemporaryDirectory(prefix="gws-") as folder,
        pages(Path(folder), nodes) as served,
        ours(Path(folder)) as daemon,
    ):
        wait_for(_now_and_then(lambda: _seen(daemon) == nodes * GPUS_OF_NODE), "every GPU was seen")
        time.sleep(INTERVAL_S)
        yield daemon, served


def _now_and_then(is_so: Callable[[], bool]) -> Callable[[], bool]:
    def looked() -> bool:
        time.sleep(LOOK_S)
        return is_so()

    return looked


def _seen(daemon: Daemon) -> int:
    """GPUs that have a value."""
    return len(status(daemon, "/api/metrics/current?metric=temperature")["values"])
